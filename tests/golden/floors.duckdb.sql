WITH "t9" AS (
  SELECT
    "t6"."CUSTOMER_KEY",
    "t6"."TIMESTAMP",
    "t6"."CHURNED",
    "t7"."DAYS_SINCE_LAST_PURCHASE",
    "t8"."CUSTOMER_ID",
    "t8"."BASE_PROBABILITY",
    "t8"."DEFAULT_PROBABILITY"
  FROM (
    SELECT
      *
    FROM "LABELS" AS "t0"
    WHERE
      "t0"."TIMESTAMP" IN (MAKE_TIMESTAMP(2024, 5, 1, 0, 0, 0.0))
  ) AS "t6"
  INNER JOIN (
    SELECT
      *
    FROM "FEATURES" AS "t1"
    WHERE
      "t1"."TIMESTAMP" IN (MAKE_TIMESTAMP(2024, 5, 1, 0, 0, 0.0))
  ) AS "t7"
    ON "t6"."CUSTOMER_KEY" = "t7"."CUSTOMER_KEY" AND "t6"."TIMESTAMP" = "t7"."TIMESTAMP"
  INNER JOIN (
    SELECT
      *
    FROM "PREDICTIONS" AS "t2"
    WHERE
      "t2"."TIMESTAMP" IN (MAKE_TIMESTAMP(2024, 5, 1, 0, 0, 0.0))
  ) AS "t8"
    ON "t6"."CUSTOMER_KEY" = "t8"."CUSTOMER_KEY" AND "t6"."TIMESTAMP" = "t8"."TIMESTAMP"
), "t13" AS (
  SELECT
    *
  FROM (
    SELECT
      "t10"."TIMESTAMP",
      "t10"."CHURNED",
      'BASE' AS "ROLE",
      CASE
        WHEN ISNAN("t10"."BASE_PROBABILITY") OR ISINF("t10"."BASE_PROBABILITY")
        THEN CAST(NULL AS DOUBLE)
        ELSE "t10"."BASE_PROBABILITY"
      END AS "MODEL",
      "t10"."DAYS_SINCE_LAST_PURCHASE" AS "RECENCY"
    FROM "t9" AS "t10"
    WHERE
      "t10"."DAYS_SINCE_LAST_PURCHASE" IS NOT NULL
  ) AS "t11"
  WHERE
    "t11"."MODEL" IS NOT NULL
), "t14" AS (
  SELECT
    *
  FROM (
    SELECT
      "t10"."TIMESTAMP",
      "t10"."CHURNED",
      'DEFAULT' AS "ROLE",
      CASE
        WHEN ISNAN("t10"."DEFAULT_PROBABILITY") OR ISINF("t10"."DEFAULT_PROBABILITY")
        THEN CAST(NULL AS DOUBLE)
        ELSE "t10"."DEFAULT_PROBABILITY"
      END AS "MODEL",
      "t10"."DAYS_SINCE_LAST_PURCHASE" AS "RECENCY"
    FROM "t9" AS "t10"
    WHERE
      "t10"."DAYS_SINCE_LAST_PURCHASE" IS NOT NULL
  ) AS "t12"
  WHERE
    "t12"."MODEL" IS NOT NULL
), "t21" AS (
  SELECT
    "t20"."ROLE",
    "t20"."TIMESTAMP",
    "t20"."RECENCY",
    "t20"."UP",
    "t20"."DOWN",
    (
      SUM("t20"."DOWN") OVER (
        PARTITION BY "t20"."ROLE", "t20"."TIMESTAMP"
        ORDER BY "t20"."RECENCY" ASC
        ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
      ) * 2
    ) - "t20"."DOWN" AS "UP_WON",
    (
      SUM("t20"."UP") OVER (
        PARTITION BY "t20"."ROLE", "t20"."TIMESTAMP"
        ORDER BY "t20"."RECENCY" ASC
        ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
      ) * 2
    ) - "t20"."UP" AS "DOWN_WON"
  FROM (
    SELECT
      "t19"."ROLE",
      "t19"."TIMESTAMP",
      "t19"."RECENCY",
      COUNT(*) FILTER(WHERE
        "t19"."CHURNED" = 1) AS "UP",
      COUNT(*) FILTER(WHERE
        "t19"."CHURNED" <> 1) AS "DOWN"
    FROM (
      SELECT
        *
      FROM "t13" AS "t15"
      UNION ALL
      SELECT
        *
      FROM "t14" AS "t16"
    ) AS "t19"
    GROUP BY
      1,
      2,
      3
  ) AS "t20"
)
SELECT
  "t35"."ROLE",
  "t35"."TIMESTAMP",
  "t35"."UP_ROWS_COUNTED",
  "t35"."UP_WINS_MODEL",
  "t35"."UP_WINS_RECENCY",
  "t35"."UP_SURPRISE",
  "t35"."UP_SURPRISE_SQUARES",
  "t35"."DOWN_ROWS_COUNTED",
  "t35"."DOWN_WINS_MODEL",
  "t35"."DOWN_WINS_RECENCY",
  "t35"."DOWN_SURPRISE",
  "t35"."DOWN_SURPRISE_SQUARES",
  CAST("t35"."UP_APART" + "t26"."UP_LAST" AS DOUBLE) AS "UP_SQUARES",
  CAST("t35"."DOWN_APART" + "t26"."DOWN_LAST" AS DOUBLE) AS "DOWN_SQUARES"
FROM (
  SELECT
    "t33"."ROLE",
    "t33"."TIMESTAMP",
    SUM("t33"."UP") AS "UP_ROWS_COUNTED",
    SUM("t33"."UP" * "t33"."UP_WON") AS "UP_WINS_MODEL",
    SUM("t33"."UP_RECENCY") AS "UP_WINS_RECENCY",
    SUM(
      (
        CAST("t33"."UP" AS DECIMAL(19, 0)) * CAST("t33"."UP_WON" * "t33"."UP_WON" AS DECIMAL(19, 0))
      ) - (
        "t33"."UP_WON" * 2 * "t33"."UP_RECENCY"
      )
    ) AS "UP_APART",
    CAST(SUM(
      CAST(-(
        LN(
          CASE
            WHEN "t33"."MODEL" < 1e-15
            THEN 1e-15
            ELSE CASE
              WHEN "t33"."MODEL" > 0.999999999999999
              THEN 0.999999999999999
              ELSE "t33"."MODEL"
            END
          END
        )
      ) AS DECIMAL(18, 12)) * "t33"."UP"
    ) AS DOUBLE) AS "UP_SURPRISE",
    CAST(SUM(
      CAST(-(
        LN(
          CASE
            WHEN "t33"."MODEL" < 1e-15
            THEN 1e-15
            ELSE CASE
              WHEN "t33"."MODEL" > 0.999999999999999
              THEN 0.999999999999999
              ELSE "t33"."MODEL"
            END
          END
        )
      ) * -(
        LN(
          CASE
            WHEN "t33"."MODEL" < 1e-15
            THEN 1e-15
            ELSE CASE
              WHEN "t33"."MODEL" > 0.999999999999999
              THEN 0.999999999999999
              ELSE "t33"."MODEL"
            END
          END
        )
      ) AS DECIMAL(18, 12)) * "t33"."UP"
    ) AS DOUBLE) AS "UP_SURPRISE_SQUARES",
    SUM("t33"."DOWN") AS "DOWN_ROWS_COUNTED",
    SUM("t33"."DOWN" * "t33"."DOWN_WON") AS "DOWN_WINS_MODEL",
    SUM("t33"."DOWN_RECENCY") AS "DOWN_WINS_RECENCY",
    SUM(
      (
        CAST("t33"."DOWN" AS DECIMAL(19, 0)) * CAST("t33"."DOWN_WON" * "t33"."DOWN_WON" AS DECIMAL(19, 0))
      ) - (
        "t33"."DOWN_WON" * 2 * "t33"."DOWN_RECENCY"
      )
    ) AS "DOWN_APART",
    CAST(SUM(
      CAST(-(
        LN(
          CASE
            WHEN (
              1.0 - "t33"."MODEL"
            ) < 1e-15
            THEN 1e-15
            ELSE CASE
              WHEN (
                1.0 - "t33"."MODEL"
              ) > 0.999999999999999
              THEN 0.999999999999999
              ELSE 1.0 - "t33"."MODEL"
            END
          END
        )
      ) AS DECIMAL(18, 12)) * "t33"."DOWN"
    ) AS DOUBLE) AS "DOWN_SURPRISE",
    CAST(SUM(
      CAST(-(
        LN(
          CASE
            WHEN (
              1.0 - "t33"."MODEL"
            ) < 1e-15
            THEN 1e-15
            ELSE CASE
              WHEN (
                1.0 - "t33"."MODEL"
              ) > 0.999999999999999
              THEN 0.999999999999999
              ELSE 1.0 - "t33"."MODEL"
            END
          END
        )
      ) * -(
        LN(
          CASE
            WHEN (
              1.0 - "t33"."MODEL"
            ) < 1e-15
            THEN 1e-15
            ELSE CASE
              WHEN (
                1.0 - "t33"."MODEL"
              ) > 0.999999999999999
              THEN 0.999999999999999
              ELSE 1.0 - "t33"."MODEL"
            END
          END
        )
      ) AS DECIMAL(18, 12)) * "t33"."DOWN"
    ) AS DOUBLE) AS "DOWN_SURPRISE_SQUARES"
  FROM (
    SELECT
      *
    FROM (
      SELECT
        "t29"."ROLE",
        "t29"."TIMESTAMP",
        "t29"."MODEL",
        "t29"."UP",
        "t29"."DOWN",
        "t29"."UP_RECENCY",
        "t29"."DOWN_RECENCY",
        (
          SUM("t29"."DOWN") OVER (ORDER BY "t29"."MODEL" ASC ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) * 2
        ) - "t29"."DOWN" AS "UP_WON",
        (
          SUM("t29"."UP") OVER (ORDER BY "t29"."MODEL" ASC ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) * 2
        ) - "t29"."UP" AS "DOWN_WON"
      FROM (
        SELECT
          "t27"."ROLE",
          "t27"."TIMESTAMP",
          "t27"."MODEL",
          COUNT(*) FILTER(WHERE
            "t27"."CHURNED" = 1) AS "UP",
          COUNT(*) FILTER(WHERE
            NOT (
              "t27"."CHURNED" = 1
            )) AS "DOWN",
          COALESCE(SUM("t27"."UP_WON") FILTER(WHERE
            "t27"."CHURNED" = 1), 0) AS "UP_RECENCY",
          COALESCE(SUM("t27"."DOWN_WON") FILTER(WHERE
            NOT (
              "t27"."CHURNED" = 1
            )), 0) AS "DOWN_RECENCY"
        FROM (
          SELECT
            "t17"."TIMESTAMP",
            "t17"."CHURNED",
            "t17"."ROLE",
            "t17"."MODEL",
            "t17"."RECENCY",
            "t24"."UP_WON",
            "t24"."DOWN_WON"
          FROM "t13" AS "t17"
          INNER JOIN (
            SELECT
              "t22"."ROLE",
              "t22"."TIMESTAMP",
              "t22"."RECENCY",
              "t22"."UP_WON",
              "t22"."DOWN_WON"
            FROM "t21" AS "t22"
          ) AS "t24"
            ON "t17"."ROLE" = "t24"."ROLE"
            AND "t17"."TIMESTAMP" = "t24"."TIMESTAMP"
            AND "t17"."RECENCY" = "t24"."RECENCY"
        ) AS "t27"
        GROUP BY
          1,
          2,
          3
      ) AS "t29"
    ) AS "t31"
    UNION ALL
    SELECT
      *
    FROM (
      SELECT
        "t30"."ROLE",
        "t30"."TIMESTAMP",
        "t30"."MODEL",
        "t30"."UP",
        "t30"."DOWN",
        "t30"."UP_RECENCY",
        "t30"."DOWN_RECENCY",
        (
          SUM("t30"."DOWN") OVER (ORDER BY "t30"."MODEL" ASC ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) * 2
        ) - "t30"."DOWN" AS "UP_WON",
        (
          SUM("t30"."UP") OVER (ORDER BY "t30"."MODEL" ASC ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) * 2
        ) - "t30"."UP" AS "DOWN_WON"
      FROM (
        SELECT
          "t28"."ROLE",
          "t28"."TIMESTAMP",
          "t28"."MODEL",
          COUNT(*) FILTER(WHERE
            "t28"."CHURNED" = 1) AS "UP",
          COUNT(*) FILTER(WHERE
            NOT (
              "t28"."CHURNED" = 1
            )) AS "DOWN",
          COALESCE(SUM("t28"."UP_WON") FILTER(WHERE
            "t28"."CHURNED" = 1), 0) AS "UP_RECENCY",
          COALESCE(SUM("t28"."DOWN_WON") FILTER(WHERE
            NOT (
              "t28"."CHURNED" = 1
            )), 0) AS "DOWN_RECENCY"
        FROM (
          SELECT
            "t18"."TIMESTAMP",
            "t18"."CHURNED",
            "t18"."ROLE",
            "t18"."MODEL",
            "t18"."RECENCY",
            "t24"."UP_WON",
            "t24"."DOWN_WON"
          FROM "t14" AS "t18"
          INNER JOIN (
            SELECT
              "t22"."ROLE",
              "t22"."TIMESTAMP",
              "t22"."RECENCY",
              "t22"."UP_WON",
              "t22"."DOWN_WON"
            FROM "t21" AS "t22"
          ) AS "t24"
            ON "t18"."ROLE" = "t24"."ROLE"
            AND "t18"."TIMESTAMP" = "t24"."TIMESTAMP"
            AND "t18"."RECENCY" = "t24"."RECENCY"
        ) AS "t28"
        GROUP BY
          1,
          2,
          3
      ) AS "t30"
    ) AS "t32"
  ) AS "t33"
  GROUP BY
    1,
    2
) AS "t35"
INNER JOIN (
  SELECT
    "t22"."ROLE",
    "t22"."TIMESTAMP",
    SUM(
      CAST("t22"."UP" AS DECIMAL(19, 0)) * CAST("t22"."UP_WON" * "t22"."UP_WON" AS DECIMAL(19, 0))
    ) AS "UP_LAST",
    SUM(
      CAST("t22"."DOWN" AS DECIMAL(19, 0)) * CAST("t22"."DOWN_WON" * "t22"."DOWN_WON" AS DECIMAL(19, 0))
    ) AS "DOWN_LAST"
  FROM "t21" AS "t22"
  GROUP BY
    1,
    2
) AS "t26"
  ON "t35"."ROLE" = "t26"."ROLE" AND "t35"."TIMESTAMP" = "t26"."TIMESTAMP"
