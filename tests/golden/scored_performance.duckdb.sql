WITH "t1" AS (
  SELECT
    "t0"."TIMESTAMP",
    CASE
      WHEN ISNAN(CAST("t0"."CHURNED" AS DOUBLE)) OR ISINF(CAST("t0"."CHURNED" AS DOUBLE))
      THEN CAST(NULL AS DOUBLE)
      ELSE CAST("t0"."CHURNED" AS DOUBLE)
    END AS "LABEL",
    CASE
      WHEN ISNAN(CAST("t0"."M_CLASS" AS DOUBLE)) OR ISINF(CAST("t0"."M_CLASS" AS DOUBLE))
      THEN CAST(NULL AS DOUBLE)
      ELSE CAST("t0"."M_CLASS" AS DOUBLE)
    END AS "CLASS",
    CASE
      WHEN ISNAN("t0"."M_PROBABILITY") OR ISINF("t0"."M_PROBABILITY")
      THEN CAST(NULL AS DOUBLE)
      ELSE "t0"."M_PROBABILITY"
    END AS "SCORE"
  FROM "CHURNOBS_SCORED" AS "t0"
)
SELECT
  "t7"."TIMESTAMP",
  "t7"."ROWS_ALL",
  "t7"."CLASS_USED",
  "t7"."SCORE_USED",
  "t7"."POSITIVES",
  "t7"."TP",
  "t7"."FP",
  "t7"."FN",
  "t7"."TN",
  CAST("t7"."POSITIVES" AS DOUBLE) / NULLIF(CAST("t7"."LABELED" AS DOUBLE), 0.0) AS "BASE_RATE",
  (
    (
      CAST("t7"."POSITIVES" AS DOUBLE) / NULLIF(CAST("t7"."LABELED" AS DOUBLE), 0.0)
    ) * 2.0
  ) / NULLIF(
    (
      CAST("t7"."POSITIVES" AS DOUBLE) / NULLIF(CAST("t7"."LABELED" AS DOUBLE), 0.0)
    ) + 1.0,
    0.0
  ) AS "TRIVIAL_F1",
  "t11"."ROC_AUC",
  CAST("t7"."TP" + "t7"."TN" AS DOUBLE) / NULLIF(CAST("t7"."CLASS_USED" AS DOUBLE), 0.0) AS "CLASSIFICATION_ACCURACY",
  CAST("t7"."TP" AS DOUBLE) / NULLIF(CAST("t7"."TP" + "t7"."FP" AS DOUBLE), 0.0) AS "PRECISION",
  CAST("t7"."TP" AS DOUBLE) / NULLIF(CAST("t7"."TP" + "t7"."FN" AS DOUBLE), 0.0) AS "RECALL",
  CAST("t7"."TP" * 2 AS DOUBLE) / NULLIF(CAST((
    "t7"."TP" * 2
  ) + "t7"."FP" + "t7"."FN" AS DOUBLE), 0.0) AS "F1_SCORE",
  "t7"."LOG_LOSS"
FROM (
  SELECT
    "t2"."TIMESTAMP",
    COUNT(*) AS "ROWS_ALL",
    COUNT(*) FILTER(WHERE
      "t2"."LABEL" IS NOT NULL) AS "LABELED",
    COUNT(*) FILTER(WHERE
      (
        "t2"."LABEL" IS NOT NULL
      ) AND (
        "t2"."CLASS" IS NOT NULL
      )) AS "CLASS_USED",
    COUNT(*) FILTER(WHERE
      (
        "t2"."LABEL" IS NOT NULL
      ) AND (
        "t2"."SCORE" IS NOT NULL
      )) AS "SCORE_USED",
    COUNT(*) FILTER(WHERE
      (
        "t2"."LABEL" IS NOT NULL
      ) AND (
        "t2"."LABEL" = 1.0
      )) AS "POSITIVES",
    COUNT(*) FILTER(WHERE
      (
        "t2"."LABEL" IS NOT NULL
      )
      AND (
        "t2"."CLASS" IS NOT NULL
      )
      AND (
        "t2"."LABEL" = 1.0
      )
      AND (
        "t2"."CLASS" = 1.0
      )) AS "TP",
    COUNT(*) FILTER(WHERE
      (
        "t2"."LABEL" IS NOT NULL
      )
      AND (
        "t2"."CLASS" IS NOT NULL
      )
      AND NOT (
        "t2"."LABEL" = 1.0
      )
      AND (
        "t2"."CLASS" = 1.0
      )) AS "FP",
    COUNT(*) FILTER(WHERE
      (
        "t2"."LABEL" IS NOT NULL
      )
      AND (
        "t2"."CLASS" IS NOT NULL
      )
      AND (
        "t2"."LABEL" = 1.0
      )
      AND NOT (
        "t2"."CLASS" = 1.0
      )) AS "FN",
    COUNT(*) FILTER(WHERE
      (
        "t2"."LABEL" IS NOT NULL
      )
      AND (
        "t2"."CLASS" IS NOT NULL
      )
      AND NOT (
        "t2"."LABEL" = 1.0
      )
      AND NOT (
        "t2"."CLASS" = 1.0
      )) AS "TN",
    CASE
      WHEN (
        MIN("t2"."SCORE") FILTER(WHERE
          (
            "t2"."LABEL" IS NOT NULL
          ) AND (
            "t2"."SCORE" IS NOT NULL
          )) >= 0.0
      )
      AND (
        MAX("t2"."SCORE") FILTER(WHERE
          (
            "t2"."LABEL" IS NOT NULL
          ) AND (
            "t2"."SCORE" IS NOT NULL
          )) <= 1.0
      )
      THEN CAST(SUM(
        CAST(-(
          LN(
            CASE
              WHEN CASE WHEN "t2"."LABEL" = 1.0 THEN "t2"."SCORE" ELSE 1.0 - "t2"."SCORE" END < 1e-15
              THEN 1e-15
              ELSE CASE
                WHEN CASE WHEN "t2"."LABEL" = 1.0 THEN "t2"."SCORE" ELSE 1.0 - "t2"."SCORE" END > 0.999999999999999
                THEN 0.999999999999999
                ELSE CASE WHEN "t2"."LABEL" = 1.0 THEN "t2"."SCORE" ELSE 1.0 - "t2"."SCORE" END
              END
            END
          )
        ) AS DECIMAL(18, 12))
      ) FILTER(WHERE
        (
          "t2"."LABEL" IS NOT NULL
        ) AND (
          "t2"."SCORE" IS NOT NULL
        )) AS DOUBLE) / NULLIF(
        CAST(COUNT(*) FILTER(WHERE
          (
            "t2"."LABEL" IS NOT NULL
          ) AND (
            "t2"."SCORE" IS NOT NULL
          )) AS DOUBLE),
        0.0
      )
      ELSE CAST(NULL AS DOUBLE)
    END AS "LOG_LOSS"
  FROM "t1" AS "t2"
  GROUP BY
    1
) AS "t7"
LEFT OUTER JOIN (
  SELECT
    "t9"."TIMESTAMP",
    "t9"."WON" / NULLIF(CAST("t9"."UPS" AS DOUBLE) * CAST("t9"."DOWNS" AS DOUBLE), 0.0) AS "ROC_AUC"
  FROM (
    SELECT
      "t8"."TIMESTAMP",
      SUM("t8"."WINS") AS "WON",
      SUM("t8"."UP") AS "UPS",
      SUM("t8"."DOWN") AS "DOWNS"
    FROM (
      SELECT
        "t5"."TIMESTAMP",
        "t5"."SCORE",
        "t5"."UP",
        "t5"."DOWN",
        "t5"."DOWN_UPTO",
        CAST("t5"."UP" AS DOUBLE) * (
          CAST("t5"."DOWN_UPTO" AS DOUBLE) - (
            CAST("t5"."DOWN" AS DOUBLE) / 2.0
          )
        ) AS "WINS"
      FROM (
        SELECT
          "t4"."TIMESTAMP",
          "t4"."SCORE",
          "t4"."UP",
          "t4"."DOWN",
          SUM("t4"."DOWN") OVER (
            PARTITION BY "t4"."TIMESTAMP"
            ORDER BY "t4"."SCORE" ASC
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
          ) AS "DOWN_UPTO"
        FROM (
          SELECT
            "t3"."TIMESTAMP",
            "t3"."SCORE",
            COUNT(*) FILTER(WHERE
              "t3"."LABEL" = 1.0) AS "UP",
            COUNT(*) FILTER(WHERE
              NOT (
                "t3"."LABEL" = 1.0
              )) AS "DOWN"
          FROM (
            SELECT
              *
            FROM "t1" AS "t2"
            WHERE
              "t2"."LABEL" IS NOT NULL AND "t2"."SCORE" IS NOT NULL
          ) AS "t3"
          GROUP BY
            1,
            2
        ) AS "t4"
      ) AS "t5"
    ) AS "t8"
    GROUP BY
      1
  ) AS "t9"
) AS "t11"
  ON "t7"."TIMESTAMP" = "t11"."TIMESTAMP"
