WITH "t5" AS (
  SELECT
    "t4"."DAY",
    "t4"."SEGMENT_VALUE",
    "t4"."CELL",
    "t4"."CLASS",
    "t4"."IS_LABELED",
    MIN("t4"."SCORE") AS "LOW",
    MAX("t4"."SCORE") AS "HIGH",
    COUNT(*) AS "ROWS_ALL",
    COUNT(*) FILTER(WHERE
      "t4"."LABEL" = 1.0) AS "ROWS_UP",
    SUM(CAST("t4"."BOUNDED" AS DECIMAL(18, 12))) AS "SCORE_TOTAL",
    SUM(
      CAST(-(
        LN(
          CASE
            WHEN "t4"."GIVEN" < 1e-15
            THEN 1e-15
            ELSE CASE
              WHEN "t4"."GIVEN" > 0.999999999999999
              THEN 0.999999999999999
              ELSE "t4"."GIVEN"
            END
          END
        )
      ) AS DECIMAL(18, 12))
    ) AS "SURPRISE",
    SUM(CAST((
      1.0 - "t4"."GIVEN"
    ) * (
      1.0 - "t4"."GIVEN"
    ) AS DECIMAL(18, 12))) AS "SQUARED_ERROR"
  FROM (
    SELECT
      "t3"."DAY",
      "t3"."SEGMENT_VALUE",
      "t3"."LABEL",
      CASE
        WHEN "t3"."CLASS" = 1.0
        THEN 1
        ELSE CASE WHEN "t3"."CLASS" <> 1.0 THEN 0 ELSE CAST(NULL AS INT) END
      END AS "CLASS",
      "t3"."SCORE",
      "t3"."BOUNDED",
      CAST(CASE
        WHEN CAST(FLOOR("t3"."BOUNDED" * 1000.0) AS BIGINT) > 999
        THEN 999
        ELSE CAST(FLOOR("t3"."BOUNDED" * 1000.0) AS BIGINT)
      END AS INT) AS "CELL",
      "t3"."LABEL" IS NOT NULL AS "IS_LABELED",
      CASE
        WHEN "t3"."LABEL" = 1.0
        THEN "t3"."BOUNDED"
        ELSE CASE
          WHEN "t3"."LABEL" <> 1.0
          THEN 1.0 - "t3"."BOUNDED"
          ELSE CAST(NULL AS DOUBLE)
        END
      END AS "GIVEN"
    FROM (
      SELECT
        "t2"."DAY",
        "t2"."SEGMENT_VALUE",
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
          "t1"."SEGMENT_VALUE",
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
            "t0"."SEGMENT" AS "SEGMENT_VALUE",
            CASE
              WHEN "t0"."AT" <= MAKE_TIMESTAMP(2024, 5, 1, 0, 0, 0.0)
              THEN CAST("t0"."CHURNED" AS DOUBLE)
              ELSE CAST(NULL AS DOUBLE)
            END AS "LABEL",
            CAST(NULL AS DOUBLE) AS "CLASS",
            "t0"."SCORE"
          FROM "WATCHED_SOURCE" AS "t0"
          WHERE
            "t0"."AT" >= MAKE_TIMESTAMP(2024, 4, 1, 0, 0, 0.0)
            AND CAST("t0"."AT" AS DATE) IN (MAKE_DATE(2024, 4, 1), MAKE_DATE(2024, 5, 1))
        ) AS "t1"
      ) AS "t2"
    ) AS "t3"
  ) AS "t4"
  GROUP BY
    1,
    2,
    3,
    4,
    5
)
SELECT
  *
FROM (
  SELECT
    "t8"."DAY",
    CAST(NULL AS TEXT) AS "SEGMENT_COLUMN",
    CAST(NULL AS TEXT) AS "SEGMENT_VALUE",
    "t8"."CELL",
    "t8"."CLASS",
    "t8"."IS_LABELED",
    "t8"."LOW",
    "t8"."HIGH",
    "t8"."ROWS_ALL",
    "t8"."ROWS_UP",
    CAST("t8"."SCORE_TOTAL" AS DOUBLE) AS "SCORE_TOTAL",
    CAST("t8"."SURPRISE" AS DOUBLE) AS "SURPRISE",
    CAST("t8"."SQUARED_ERROR" AS DOUBLE) AS "SQUARED_ERROR"
  FROM (
    SELECT
      "t6"."DAY",
      "t6"."CELL",
      "t6"."CLASS",
      "t6"."IS_LABELED",
      MIN("t6"."LOW") AS "LOW",
      MAX("t6"."HIGH") AS "HIGH",
      SUM("t6"."ROWS_ALL") AS "ROWS_ALL",
      SUM("t6"."ROWS_UP") AS "ROWS_UP",
      SUM("t6"."SCORE_TOTAL") AS "SCORE_TOTAL",
      SUM("t6"."SURPRISE") AS "SURPRISE",
      SUM("t6"."SQUARED_ERROR") AS "SQUARED_ERROR"
    FROM "t5" AS "t6"
    GROUP BY
      1,
      2,
      3,
      4
  ) AS "t8"
) AS "t9"
UNION ALL
SELECT
  *
FROM (
  SELECT
    "t6"."DAY",
    'SEGMENT' AS "SEGMENT_COLUMN",
    "t6"."SEGMENT_VALUE",
    "t6"."CELL",
    "t6"."CLASS",
    "t6"."IS_LABELED",
    "t6"."LOW",
    "t6"."HIGH",
    "t6"."ROWS_ALL",
    "t6"."ROWS_UP",
    CAST("t6"."SCORE_TOTAL" AS DOUBLE) AS "SCORE_TOTAL",
    CAST("t6"."SURPRISE" AS DOUBLE) AS "SURPRISE",
    CAST("t6"."SQUARED_ERROR" AS DOUBLE) AS "SQUARED_ERROR"
  FROM "t5" AS "t6"
) AS "t7"
