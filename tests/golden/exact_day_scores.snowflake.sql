WITH "t5" AS (
  SELECT
    "t4"."DAY",
    "t4"."SEGMENT_VALUE",
    "t4"."CELL",
    "t4"."CLASS",
    "t4"."IS_LABELED",
    "t4"."SCORE",
    MIN("t4"."SCORE") AS "LOW",
    MAX("t4"."SCORE") AS "HIGH",
    COUNT(*) AS "ROWS_ALL",
    COUNT_IF("t4"."LABEL" = 1.0) AS "ROWS_UP",
    SUM(CAST("t4"."BOUNDED" AS DECIMAL(18, 12))) AS "SCORE_TOTAL",
    SUM(
      CAST(-(
        LN(
          IFF(
            "t4"."GIVEN" < 1e-15,
            1e-15,
            IFF("t4"."GIVEN" > 0.999999999999999, 0.999999999999999, "t4"."GIVEN")
          )
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
      IFF("t3"."CLASS" = 1.0, 1, IFF("t3"."CLASS" <> 1.0, 0, CAST(NULL AS INT))) AS "CLASS",
      "t3"."SCORE",
      "t3"."BOUNDED",
      CAST(IFF(
        CAST(FLOOR("t3"."BOUNDED" * 1000.0) AS BIGINT) > 999,
        999,
        CAST(FLOOR("t3"."BOUNDED" * 1000.0) AS BIGINT)
      ) AS INT) AS "CELL",
      "t3"."LABEL" IS NOT NULL AS "IS_LABELED",
      IFF(
        "t3"."LABEL" = 1.0,
        "t3"."BOUNDED",
        IFF("t3"."LABEL" <> 1.0, 1.0 - "t3"."BOUNDED", CAST(NULL AS DOUBLE))
      ) AS "GIVEN"
    FROM (
      SELECT
        "t2"."DAY",
        "t2"."SEGMENT_VALUE",
        "t2"."LABEL",
        "t2"."CLASS",
        "t2"."SCORE",
        IFF("t2"."SCORE" < 0.0, 0.0, IFF("t2"."SCORE" > 1.0, 1.0, "t2"."SCORE")) AS "BOUNDED"
      FROM (
        SELECT
          "t1"."DAY",
          "t1"."SEGMENT_VALUE",
          IFF(
            (
              "t1"."LABEL" = CAST('NaN' AS DOUBLE)
            )
            OR "t1"."LABEL" IN (CAST('Inf' AS DOUBLE), CAST('-Inf' AS DOUBLE)),
            CAST(NULL AS DOUBLE),
            "t1"."LABEL"
          ) AS "LABEL",
          IFF(
            (
              "t1"."CLASS" = CAST('NaN' AS DOUBLE)
            )
            OR "t1"."CLASS" IN (CAST('Inf' AS DOUBLE), CAST('-Inf' AS DOUBLE)),
            CAST(NULL AS DOUBLE),
            "t1"."CLASS"
          ) AS "CLASS",
          IFF(
            (
              "t1"."SCORE" = CAST('NaN' AS DOUBLE)
            )
            OR "t1"."SCORE" IN (CAST('Inf' AS DOUBLE), CAST('-Inf' AS DOUBLE)),
            CAST(NULL AS DOUBLE),
            "t1"."SCORE"
          ) AS "SCORE"
        FROM (
          SELECT
            CAST("t0"."AT" AS DATE) AS "DAY",
            "t0"."SEGMENT" AS "SEGMENT_VALUE",
            IFF(
              "t0"."AT" <= TIMESTAMP_FROM_PARTS(2024, 5, 1, 0, 0, 0, 0),
              CAST("t0"."CHURNED" AS DOUBLE),
              CAST(NULL AS DOUBLE)
            ) AS "LABEL",
            CAST("t0"."SAID" AS DOUBLE) AS "CLASS",
            "t0"."SCORE"
          FROM "WATCHED_SOURCE" AS "t0"
          WHERE
            "t0"."AT" >= TIMESTAMP_FROM_PARTS(2024, 4, 1, 0, 0, 0, 0)
            AND CAST("t0"."AT" AS DATE) IN (DATE_FROM_PARTS(2024, 4, 1), DATE_FROM_PARTS(2024, 5, 1))
        ) AS "t1"
      ) AS "t2"
    ) AS "t3"
  ) AS "t4"
  GROUP BY
    1,
    2,
    3,
    4,
    5,
    6
)
SELECT
  *
FROM (
  SELECT
    "t8"."DAY",
    CAST(NULL AS VARCHAR) AS "SEGMENT_COLUMN",
    CAST(NULL AS VARCHAR) AS "SEGMENT_VALUE",
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
      "t6"."SCORE",
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
      4,
      5
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
