SELECT
  "t5"."DAY",
  CAST(NULL AS VARCHAR) AS "SEGMENT_COLUMN",
  CAST(NULL AS VARCHAR) AS "SEGMENT_VALUE",
  "t5"."CELL",
  "t5"."CLASS",
  "t5"."IS_LABELED",
  "t5"."LOW",
  "t5"."HIGH",
  "t5"."ROWS_ALL",
  "t5"."ROWS_UP",
  CAST("t5"."SCORE_TOTAL" AS DOUBLE) AS "SCORE_TOTAL",
  CAST("t5"."SURPRISE" AS DOUBLE) AS "SURPRISE",
  CAST("t5"."SQUARED_ERROR" AS DOUBLE) AS "SQUARED_ERROR"
FROM (
  SELECT
    "t4"."DAY",
    "t4"."CELL",
    "t4"."CLASS",
    "t4"."IS_LABELED",
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
      "t3"."LABEL",
      IFF("t3"."CLASS" = 1.0, 1, IFF("t3"."CLASS" <> 1.0, 0, CAST(NULL AS INT))) AS "CLASS",
      "t3"."SCORE",
      "t3"."BOUNDED",
      CAST(IFF(
        CAST(FLOOR("t3"."BOUNDED" * 500.0) AS BIGINT) > 499,
        499,
        CAST(FLOOR("t3"."BOUNDED" * 500.0) AS BIGINT)
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
        "t2"."LABEL",
        "t2"."CLASS",
        "t2"."SCORE",
        IFF("t2"."SCORE" < 0.0, 0.0, IFF("t2"."SCORE" > 1.0, 1.0, "t2"."SCORE")) AS "BOUNDED"
      FROM (
        SELECT
          "t1"."DAY",
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
            IFF(TRUE, CAST("t0"."CHURNED" AS DOUBLE), CAST(NULL AS DOUBLE)) AS "LABEL",
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
    2,
    3,
    4
) AS "t5"
