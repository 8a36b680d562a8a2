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
), "t14" AS (
  SELECT
    *
  FROM (
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
    UNION ALL
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
  ) AS "t13"
  WHERE
    "t13"."MODEL" IS NOT NULL
)
SELECT
  "t23"."ROLE",
  "t23"."TIMESTAMP",
  SUM("t23"."UP") AS "UP_ROWS_COUNTED",
  SUM("t23"."UP" * "t23"."UP_WON") AS "UP_WINS_MODEL",
  SUM("t23"."UP_RECENCY") AS "UP_WINS_RECENCY",
  CAST(SUM(
    (
      (
        CAST("t23"."UP" AS DECIMAL(19, 0)) * CAST("t23"."UP_WON" * "t23"."UP_WON" AS DECIMAL(19, 0))
      ) - (
        "t23"."UP_WON" * 2 * "t23"."UP_RECENCY"
      )
    ) + "t23"."UP_SQUARES"
  ) AS DOUBLE) AS "UP_SQUARES",
  CAST(SUM(
    CAST(-(
      LN(
        CASE
          WHEN "t23"."MODEL" < 1e-15
          THEN 1e-15
          ELSE CASE
            WHEN "t23"."MODEL" > 0.999999999999999
            THEN 0.999999999999999
            ELSE "t23"."MODEL"
          END
        END
      )
    ) AS DECIMAL(18, 12)) * "t23"."UP"
  ) AS DOUBLE) AS "UP_SURPRISE",
  CAST(SUM(
    CAST(-(
      LN(
        CASE
          WHEN "t23"."MODEL" < 1e-15
          THEN 1e-15
          ELSE CASE
            WHEN "t23"."MODEL" > 0.999999999999999
            THEN 0.999999999999999
            ELSE "t23"."MODEL"
          END
        END
      )
    ) * -(
      LN(
        CASE
          WHEN "t23"."MODEL" < 1e-15
          THEN 1e-15
          ELSE CASE
            WHEN "t23"."MODEL" > 0.999999999999999
            THEN 0.999999999999999
            ELSE "t23"."MODEL"
          END
        END
      )
    ) AS DECIMAL(18, 12)) * "t23"."UP"
  ) AS DOUBLE) AS "UP_SURPRISE_SQUARES",
  SUM("t23"."DOWN") AS "DOWN_ROWS_COUNTED",
  SUM("t23"."DOWN" * "t23"."DOWN_WON") AS "DOWN_WINS_MODEL",
  SUM("t23"."DOWN_RECENCY") AS "DOWN_WINS_RECENCY",
  CAST(SUM(
    (
      (
        CAST("t23"."DOWN" AS DECIMAL(19, 0)) * CAST("t23"."DOWN_WON" * "t23"."DOWN_WON" AS DECIMAL(19, 0))
      ) - (
        "t23"."DOWN_WON" * 2 * "t23"."DOWN_RECENCY"
      )
    ) + "t23"."DOWN_SQUARES"
  ) AS DOUBLE) AS "DOWN_SQUARES",
  CAST(SUM(
    CAST(-(
      LN(
        CASE
          WHEN (
            1.0 - "t23"."MODEL"
          ) < 1e-15
          THEN 1e-15
          ELSE CASE
            WHEN (
              1.0 - "t23"."MODEL"
            ) > 0.999999999999999
            THEN 0.999999999999999
            ELSE 1.0 - "t23"."MODEL"
          END
        END
      )
    ) AS DECIMAL(18, 12)) * "t23"."DOWN"
  ) AS DOUBLE) AS "DOWN_SURPRISE",
  CAST(SUM(
    CAST(-(
      LN(
        CASE
          WHEN (
            1.0 - "t23"."MODEL"
          ) < 1e-15
          THEN 1e-15
          ELSE CASE
            WHEN (
              1.0 - "t23"."MODEL"
            ) > 0.999999999999999
            THEN 0.999999999999999
            ELSE 1.0 - "t23"."MODEL"
          END
        END
      )
    ) * -(
      LN(
        CASE
          WHEN (
            1.0 - "t23"."MODEL"
          ) < 1e-15
          THEN 1e-15
          ELSE CASE
            WHEN (
              1.0 - "t23"."MODEL"
            ) > 0.999999999999999
            THEN 0.999999999999999
            ELSE 1.0 - "t23"."MODEL"
          END
        END
      )
    ) AS DECIMAL(18, 12)) * "t23"."DOWN"
  ) AS DOUBLE) AS "DOWN_SURPRISE_SQUARES"
FROM (
  SELECT
    "t22"."ROLE",
    "t22"."TIMESTAMP",
    "t22"."MODEL",
    "t22"."UP",
    "t22"."DOWN",
    "t22"."UP_RECENCY",
    "t22"."DOWN_RECENCY",
    "t22"."UP_SQUARES",
    "t22"."DOWN_SQUARES",
    (
      SUM("t22"."DOWN") OVER (
        PARTITION BY "t22"."ROLE", "t22"."TIMESTAMP"
        ORDER BY "t22"."MODEL" ASC
        ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
      ) * 2
    ) - "t22"."DOWN" AS "UP_WON",
    (
      SUM("t22"."UP") OVER (
        PARTITION BY "t22"."ROLE", "t22"."TIMESTAMP"
        ORDER BY "t22"."MODEL" ASC
        ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
      ) * 2
    ) - "t22"."UP" AS "DOWN_WON"
  FROM (
    SELECT
      "t21"."ROLE",
      "t21"."TIMESTAMP",
      "t21"."MODEL",
      COUNT(*) FILTER(WHERE
        "t21"."CHURNED" = 1) AS "UP",
      COUNT(*) FILTER(WHERE
        NOT (
          "t21"."CHURNED" = 1
        )) AS "DOWN",
      COALESCE(
        SUM(CASE WHEN "t21"."CHURNED" = 1 THEN "t21"."UP_WON" ELSE "t21"."DOWN_WON" END) FILTER(WHERE
          "t21"."CHURNED" = 1),
        0
      ) AS "UP_RECENCY",
      COALESCE(
        SUM(CASE WHEN "t21"."CHURNED" = 1 THEN "t21"."UP_WON" ELSE "t21"."DOWN_WON" END) FILTER(WHERE
          NOT (
            "t21"."CHURNED" = 1
          )),
        0
      ) AS "DOWN_RECENCY",
      COALESCE(
        SUM(
          CASE WHEN "t21"."CHURNED" = 1 THEN "t21"."UP_WON" ELSE "t21"."DOWN_WON" END * CASE WHEN "t21"."CHURNED" = 1 THEN "t21"."UP_WON" ELSE "t21"."DOWN_WON" END
        ) FILTER(WHERE
          "t21"."CHURNED" = 1),
        0
      ) AS "UP_SQUARES",
      COALESCE(
        SUM(
          CASE WHEN "t21"."CHURNED" = 1 THEN "t21"."UP_WON" ELSE "t21"."DOWN_WON" END * CASE WHEN "t21"."CHURNED" = 1 THEN "t21"."UP_WON" ELSE "t21"."DOWN_WON" END
        ) FILTER(WHERE
          NOT (
            "t21"."CHURNED" = 1
          )),
        0
      ) AS "DOWN_SQUARES"
    FROM (
      SELECT
        "t16"."TIMESTAMP",
        "t16"."CHURNED",
        "t16"."ROLE",
        "t16"."MODEL",
        "t16"."RECENCY",
        "t20"."UP_WON",
        "t20"."DOWN_WON"
      FROM "t14" AS "t16"
      INNER JOIN (
        SELECT
          "t18"."ROLE",
          "t18"."TIMESTAMP",
          "t18"."RECENCY",
          "t18"."UP_WON",
          "t18"."DOWN_WON"
        FROM (
          SELECT
            "t17"."ROLE",
            "t17"."TIMESTAMP",
            "t17"."RECENCY",
            "t17"."UP",
            "t17"."DOWN",
            (
              SUM("t17"."DOWN") OVER (
                PARTITION BY "t17"."ROLE", "t17"."TIMESTAMP"
                ORDER BY "t17"."RECENCY" ASC
                ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
              ) * 2
            ) - "t17"."DOWN" AS "UP_WON",
            (
              SUM("t17"."UP") OVER (
                PARTITION BY "t17"."ROLE", "t17"."TIMESTAMP"
                ORDER BY "t17"."RECENCY" ASC
                ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
              ) * 2
            ) - "t17"."UP" AS "DOWN_WON"
          FROM (
            SELECT
              "t15"."ROLE",
              "t15"."TIMESTAMP",
              "t15"."RECENCY",
              COUNT(*) FILTER(WHERE
                "t15"."CHURNED" = 1) AS "UP",
              COUNT(*) FILTER(WHERE
                "t15"."CHURNED" <> 1) AS "DOWN"
            FROM "t14" AS "t15"
            GROUP BY
              1,
              2,
              3
          ) AS "t17"
        ) AS "t18"
      ) AS "t20"
        ON "t16"."ROLE" = "t20"."ROLE"
        AND "t16"."TIMESTAMP" = "t20"."TIMESTAMP"
        AND "t16"."RECENCY" = "t20"."RECENCY"
    ) AS "t21"
    GROUP BY
      1,
      2,
      3
  ) AS "t22"
) AS "t23"
GROUP BY
  1,
  2
