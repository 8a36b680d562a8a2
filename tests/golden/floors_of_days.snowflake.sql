WITH "t11" AS (
  SELECT
    *
  FROM (
    SELECT
      "t9"."TIMESTAMP",
      "t9"."CHURNED",
      'BASE' AS "ROLE",
      IFF(
        (
          "t9"."BASE_PROBABILITY" = CAST('NaN' AS DOUBLE)
        )
        OR "t9"."BASE_PROBABILITY" IN (CAST('Inf' AS DOUBLE), CAST('-Inf' AS DOUBLE)),
        CAST(NULL AS DOUBLE),
        "t9"."BASE_PROBABILITY"
      ) AS "MODEL",
      "t9"."DAYS_SINCE_LAST_PURCHASE" AS "RECENCY"
    FROM (
      SELECT
        "t6"."CUSTOMER_KEY",
        "t6"."TIMESTAMP",
        "t6"."CHURNED",
        "t7"."DAYS_SINCE_LAST_PURCHASE",
        "t8"."CUSTOMER_ID",
        "t8"."BASE_PROBABILITY"
      FROM (
        SELECT
          *
        FROM "LABELS" AS "t0"
        WHERE
          "t0"."TIMESTAMP" IN (
            TIMESTAMP_FROM_PARTS(2024, 5, 1, 0, 0, 0, 0),
            TIMESTAMP_FROM_PARTS(2024, 6, 1, 0, 0, 0, 0)
          )
      ) AS "t6"
      INNER JOIN (
        SELECT
          *
        FROM "FEATURES" AS "t1"
        WHERE
          "t1"."TIMESTAMP" IN (
            TIMESTAMP_FROM_PARTS(2024, 5, 1, 0, 0, 0, 0),
            TIMESTAMP_FROM_PARTS(2024, 6, 1, 0, 0, 0, 0)
          )
      ) AS "t7"
        ON "t6"."CUSTOMER_KEY" = "t7"."CUSTOMER_KEY" AND "t6"."TIMESTAMP" = "t7"."TIMESTAMP"
      INNER JOIN (
        SELECT
          *
        FROM "PREDICTIONS" AS "t2"
        WHERE
          "t2"."TIMESTAMP" IN (
            TIMESTAMP_FROM_PARTS(2024, 5, 1, 0, 0, 0, 0),
            TIMESTAMP_FROM_PARTS(2024, 6, 1, 0, 0, 0, 0)
          )
      ) AS "t8"
        ON "t6"."CUSTOMER_KEY" = "t8"."CUSTOMER_KEY" AND "t6"."TIMESTAMP" = "t8"."TIMESTAMP"
    ) AS "t9"
    WHERE
      "t9"."DAYS_SINCE_LAST_PURCHASE" IS NOT NULL
  ) AS "t10"
  WHERE
    "t10"."MODEL" IS NOT NULL
), "t15" AS (
  SELECT
    "t14"."ROLE",
    "t14"."TIMESTAMP",
    "t14"."RECENCY",
    "t14"."UP",
    "t14"."DOWN",
    (
      SUM("t14"."DOWN") OVER (
        PARTITION BY "t14"."ROLE", "t14"."TIMESTAMP"
        ORDER BY "t14"."RECENCY" ASC
        ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
      ) * 2
    ) - "t14"."DOWN" AS "UP_WON",
    (
      SUM("t14"."UP") OVER (
        PARTITION BY "t14"."ROLE", "t14"."TIMESTAMP"
        ORDER BY "t14"."RECENCY" ASC
        ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
      ) * 2
    ) - "t14"."UP" AS "DOWN_WON"
  FROM (
    SELECT
      "t12"."ROLE",
      "t12"."TIMESTAMP",
      "t12"."RECENCY",
      COUNT_IF("t12"."CHURNED" = 1) AS "UP",
      COUNT_IF("t12"."CHURNED" <> 1) AS "DOWN"
    FROM "t11" AS "t12"
    GROUP BY
      1,
      2,
      3
  ) AS "t14"
)
SELECT
  "t25"."ROLE",
  "t25"."TIMESTAMP",
  "t25"."UP_ROWS_COUNTED",
  "t25"."UP_WINS_MODEL",
  "t25"."UP_WINS_RECENCY",
  "t25"."UP_SURPRISE",
  "t25"."UP_SURPRISE_SQUARES",
  "t25"."DOWN_ROWS_COUNTED",
  "t25"."DOWN_WINS_MODEL",
  "t25"."DOWN_WINS_RECENCY",
  "t25"."DOWN_SURPRISE",
  "t25"."DOWN_SURPRISE_SQUARES",
  CAST("t25"."UP_APART" + "t20"."UP_LAST" AS DOUBLE) AS "UP_SQUARES",
  CAST("t25"."DOWN_APART" + "t20"."DOWN_LAST" AS DOUBLE) AS "DOWN_SQUARES"
FROM (
  SELECT
    "t23"."ROLE",
    "t23"."TIMESTAMP",
    SUM("t23"."UP") AS "UP_ROWS_COUNTED",
    SUM("t23"."UP" * "t23"."UP_WON") AS "UP_WINS_MODEL",
    SUM("t23"."UP_RECENCY") AS "UP_WINS_RECENCY",
    SUM(
      (
        CAST("t23"."UP" AS DECIMAL(19, 0)) * CAST("t23"."UP_WON" * "t23"."UP_WON" AS DECIMAL(19, 0))
      ) - (
        "t23"."UP_WON" * 2 * "t23"."UP_RECENCY"
      )
    ) AS "UP_APART",
    CAST(SUM(
      CAST(-(
        LN(
          IFF(
            "t23"."MODEL" < 1e-15,
            1e-15,
            IFF("t23"."MODEL" > 0.999999999999999, 0.999999999999999, "t23"."MODEL")
          )
        )
      ) AS DECIMAL(18, 12)) * "t23"."UP"
    ) AS DOUBLE) AS "UP_SURPRISE",
    CAST(SUM(
      CAST(-(
        LN(
          IFF(
            "t23"."MODEL" < 1e-15,
            1e-15,
            IFF("t23"."MODEL" > 0.999999999999999, 0.999999999999999, "t23"."MODEL")
          )
        )
      ) * -(
        LN(
          IFF(
            "t23"."MODEL" < 1e-15,
            1e-15,
            IFF("t23"."MODEL" > 0.999999999999999, 0.999999999999999, "t23"."MODEL")
          )
        )
      ) AS DECIMAL(18, 12)) * "t23"."UP"
    ) AS DOUBLE) AS "UP_SURPRISE_SQUARES",
    SUM("t23"."DOWN") AS "DOWN_ROWS_COUNTED",
    SUM("t23"."DOWN" * "t23"."DOWN_WON") AS "DOWN_WINS_MODEL",
    SUM("t23"."DOWN_RECENCY") AS "DOWN_WINS_RECENCY",
    SUM(
      (
        CAST("t23"."DOWN" AS DECIMAL(19, 0)) * CAST("t23"."DOWN_WON" * "t23"."DOWN_WON" AS DECIMAL(19, 0))
      ) - (
        "t23"."DOWN_WON" * 2 * "t23"."DOWN_RECENCY"
      )
    ) AS "DOWN_APART",
    CAST(SUM(
      CAST(-(
        LN(
          IFF(
            (
              1.0 - "t23"."MODEL"
            ) < 1e-15,
            1e-15,
            IFF(
              (
                1.0 - "t23"."MODEL"
              ) > 0.999999999999999,
              0.999999999999999,
              1.0 - "t23"."MODEL"
            )
          )
        )
      ) AS DECIMAL(18, 12)) * "t23"."DOWN"
    ) AS DOUBLE) AS "DOWN_SURPRISE",
    CAST(SUM(
      CAST(-(
        LN(
          IFF(
            (
              1.0 - "t23"."MODEL"
            ) < 1e-15,
            1e-15,
            IFF(
              (
                1.0 - "t23"."MODEL"
              ) > 0.999999999999999,
              0.999999999999999,
              1.0 - "t23"."MODEL"
            )
          )
        )
      ) * -(
        LN(
          IFF(
            (
              1.0 - "t23"."MODEL"
            ) < 1e-15,
            1e-15,
            IFF(
              (
                1.0 - "t23"."MODEL"
              ) > 0.999999999999999,
              0.999999999999999,
              1.0 - "t23"."MODEL"
            )
          )
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
      (
        SUM("t22"."DOWN") OVER (
          PARTITION BY "t22"."TIMESTAMP"
          ORDER BY "t22"."MODEL" ASC
          ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) * 2
      ) - "t22"."DOWN" AS "UP_WON",
      (
        SUM("t22"."UP") OVER (
          PARTITION BY "t22"."TIMESTAMP"
          ORDER BY "t22"."MODEL" ASC
          ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) * 2
      ) - "t22"."UP" AS "DOWN_WON"
    FROM (
      SELECT
        "t21"."ROLE",
        "t21"."TIMESTAMP",
        "t21"."MODEL",
        COUNT_IF("t21"."CHURNED" = 1) AS "UP",
        COUNT_IF(NOT (
          "t21"."CHURNED" = 1
        )) AS "DOWN",
        COALESCE(SUM(IFF("t21"."CHURNED" = 1, "t21"."UP_WON", NULL)), 0) AS "UP_RECENCY",
        COALESCE(SUM(IFF(NOT (
          "t21"."CHURNED" = 1
        ), "t21"."DOWN_WON", NULL)), 0) AS "DOWN_RECENCY"
      FROM (
        SELECT
          "t13"."TIMESTAMP",
          "t13"."CHURNED",
          "t13"."ROLE",
          "t13"."MODEL",
          "t13"."RECENCY",
          "t18"."UP_WON",
          "t18"."DOWN_WON"
        FROM "t11" AS "t13"
        INNER JOIN (
          SELECT
            "t16"."ROLE",
            "t16"."TIMESTAMP",
            "t16"."RECENCY",
            "t16"."UP_WON",
            "t16"."DOWN_WON"
          FROM "t15" AS "t16"
        ) AS "t18"
          ON "t13"."ROLE" = "t18"."ROLE"
          AND "t13"."TIMESTAMP" = "t18"."TIMESTAMP"
          AND "t13"."RECENCY" = "t18"."RECENCY"
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
) AS "t25"
INNER JOIN (
  SELECT
    "t16"."ROLE",
    "t16"."TIMESTAMP",
    SUM(
      CAST("t16"."UP" AS DECIMAL(19, 0)) * CAST("t16"."UP_WON" * "t16"."UP_WON" AS DECIMAL(19, 0))
    ) AS "UP_LAST",
    SUM(
      CAST("t16"."DOWN" AS DECIMAL(19, 0)) * CAST("t16"."DOWN_WON" * "t16"."DOWN_WON" AS DECIMAL(19, 0))
    ) AS "DOWN_LAST"
  FROM "t15" AS "t16"
  GROUP BY
    1,
    2
) AS "t20"
  ON "t25"."ROLE" = "t20"."ROLE" AND "t25"."TIMESTAMP" = "t20"."TIMESTAMP"
