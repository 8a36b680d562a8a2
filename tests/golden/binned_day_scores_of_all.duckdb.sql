SELECT
  "t5"."DAY",
  CAST(NULL AS TEXT) AS "SEGMENT_COLUMN",
  CAST(NULL AS TEXT) AS "SEGMENT_VALUE",
  "t5"."CELL",
  "t5"."LOW",
  "t5"."HIGH",
  "t5"."U1",
  "t5"."U0",
  "t5"."UN",
  "t5"."D1",
  "t5"."D0",
  "t5"."DN",
  "t5"."N1",
  "t5"."N0",
  "t5"."NN",
  CAST("t5"."SCORE_TOTAL" AS DOUBLE) AS "SCORE_TOTAL",
  CAST("t5"."SCORE_LABELED" AS DOUBLE) AS "SCORE_LABELED",
  CAST("t5"."SURPRISE" AS DOUBLE) AS "SURPRISE",
  CAST("t5"."SQUARED_ERROR" AS DOUBLE) AS "SQUARED_ERROR"
FROM (
  SELECT
    "t4"."DAY",
    "t4"."CELL",
    MIN("t4"."SCORE") AS "LOW",
    MAX("t4"."SCORE") AS "HIGH",
    SUM(CAST("t4"."BOUNDED" AS DECIMAL(18, 12))) AS "SCORE_TOTAL",
    SUM(CAST("t4"."BOUNDED" AS DECIMAL(18, 12))) FILTER(WHERE
      "t4"."LABEL" IS NOT NULL) AS "SCORE_LABELED",
    COUNT(*) FILTER(WHERE
      (
        "t4"."LABEL" = 1.0
      ) AND (
        "t4"."CLASS" = 1.0
      )) AS "U1",
    COUNT(*) FILTER(WHERE
      (
        "t4"."LABEL" = 1.0
      ) AND (
        "t4"."CLASS" <> 1.0
      )) AS "U0",
    COUNT(*) FILTER(WHERE
      (
        "t4"."LABEL" = 1.0
      ) AND (
        "t4"."CLASS" IS NULL
      )) AS "UN",
    COUNT(*) FILTER(WHERE
      (
        "t4"."LABEL" <> 1.0
      ) AND (
        "t4"."CLASS" = 1.0
      )) AS "D1",
    COUNT(*) FILTER(WHERE
      (
        "t4"."LABEL" <> 1.0
      ) AND (
        "t4"."CLASS" <> 1.0
      )) AS "D0",
    COUNT(*) FILTER(WHERE
      (
        "t4"."LABEL" <> 1.0
      ) AND (
        "t4"."CLASS" IS NULL
      )) AS "DN",
    COUNT(*) FILTER(WHERE
      (
        "t4"."LABEL" IS NULL
      ) AND (
        "t4"."CLASS" = 1.0
      )) AS "N1",
    COUNT(*) FILTER(WHERE
      (
        "t4"."LABEL" IS NULL
      ) AND (
        "t4"."CLASS" <> 1.0
      )) AS "N0",
    COUNT(*) FILTER(WHERE
      (
        "t4"."LABEL" IS NULL
      ) AND (
        "t4"."CLASS" IS NULL
      )) AS "NN",
    SUM(
      CAST(-(
        LN(
          CASE
            WHEN CASE WHEN "t4"."LABEL" = 1.0 THEN "t4"."BOUNDED" ELSE 1.0 - "t4"."BOUNDED" END < 1e-15
            THEN 1e-15
            ELSE CASE
              WHEN CASE WHEN "t4"."LABEL" = 1.0 THEN "t4"."BOUNDED" ELSE 1.0 - "t4"."BOUNDED" END > 0.999999999999999
              THEN 0.999999999999999
              ELSE CASE WHEN "t4"."LABEL" = 1.0 THEN "t4"."BOUNDED" ELSE 1.0 - "t4"."BOUNDED" END
            END
          END
        )
      ) AS DECIMAL(18, 12))
    ) FILTER(WHERE
      "t4"."LABEL" IS NOT NULL) AS "SURPRISE",
    SUM(
      CAST((
        1.0 - CASE WHEN "t4"."LABEL" = 1.0 THEN "t4"."BOUNDED" ELSE 1.0 - "t4"."BOUNDED" END
      ) * (
        1.0 - CASE WHEN "t4"."LABEL" = 1.0 THEN "t4"."BOUNDED" ELSE 1.0 - "t4"."BOUNDED" END
      ) AS DECIMAL(18, 12))
    ) FILTER(WHERE
      "t4"."LABEL" IS NOT NULL) AS "SQUARED_ERROR"
  FROM (
    SELECT
      "t3"."DAY",
      "t3"."LABEL",
      "t3"."CLASS",
      "t3"."SCORE",
      "t3"."BOUNDED",
      CAST(CASE
        WHEN CAST(FLOOR("t3"."BOUNDED" * 500.0) AS BIGINT) > 499.0
        THEN 499.0
        ELSE CAST(FLOOR("t3"."BOUNDED" * 500.0) AS BIGINT)
      END AS BIGINT) AS "CELL"
    FROM (
      SELECT
        "t2"."DAY",
        "t2"."LABEL",
        "t2"."CLASS",
        "t2"."SCORE",
        CASE
          WHEN "t2"."SCORE" < 0.0
          THEN 0.0
          ELSE CASE WHEN "t2"."SCORE" > 1.0 THEN 1.0 ELSE "t2"."SCORE" END
        END AS "BOUNDED"
      FROM (
        SELECT
          "t1"."DAY",
          CASE
            WHEN ISNAN("t1"."LABEL") OR ISINF("t1"."LABEL")
            THEN CAST(NULL AS DOUBLE)
            ELSE "t1"."LABEL"
          END AS "LABEL",
          CASE
            WHEN ISNAN("t1"."CLASS") OR ISINF("t1"."CLASS")
            THEN CAST(NULL AS DOUBLE)
            ELSE "t1"."CLASS"
          END AS "CLASS",
          CASE
            WHEN ISNAN("t1"."SCORE") OR ISINF("t1"."SCORE")
            THEN CAST(NULL AS DOUBLE)
            ELSE "t1"."SCORE"
          END AS "SCORE"
        FROM (
          SELECT
            CAST("t0"."AT" AS DATE) AS "DAY",
            CASE WHEN TRUE THEN CAST("t0"."CHURNED" AS DOUBLE) ELSE CAST(NULL AS DOUBLE) END AS "LABEL",
            CAST("t0"."SAID" AS DOUBLE) AS "CLASS",
            "t0"."SCORE"
          FROM "WATCHED_SOURCE" AS "t0"
          WHERE
            "t0"."AT" IS NOT NULL
        ) AS "t1"
      ) AS "t2"
    ) AS "t3"
  ) AS "t4"
  GROUP BY
    1,
    2
) AS "t5"
