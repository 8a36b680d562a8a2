SELECT
  "t4"."DAY",
  CAST(NULL AS TEXT) AS "SEGMENT_COLUMN",
  CAST(NULL AS TEXT) AS "SEGMENT_VALUE",
  "t4"."CELL",
  "t4"."LOW",
  "t4"."HIGH",
  "t4"."U1",
  "t4"."U0",
  "t4"."UN",
  "t4"."D1",
  "t4"."D0",
  "t4"."DN",
  "t4"."N1",
  "t4"."N0",
  "t4"."NN",
  CAST("t4"."SCORE_TOTAL" AS DOUBLE) AS "SCORE_TOTAL",
  CAST("t4"."SCORE_LABELED" AS DOUBLE) AS "SCORE_LABELED",
  CAST("t4"."SURPRISE" AS DOUBLE) AS "SURPRISE",
  CAST("t4"."SQUARED_ERROR" AS DOUBLE) AS "SQUARED_ERROR"
FROM (
  SELECT
    "t3"."DAY",
    "t3"."CELL",
    MIN("t3"."SCORE") AS "LOW",
    MAX("t3"."SCORE") AS "HIGH",
    SUM(CAST("t3"."SCORE" AS DECIMAL(18, 12))) AS "SCORE_TOTAL",
    SUM(CAST("t3"."SCORE" AS DECIMAL(18, 12))) FILTER(WHERE
      "t3"."LABEL" IS NOT NULL) AS "SCORE_LABELED",
    COUNT(*) FILTER(WHERE
      (
        "t3"."LABEL" = 1.0
      ) AND (
        "t3"."CLASS" = 1.0
      )) AS "U1",
    COUNT(*) FILTER(WHERE
      (
        "t3"."LABEL" = 1.0
      ) AND (
        "t3"."CLASS" <> 1.0
      )) AS "U0",
    COUNT(*) FILTER(WHERE
      (
        "t3"."LABEL" = 1.0
      ) AND (
        "t3"."CLASS" IS NULL
      )) AS "UN",
    COUNT(*) FILTER(WHERE
      (
        "t3"."LABEL" <> 1.0
      ) AND (
        "t3"."CLASS" = 1.0
      )) AS "D1",
    COUNT(*) FILTER(WHERE
      (
        "t3"."LABEL" <> 1.0
      ) AND (
        "t3"."CLASS" <> 1.0
      )) AS "D0",
    COUNT(*) FILTER(WHERE
      (
        "t3"."LABEL" <> 1.0
      ) AND (
        "t3"."CLASS" IS NULL
      )) AS "DN",
    COUNT(*) FILTER(WHERE
      (
        "t3"."LABEL" IS NULL
      ) AND (
        "t3"."CLASS" = 1.0
      )) AS "N1",
    COUNT(*) FILTER(WHERE
      (
        "t3"."LABEL" IS NULL
      ) AND (
        "t3"."CLASS" <> 1.0
      )) AS "N0",
    COUNT(*) FILTER(WHERE
      (
        "t3"."LABEL" IS NULL
      ) AND (
        "t3"."CLASS" IS NULL
      )) AS "NN",
    SUM(
      CAST(-(
        LN(
          CASE
            WHEN CASE WHEN "t3"."LABEL" = 1.0 THEN "t3"."SCORE" ELSE 1.0 - "t3"."SCORE" END < 1e-15
            THEN 1e-15
            ELSE CASE
              WHEN CASE WHEN "t3"."LABEL" = 1.0 THEN "t3"."SCORE" ELSE 1.0 - "t3"."SCORE" END > 0.999999999999999
              THEN 0.999999999999999
              ELSE CASE WHEN "t3"."LABEL" = 1.0 THEN "t3"."SCORE" ELSE 1.0 - "t3"."SCORE" END
            END
          END
        )
      ) AS DECIMAL(18, 12))
    ) FILTER(WHERE
      "t3"."LABEL" IS NOT NULL) AS "SURPRISE",
    SUM(
      CAST((
        1.0 - CASE WHEN "t3"."LABEL" = 1.0 THEN "t3"."SCORE" ELSE 1.0 - "t3"."SCORE" END
      ) * (
        1.0 - CASE WHEN "t3"."LABEL" = 1.0 THEN "t3"."SCORE" ELSE 1.0 - "t3"."SCORE" END
      ) AS DECIMAL(18, 12))
    ) FILTER(WHERE
      "t3"."LABEL" IS NOT NULL) AS "SQUARED_ERROR"
  FROM (
    SELECT
      "t2"."DAY",
      "t2"."LABEL",
      "t2"."CLASS",
      "t2"."SCORE",
      CAST(CASE
        WHEN CAST(FLOOR("t2"."SCORE" * 500.0) AS BIGINT) > 499.0
        THEN 499.0
        ELSE CAST(FLOOR("t2"."SCORE" * 500.0) AS BIGINT)
      END AS BIGINT) AS "CELL"
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
  GROUP BY
    1,
    2
) AS "t4"
