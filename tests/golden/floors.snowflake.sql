WITH "t12" AS (
  SELECT
    *
  FROM (
    SELECT
      *
    FROM (
      SELECT
        "t6"."TIMESTAMP",
        "t6"."CHURNED",
        'BASE' AS "ROLE",
        IFF(
          (
            "t8"."BASE_PROBABILITY" = CAST('NaN' AS DOUBLE)
          )
          OR "t8"."BASE_PROBABILITY" IN (CAST('Inf' AS DOUBLE), CAST('-Inf' AS DOUBLE)),
          CAST(NULL AS DOUBLE),
          "t8"."BASE_PROBABILITY"
        ) AS "MODEL",
        "t7"."DAYS_SINCE_LAST_PURCHASE" AS "RECENCY"
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
        IFF(
          (
            "t8"."DEFAULT_PROBABILITY" = CAST('NaN' AS DOUBLE)
          )
          OR "t8"."DEFAULT_PROBABILITY" IN (CAST('Inf' AS DOUBLE), CAST('-Inf' AS DOUBLE)),
          CAST(NULL AS DOUBLE),
          "t8"."DEFAULT_PROBABILITY"
        ) AS "MODEL",
        "t7"."DAYS_SINCE_LAST_PURCHASE" AS "RECENCY"
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
  WHERE
    "t11"."MODEL" IS NOT NULL AND "t11"."RECENCY" IS NOT NULL
)
SELECT
  "t21"."ROLE",
  "t21"."TIMESTAMP",
  SUM("t21"."UP") AS "UP_ROWS_COUNTED",
  SUM("t21"."UP" * "t21"."UP_WON") AS "UP_WINS_MODEL",
  SUM("t21"."UP_RECENCY") AS "UP_WINS_RECENCY",
  CAST(SUM(
    (
      (
        CAST("t21"."UP" AS DECIMAL(19, 0)) * CAST("t21"."UP_WON" * "t21"."UP_WON" AS DECIMAL(19, 0))
      ) - (
        "t21"."UP_WON" * 2 * "t21"."UP_RECENCY"
      )
    ) + "t21"."UP_SQUARES"
  ) AS DOUBLE) AS "UP_SQUARES",
  CAST(SUM(
    CAST(-(
      LN(
        IFF(
          "t21"."MODEL" < 1e-15,
          1e-15,
          IFF("t21"."MODEL" > 0.999999999999999, 0.999999999999999, "t21"."MODEL")
        )
      )
    ) AS DECIMAL(18, 12)) * "t21"."UP"
  ) AS DOUBLE) AS "UP_SURPRISE",
  CAST(SUM(
    CAST(-(
      LN(
        IFF(
          "t21"."MODEL" < 1e-15,
          1e-15,
          IFF("t21"."MODEL" > 0.999999999999999, 0.999999999999999, "t21"."MODEL")
        )
      )
    ) * -(
      LN(
        IFF(
          "t21"."MODEL" < 1e-15,
          1e-15,
          IFF("t21"."MODEL" > 0.999999999999999, 0.999999999999999, "t21"."MODEL")
        )
      )
    ) AS DECIMAL(18, 12)) * "t21"."UP"
  ) AS DOUBLE) AS "UP_SURPRISE_SQUARES",
  SUM("t21"."DOWN") AS "DOWN_ROWS_COUNTED",
  SUM("t21"."DOWN" * "t21"."DOWN_WON") AS "DOWN_WINS_MODEL",
  SUM("t21"."DOWN_RECENCY") AS "DOWN_WINS_RECENCY",
  CAST(SUM(
    (
      (
        CAST("t21"."DOWN" AS DECIMAL(19, 0)) * CAST("t21"."DOWN_WON" * "t21"."DOWN_WON" AS DECIMAL(19, 0))
      ) - (
        "t21"."DOWN_WON" * 2 * "t21"."DOWN_RECENCY"
      )
    ) + "t21"."DOWN_SQUARES"
  ) AS DOUBLE) AS "DOWN_SQUARES",
  CAST(SUM(
    CAST(-(
      LN(
        IFF(
          (
            1.0 - "t21"."MODEL"
          ) < 1e-15,
          1e-15,
          IFF(
            (
              1.0 - "t21"."MODEL"
            ) > 0.999999999999999,
            0.999999999999999,
            1.0 - "t21"."MODEL"
          )
        )
      )
    ) AS DECIMAL(18, 12)) * "t21"."DOWN"
  ) AS DOUBLE) AS "DOWN_SURPRISE",
  CAST(SUM(
    CAST(-(
      LN(
        IFF(
          (
            1.0 - "t21"."MODEL"
          ) < 1e-15,
          1e-15,
          IFF(
            (
              1.0 - "t21"."MODEL"
            ) > 0.999999999999999,
            0.999999999999999,
            1.0 - "t21"."MODEL"
          )
        )
      )
    ) * -(
      LN(
        IFF(
          (
            1.0 - "t21"."MODEL"
          ) < 1e-15,
          1e-15,
          IFF(
            (
              1.0 - "t21"."MODEL"
            ) > 0.999999999999999,
            0.999999999999999,
            1.0 - "t21"."MODEL"
          )
        )
      )
    ) AS DECIMAL(18, 12)) * "t21"."DOWN"
  ) AS DOUBLE) AS "DOWN_SURPRISE_SQUARES"
FROM (
  SELECT
    "t20"."ROLE",
    "t20"."TIMESTAMP",
    "t20"."MODEL",
    "t20"."UP",
    "t20"."DOWN",
    "t20"."UP_RECENCY",
    "t20"."DOWN_RECENCY",
    "t20"."UP_SQUARES",
    "t20"."DOWN_SQUARES",
    (
      SUM("t20"."DOWN") OVER (
        PARTITION BY "t20"."ROLE", "t20"."TIMESTAMP"
        ORDER BY "t20"."MODEL" ASC
        ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
      ) * 2
    ) - "t20"."DOWN" AS "UP_WON",
    (
      SUM("t20"."UP") OVER (
        PARTITION BY "t20"."ROLE", "t20"."TIMESTAMP"
        ORDER BY "t20"."MODEL" ASC
        ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
      ) * 2
    ) - "t20"."UP" AS "DOWN_WON"
  FROM (
    SELECT
      "t19"."ROLE",
      "t19"."TIMESTAMP",
      "t19"."MODEL",
      COUNT_IF("t19"."CHURNED" = 1) AS "UP",
      COUNT_IF(NOT (
        "t19"."CHURNED" = 1
      )) AS "DOWN",
      COALESCE(
        SUM(
          IFF(
            "t19"."CHURNED" = 1,
            IFF("t19"."CHURNED" = 1, "t19"."UP_WON", "t19"."DOWN_WON"),
            NULL
          )
        ),
        0
      ) AS "UP_RECENCY",
      COALESCE(
        SUM(
          IFF(
            NOT (
              "t19"."CHURNED" = 1
            ),
            IFF("t19"."CHURNED" = 1, "t19"."UP_WON", "t19"."DOWN_WON"),
            NULL
          )
        ),
        0
      ) AS "DOWN_RECENCY",
      COALESCE(
        SUM(
          IFF(
            "t19"."CHURNED" = 1,
            IFF("t19"."CHURNED" = 1, "t19"."UP_WON", "t19"."DOWN_WON") * IFF("t19"."CHURNED" = 1, "t19"."UP_WON", "t19"."DOWN_WON"),
            NULL
          )
        ),
        0
      ) AS "UP_SQUARES",
      COALESCE(
        SUM(
          IFF(
            NOT (
              "t19"."CHURNED" = 1
            ),
            IFF("t19"."CHURNED" = 1, "t19"."UP_WON", "t19"."DOWN_WON") * IFF("t19"."CHURNED" = 1, "t19"."UP_WON", "t19"."DOWN_WON"),
            NULL
          )
        ),
        0
      ) AS "DOWN_SQUARES"
    FROM (
      SELECT
        "t14"."TIMESTAMP",
        "t14"."CHURNED",
        "t14"."ROLE",
        "t14"."MODEL",
        "t14"."RECENCY",
        "t18"."UP_WON",
        "t18"."DOWN_WON"
      FROM "t12" AS "t14"
      INNER JOIN (
        SELECT
          "t16"."ROLE",
          "t16"."TIMESTAMP",
          "t16"."RECENCY",
          "t16"."UP_WON",
          "t16"."DOWN_WON"
        FROM (
          SELECT
            "t15"."ROLE",
            "t15"."TIMESTAMP",
            "t15"."RECENCY",
            "t15"."UP",
            "t15"."DOWN",
            (
              SUM("t15"."DOWN") OVER (
                PARTITION BY "t15"."ROLE", "t15"."TIMESTAMP"
                ORDER BY "t15"."RECENCY" ASC
                ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
              ) * 2
            ) - "t15"."DOWN" AS "UP_WON",
            (
              SUM("t15"."UP") OVER (
                PARTITION BY "t15"."ROLE", "t15"."TIMESTAMP"
                ORDER BY "t15"."RECENCY" ASC
                ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
              ) * 2
            ) - "t15"."UP" AS "DOWN_WON"
          FROM (
            SELECT
              "t13"."ROLE",
              "t13"."TIMESTAMP",
              "t13"."RECENCY",
              COUNT_IF("t13"."CHURNED" = 1) AS "UP",
              COUNT_IF("t13"."CHURNED" <> 1) AS "DOWN"
            FROM "t12" AS "t13"
            GROUP BY
              1,
              2,
              3
          ) AS "t15"
        ) AS "t16"
      ) AS "t18"
        ON "t14"."ROLE" = "t18"."ROLE"
        AND "t14"."TIMESTAMP" = "t18"."TIMESTAMP"
        AND "t14"."RECENCY" = "t18"."RECENCY"
    ) AS "t19"
    GROUP BY
      1,
      2,
      3
  ) AS "t20"
) AS "t21"
GROUP BY
  1,
  2
