WITH "t9" AS (
  SELECT
    "t6"."CUSTOMER_KEY",
    "t6"."CUSTOMER_ID",
    "t6"."TIMESTAMP",
    "t6"."NEXT_TRANSACTION_DATE",
    "t6"."CHURNED",
    "t6"."IS_FINAL",
    "t6"."KNOWN_AT",
    "t7"."DAYS_SINCE_LAST_PURCHASE",
    "t8"."CUSTOMER_KEY" AS "P_CUSTOMER_KEY",
    "t8"."CUSTOMER_ID" AS "P_CUSTOMER_ID",
    "t8"."TIMESTAMP" AS "P_TIMESTAMP",
    "t8"."BASE_VERSION",
    "t8"."BASE_CLASS",
    "t8"."BASE_PROBABILITY",
    "t8"."DEFAULT_VERSION",
    "t8"."DEFAULT_CLASS",
    "t8"."DEFAULT_PROBABILITY",
    "t8"."CHALLENGER_VERSION",
    "t8"."CHALLENGER_CLASS",
    "t8"."CHALLENGER_PROBABILITY"
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
  LEFT OUTER JOIN (
    SELECT
      *
    FROM "PREDICTIONS" AS "t2"
    WHERE
      "t2"."TIMESTAMP" IN (TIMESTAMP_FROM_PARTS(2024, 5, 1, 0, 0, 0, 0))
  ) AS "t8"
    ON "t6"."CUSTOMER_KEY" = "t8"."CUSTOMER_KEY" AND "t6"."TIMESTAMP" = "t8"."TIMESTAMP"
), "t16" AS (
  SELECT
    "t15"."ROLE",
    "t15"."VERSION",
    "t15"."TIMESTAMP",
    IFF(
      (
        "t15"."LABEL" = CAST('NaN' AS DOUBLE)
      )
      OR "t15"."LABEL" IN (CAST('Inf' AS DOUBLE), CAST('-Inf' AS DOUBLE)),
      CAST(NULL AS DOUBLE),
      "t15"."LABEL"
    ) AS "LABEL",
    IFF(
      (
        "t15"."CLASS" = CAST('NaN' AS DOUBLE)
      )
      OR "t15"."CLASS" IN (CAST('Inf' AS DOUBLE), CAST('-Inf' AS DOUBLE)),
      CAST(NULL AS DOUBLE),
      "t15"."CLASS"
    ) AS "CLASS",
    IFF(
      (
        "t15"."SCORE" = CAST('NaN' AS DOUBLE)
      )
      OR "t15"."SCORE" IN (CAST('Inf' AS DOUBLE), CAST('-Inf' AS DOUBLE)),
      CAST(NULL AS DOUBLE),
      "t15"."SCORE"
    ) AS "SCORE"
  FROM (
    SELECT
      *
    FROM (
      SELECT
        'DEFAULT' AS "ROLE",
        "t10"."DEFAULT_VERSION" AS "VERSION",
        "t10"."TIMESTAMP",
        CAST("t10"."CHURNED" AS DOUBLE) AS "LABEL",
        CAST("t10"."DEFAULT_CLASS" AS DOUBLE) AS "CLASS",
        "t10"."DEFAULT_PROBABILITY" AS "SCORE"
      FROM "t9" AS "t10"
      WHERE
        "t10"."IS_FINAL" AND "t10"."DEFAULT_VERSION" IS NOT NULL
    ) AS "t11"
    UNION ALL
    SELECT
      *
    FROM (
      SELECT
        *
      FROM (
        SELECT
          'RECENCY_RULE' AS "ROLE",
          'RECENCY_RULE' AS "VERSION",
          "t10"."TIMESTAMP",
          CAST("t10"."CHURNED" AS DOUBLE) AS "LABEL",
          IFF("t10"."DAYS_SINCE_LAST_PURCHASE" >= 30, 1.0, 0.0) AS "CLASS",
          CAST("t10"."DAYS_SINCE_LAST_PURCHASE" AS DOUBLE) AS "SCORE"
        FROM "t9" AS "t10"
        WHERE
          "t10"."IS_FINAL"
      ) AS "t13"
      UNION ALL
      SELECT
        *
      FROM (
        SELECT
          'BASE' AS "ROLE",
          "t10"."BASE_VERSION" AS "VERSION",
          "t10"."TIMESTAMP",
          CAST("t10"."CHURNED" AS DOUBLE) AS "LABEL",
          CAST("t10"."BASE_CLASS" AS DOUBLE) AS "CLASS",
          "t10"."BASE_PROBABILITY" AS "SCORE"
        FROM "t9" AS "t10"
        WHERE
          "t10"."IS_FINAL" AND "t10"."BASE_VERSION" IS NOT NULL
      ) AS "t12"
    ) AS "t14"
  ) AS "t15"
)
SELECT
  "t22"."ROLE",
  "t22"."VERSION",
  "t22"."TIMESTAMP",
  "t22"."ROWS_ALL",
  "t22"."CLASS_USED",
  "t22"."SCORE_USED",
  "t22"."POSITIVES",
  "t22"."TP",
  "t22"."FP",
  "t22"."FN",
  "t22"."TN",
  CAST("t22"."POSITIVES" AS DOUBLE) / NULLIF(CAST("t22"."LABELED" AS DOUBLE), 0.0) AS "BASE_RATE",
  (
    (
      CAST("t22"."POSITIVES" AS DOUBLE) / NULLIF(CAST("t22"."LABELED" AS DOUBLE), 0.0)
    ) * 2.0
  ) / NULLIF(
    (
      CAST("t22"."POSITIVES" AS DOUBLE) / NULLIF(CAST("t22"."LABELED" AS DOUBLE), 0.0)
    ) + 1.0,
    0.0
  ) AS "TRIVIAL_F1",
  "t26"."ROC_AUC",
  CAST("t22"."TP" + "t22"."TN" AS DOUBLE) / NULLIF(CAST("t22"."CLASS_USED" AS DOUBLE), 0.0) AS "CLASSIFICATION_ACCURACY",
  CAST("t22"."TP" AS DOUBLE) / NULLIF(CAST("t22"."TP" + "t22"."FP" AS DOUBLE), 0.0) AS "PRECISION",
  CAST("t22"."TP" AS DOUBLE) / NULLIF(CAST("t22"."TP" + "t22"."FN" AS DOUBLE), 0.0) AS "RECALL",
  CAST("t22"."TP" * 2 AS DOUBLE) / NULLIF(CAST((
    "t22"."TP" * 2
  ) + "t22"."FP" + "t22"."FN" AS DOUBLE), 0.0) AS "F1_SCORE",
  "t22"."LOG_LOSS"
FROM (
  SELECT
    "t17"."ROLE",
    "t17"."VERSION",
    "t17"."TIMESTAMP",
    COUNT(*) AS "ROWS_ALL",
    COUNT_IF("t17"."LABEL" IS NOT NULL) AS "LABELED",
    COUNT_IF((
      "t17"."LABEL" IS NOT NULL
    ) AND (
      "t17"."CLASS" IS NOT NULL
    )) AS "CLASS_USED",
    COUNT_IF((
      "t17"."LABEL" IS NOT NULL
    ) AND (
      "t17"."SCORE" IS NOT NULL
    )) AS "SCORE_USED",
    COUNT_IF((
      "t17"."LABEL" IS NOT NULL
    ) AND (
      "t17"."LABEL" = 1.0
    )) AS "POSITIVES",
    COUNT_IF(
      (
        "t17"."LABEL" IS NOT NULL
      )
      AND (
        "t17"."CLASS" IS NOT NULL
      )
      AND (
        "t17"."LABEL" = 1.0
      )
      AND (
        "t17"."CLASS" = 1.0
      )
    ) AS "TP",
    COUNT_IF(
      (
        "t17"."LABEL" IS NOT NULL
      )
      AND (
        "t17"."CLASS" IS NOT NULL
      )
      AND NOT (
        "t17"."LABEL" = 1.0
      )
      AND (
        "t17"."CLASS" = 1.0
      )
    ) AS "FP",
    COUNT_IF(
      (
        "t17"."LABEL" IS NOT NULL
      )
      AND (
        "t17"."CLASS" IS NOT NULL
      )
      AND (
        "t17"."LABEL" = 1.0
      )
      AND NOT (
        "t17"."CLASS" = 1.0
      )
    ) AS "FN",
    COUNT_IF(
      (
        "t17"."LABEL" IS NOT NULL
      )
      AND (
        "t17"."CLASS" IS NOT NULL
      )
      AND NOT (
        "t17"."LABEL" = 1.0
      )
      AND NOT (
        "t17"."CLASS" = 1.0
      )
    ) AS "TN",
    IFF(
      (
        MIN(
          IFF(
            (
              "t17"."LABEL" IS NOT NULL
            ) AND (
              "t17"."SCORE" IS NOT NULL
            ),
            "t17"."SCORE",
            NULL
          )
        ) >= 0.0
      )
      AND (
        MAX(
          IFF(
            (
              "t17"."LABEL" IS NOT NULL
            ) AND (
              "t17"."SCORE" IS NOT NULL
            ),
            "t17"."SCORE",
            NULL
          )
        ) <= 1.0
      ),
      CAST(SUM(
        IFF(
          (
            "t17"."LABEL" IS NOT NULL
          ) AND (
            "t17"."SCORE" IS NOT NULL
          ),
          CAST(-(
            LN(
              IFF(
                IFF("t17"."LABEL" = 1.0, "t17"."SCORE", 1.0 - "t17"."SCORE") < 1e-15,
                1e-15,
                IFF(
                  IFF("t17"."LABEL" = 1.0, "t17"."SCORE", 1.0 - "t17"."SCORE") > 0.999999999999999,
                  0.999999999999999,
                  IFF("t17"."LABEL" = 1.0, "t17"."SCORE", 1.0 - "t17"."SCORE")
                )
              )
            )
          ) AS DECIMAL(18, 12)),
          NULL
        )
      ) AS DOUBLE) / NULLIF(
        CAST(COUNT_IF((
          "t17"."LABEL" IS NOT NULL
        ) AND (
          "t17"."SCORE" IS NOT NULL
        )) AS DOUBLE),
        0.0
      ),
      CAST(NULL AS DOUBLE)
    ) AS "LOG_LOSS"
  FROM "t16" AS "t17"
  GROUP BY
    1,
    2,
    3
) AS "t22"
LEFT OUTER JOIN (
  SELECT
    "t24"."ROLE",
    "t24"."VERSION",
    "t24"."TIMESTAMP",
    "t24"."WON" / NULLIF(CAST("t24"."UPS" AS DOUBLE) * CAST("t24"."DOWNS" AS DOUBLE), 0.0) AS "ROC_AUC"
  FROM (
    SELECT
      "t23"."ROLE",
      "t23"."VERSION",
      "t23"."TIMESTAMP",
      SUM("t23"."WINS") AS "WON",
      SUM("t23"."UP") AS "UPS",
      SUM("t23"."DOWN") AS "DOWNS"
    FROM (
      SELECT
        "t20"."ROLE",
        "t20"."VERSION",
        "t20"."TIMESTAMP",
        "t20"."SCORE",
        "t20"."UP",
        "t20"."DOWN",
        "t20"."DOWN_UPTO",
        CAST("t20"."UP" AS DOUBLE) * (
          CAST("t20"."DOWN_UPTO" AS DOUBLE) - (
            CAST("t20"."DOWN" AS DOUBLE) / 2.0
          )
        ) AS "WINS"
      FROM (
        SELECT
          "t19"."ROLE",
          "t19"."VERSION",
          "t19"."TIMESTAMP",
          "t19"."SCORE",
          "t19"."UP",
          "t19"."DOWN",
          SUM("t19"."DOWN") OVER (
            PARTITION BY "t19"."ROLE", "t19"."VERSION", "t19"."TIMESTAMP"
            ORDER BY "t19"."SCORE" ASC
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
          ) AS "DOWN_UPTO"
        FROM (
          SELECT
            "t18"."ROLE",
            "t18"."VERSION",
            "t18"."TIMESTAMP",
            "t18"."SCORE",
            COUNT_IF("t18"."LABEL" = 1.0) AS "UP",
            COUNT_IF(NOT (
              "t18"."LABEL" = 1.0
            )) AS "DOWN"
          FROM (
            SELECT
              *
            FROM "t16" AS "t17"
            WHERE
              "t17"."LABEL" IS NOT NULL
              AND "t17"."SCORE" IS NOT NULL
              AND "t17"."ROLE" IN ('RECENCY_RULE')
          ) AS "t18"
          GROUP BY
            1,
            2,
            3,
            4
        ) AS "t19"
      ) AS "t20"
    ) AS "t23"
    GROUP BY
      1,
      2,
      3
  ) AS "t24"
) AS "t26"
  ON "t22"."ROLE" = "t26"."ROLE"
  AND "t22"."VERSION" = "t26"."VERSION"
  AND "t22"."TIMESTAMP" = "t26"."TIMESTAMP"
