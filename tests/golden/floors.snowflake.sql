SELECT
  "t15"."ROLE",
  "t15"."TIMESTAMP",
  "t15"."CHURNED",
  COUNT(*) AS "ROWS_COUNTED",
  SUM("t15"."WINS_MODEL") AS "WINS_MODEL",
  SUM("t15"."WINS_RECENCY") AS "WINS_RECENCY",
  CAST(SUM(
    (
      "t15"."WINS_MODEL" - "t15"."WINS_RECENCY"
    ) * (
      "t15"."WINS_MODEL" - "t15"."WINS_RECENCY"
    )
  ) AS DOUBLE) AS "SQUARES_MODEL_RECENCY",
  CAST(SUM(CAST("t15"."SURPRISE" AS DECIMAL(18, 12))) AS DOUBLE) AS "SURPRISE",
  CAST(SUM(CAST("t15"."SURPRISE" * "t15"."SURPRISE" AS DECIMAL(18, 12))) AS DOUBLE) AS "SURPRISE_SQUARES"
FROM (
  SELECT
    "t14"."TIMESTAMP",
    "t14"."CHURNED",
    "t14"."ROLE",
    "t14"."MODEL",
    "t14"."RECENCY",
    "t14"."WINS_MODEL",
    "t14"."WINS_RECENCY",
    -(
      LN(
        IFF(
          IFF("t14"."CHURNED" = 1, "t14"."MODEL", 1.0 - "t14"."MODEL") < 1e-15,
          1e-15,
          IFF(
            IFF("t14"."CHURNED" = 1, "t14"."MODEL", 1.0 - "t14"."MODEL") > 0.999999999999999,
            0.999999999999999,
            IFF("t14"."CHURNED" = 1, "t14"."MODEL", 1.0 - "t14"."MODEL")
          )
        )
      )
    ) AS "SURPRISE"
  FROM (
    SELECT
      "t13"."TIMESTAMP",
      "t13"."CHURNED",
      "t13"."ROLE",
      "t13"."MODEL",
      "t13"."RECENCY",
      (
        (
          COUNT(*) OVER (
            PARTITION BY "t13"."ROLE", "t13"."TIMESTAMP"
            ORDER BY "t13"."MODEL" ASC
            RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
          ) - COUNT(*) OVER (
            PARTITION BY "t13"."ROLE", "t13"."TIMESTAMP", "t13"."CHURNED"
            ORDER BY "t13"."MODEL" ASC
            RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
          )
        ) + (
          RANK() OVER (PARTITION BY "t13"."ROLE", "t13"."TIMESTAMP" ORDER BY "t13"."MODEL" ASC) - 1
        )
      ) - (
        RANK() OVER (
          PARTITION BY "t13"."ROLE", "t13"."TIMESTAMP", "t13"."CHURNED"
          ORDER BY "t13"."MODEL" ASC
        ) - 1
      ) AS "WINS_MODEL",
      (
        (
          COUNT(*) OVER (
            PARTITION BY "t13"."ROLE", "t13"."TIMESTAMP"
            ORDER BY "t13"."RECENCY" ASC
            RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
          ) - COUNT(*) OVER (
            PARTITION BY "t13"."ROLE", "t13"."TIMESTAMP", "t13"."CHURNED"
            ORDER BY "t13"."RECENCY" ASC
            RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
          )
        ) + (
          RANK() OVER (PARTITION BY "t13"."ROLE", "t13"."TIMESTAMP" ORDER BY "t13"."RECENCY" ASC) - 1
        )
      ) - (
        RANK() OVER (
          PARTITION BY "t13"."ROLE", "t13"."TIMESTAMP", "t13"."CHURNED"
          ORDER BY "t13"."RECENCY" ASC
        ) - 1
      ) AS "WINS_RECENCY"
    FROM (
      SELECT
        *
      FROM (
        SELECT
          "t11"."TIMESTAMP",
          "t11"."CHURNED",
          "t11"."ROLE",
          IFF(
            (
              "t11"."MODEL" = CAST('NaN' AS DOUBLE)
            )
            OR "t11"."MODEL" IN (CAST('Inf' AS DOUBLE), CAST('-Inf' AS DOUBLE)),
            CAST(NULL AS DOUBLE),
            "t11"."MODEL"
          ) AS "MODEL",
          IFF(
            (
              "t11"."RECENCY" = CAST('NaN' AS DOUBLE)
            )
            OR "t11"."RECENCY" IN (CAST('Inf' AS DOUBLE), CAST('-Inf' AS DOUBLE)),
            CAST(NULL AS DOUBLE),
            "t11"."RECENCY"
          ) AS "RECENCY"
        FROM (
          SELECT
            *
          FROM (
            SELECT
              "t6"."TIMESTAMP",
              "t6"."CHURNED",
              'BASE' AS "ROLE",
              "t8"."BASE_PROBABILITY" AS "MODEL",
              CAST("t7"."DAYS_SINCE_LAST_PURCHASE" AS DOUBLE) AS "RECENCY"
            FROM (
              SELECT
                *
              FROM "LABELS" AS "t0"
              WHERE
                "t0"."TIMESTAMP" IN (TIMESTAMP_FROM_PARTS(2024, 5, 1, 0, 0, 0, 0))
            ) AS "t6"
            INNER JOIN (
              SELECT
                *
              FROM "FEATURES" AS "t1"
              WHERE
                "t1"."TIMESTAMP" IN (TIMESTAMP_FROM_PARTS(2024, 5, 1, 0, 0, 0, 0))
            ) AS "t7"
              ON "t6"."CUSTOMER_KEY" = "t7"."CUSTOMER_KEY" AND "t6"."TIMESTAMP" = "t7"."TIMESTAMP"
            INNER JOIN (
              SELECT
                *
              FROM "PREDICTIONS" AS "t2"
              WHERE
                "t2"."TIMESTAMP" IN (TIMESTAMP_FROM_PARTS(2024, 5, 1, 0, 0, 0, 0))
            ) AS "t8"
              ON "t6"."CUSTOMER_KEY" = "t8"."CUSTOMER_KEY" AND "t6"."TIMESTAMP" = "t8"."TIMESTAMP"
          ) AS "t9"
          UNION ALL
          SELECT
            *
          FROM (
            SELECT
              "t6"."TIMESTAMP",
              "t6"."CHURNED",
              'DEFAULT' AS "ROLE",
              "t8"."DEFAULT_PROBABILITY" AS "MODEL",
              CAST("t7"."DAYS_SINCE_LAST_PURCHASE" AS DOUBLE) AS "RECENCY"
            FROM (
              SELECT
                *
              FROM "LABELS" AS "t0"
              WHERE
                "t0"."TIMESTAMP" IN (TIMESTAMP_FROM_PARTS(2024, 5, 1, 0, 0, 0, 0))
            ) AS "t6"
            INNER JOIN (
              SELECT
                *
              FROM "FEATURES" AS "t1"
              WHERE
                "t1"."TIMESTAMP" IN (TIMESTAMP_FROM_PARTS(2024, 5, 1, 0, 0, 0, 0))
            ) AS "t7"
              ON "t6"."CUSTOMER_KEY" = "t7"."CUSTOMER_KEY" AND "t6"."TIMESTAMP" = "t7"."TIMESTAMP"
            INNER JOIN (
              SELECT
                *
              FROM "PREDICTIONS" AS "t2"
              WHERE
                "t2"."TIMESTAMP" IN (TIMESTAMP_FROM_PARTS(2024, 5, 1, 0, 0, 0, 0))
            ) AS "t8"
              ON "t6"."CUSTOMER_KEY" = "t8"."CUSTOMER_KEY" AND "t6"."TIMESTAMP" = "t8"."TIMESTAMP"
          ) AS "t10"
        ) AS "t11"
      ) AS "t12"
      WHERE
        "t12"."MODEL" IS NOT NULL AND "t12"."RECENCY" IS NOT NULL
    ) AS "t13"
  ) AS "t14"
) AS "t15"
GROUP BY
  1,
  2,
  3
