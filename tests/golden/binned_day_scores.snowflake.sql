SELECT
  "t8"."DAY",
  "t8"."SEGMENT_COLUMN",
  "t8"."SEGMENT_VALUE",
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
    "t7"."DAY",
    "t7"."SEGMENT_COLUMN",
    "t7"."SEGMENT_VALUE",
    "t7"."CELL",
    "t7"."CLASS",
    "t7"."IS_LABELED",
    MIN("t7"."SCORE") AS "LOW",
    MAX("t7"."SCORE") AS "HIGH",
    COUNT(*) AS "ROWS_ALL",
    COUNT_IF("t7"."LABEL" = 1.0) AS "ROWS_UP",
    SUM(CAST("t7"."BOUNDED" AS DECIMAL(18, 12))) AS "SCORE_TOTAL",
    SUM(
      CAST(-(
        LN(
          IFF(
            "t7"."GIVEN" < 1e-15,
            1e-15,
            IFF("t7"."GIVEN" > 0.999999999999999, 0.999999999999999, "t7"."GIVEN")
          )
        )
      ) AS DECIMAL(18, 12))
    ) AS "SURPRISE",
    SUM(CAST((
      1.0 - "t7"."GIVEN"
    ) * (
      1.0 - "t7"."GIVEN"
    ) AS DECIMAL(18, 12))) AS "SQUARED_ERROR"
  FROM (
    SELECT
      "t6"."DAY",
      "t6"."SEGMENT_COLUMN",
      "t6"."SEGMENT_VALUE",
      "t6"."LABEL",
      IFF("t6"."CLASS" = 1.0, 1, IFF("t6"."CLASS" <> 1.0, 0, CAST(NULL AS INT))) AS "CLASS",
      "t6"."SCORE",
      "t6"."BOUNDED",
      CAST(IFF(
        CAST(FLOOR("t6"."BOUNDED" * 1000.0) AS BIGINT) > 999,
        999,
        CAST(FLOOR("t6"."BOUNDED" * 1000.0) AS BIGINT)
      ) AS INT) AS "CELL",
      "t6"."LABEL" IS NOT NULL AS "IS_LABELED",
      IFF(
        "t6"."LABEL" = 1.0,
        "t6"."BOUNDED",
        IFF("t6"."LABEL" <> 1.0, 1.0 - "t6"."BOUNDED", CAST(NULL AS DOUBLE))
      ) AS "GIVEN"
    FROM (
      SELECT
        "t5"."DAY",
        "t5"."SEGMENT_COLUMN",
        "t5"."SEGMENT_VALUE",
        "t5"."LABEL",
        "t5"."CLASS",
        "t5"."SCORE",
        IFF("t5"."SCORE" < 0.0, 0.0, IFF("t5"."SCORE" > 1.0, 1.0, "t5"."SCORE")) AS "BOUNDED"
      FROM (
        SELECT
          "t4"."DAY",
          "t4"."SEGMENT_COLUMN",
          "t4"."SEGMENT_VALUE",
          IFF(
            (
              "t4"."LABEL" = CAST('NaN' AS DOUBLE)
            )
            OR "t4"."LABEL" IN (CAST('Inf' AS DOUBLE), CAST('-Inf' AS DOUBLE)),
            CAST(NULL AS DOUBLE),
            "t4"."LABEL"
          ) AS "LABEL",
          IFF(
            (
              "t4"."CLASS" = CAST('NaN' AS DOUBLE)
            )
            OR "t4"."CLASS" IN (CAST('Inf' AS DOUBLE), CAST('-Inf' AS DOUBLE)),
            CAST(NULL AS DOUBLE),
            "t4"."CLASS"
          ) AS "CLASS",
          IFF(
            (
              "t4"."SCORE" = CAST('NaN' AS DOUBLE)
            )
            OR "t4"."SCORE" IN (CAST('Inf' AS DOUBLE), CAST('-Inf' AS DOUBLE)),
            CAST(NULL AS DOUBLE),
            "t4"."SCORE"
          ) AS "SCORE"
        FROM (
          SELECT
            "t3"."DAY",
            "t3"."SEGMENT_COLUMN",
            "t3"."SEGMENT_VALUE",
            IFF("t3"."RIPE", CAST("t3"."CHURNED" AS DOUBLE), CAST(NULL AS DOUBLE)) AS "LABEL",
            CAST(NULL AS DOUBLE) AS "CLASS",
            "t3"."SCORE"
          FROM (
            SELECT
              *
            FROM (
              SELECT
                "t0"."AT",
                "t0"."AGE",
                "t0"."SPEND",
                "t0"."SEGMENT",
                "t0"."SCORE",
                "t0"."SAID",
                "t0"."CHURNED",
                CAST("t0"."AT" AS DATE) AS "DAY",
                "t0"."AT" <= TIMESTAMP_FROM_PARTS(2024, 5, 1, 0, 0, 0, 0) AS "RIPE",
                CAST(NULL AS VARCHAR) AS "SEGMENT_COLUMN",
                CAST(NULL AS VARCHAR) AS "SEGMENT_VALUE"
              FROM "WATCHED_SOURCE" AS "t0"
              WHERE
                "t0"."AT" >= TIMESTAMP_FROM_PARTS(2024, 4, 1, 0, 0, 0, 0)
                AND CAST("t0"."AT" AS DATE) IN (DATE_FROM_PARTS(2024, 4, 1), DATE_FROM_PARTS(2024, 5, 1))
            ) AS "t1"
            UNION ALL
            SELECT
              *
            FROM (
              SELECT
                "t0"."AT",
                "t0"."AGE",
                "t0"."SPEND",
                "t0"."SEGMENT",
                "t0"."SCORE",
                "t0"."SAID",
                "t0"."CHURNED",
                CAST("t0"."AT" AS DATE) AS "DAY",
                "t0"."AT" <= TIMESTAMP_FROM_PARTS(2024, 5, 1, 0, 0, 0, 0) AS "RIPE",
                'SEGMENT' AS "SEGMENT_COLUMN",
                "t0"."SEGMENT" AS "SEGMENT_VALUE"
              FROM "WATCHED_SOURCE" AS "t0"
              WHERE
                "t0"."AT" >= TIMESTAMP_FROM_PARTS(2024, 4, 1, 0, 0, 0, 0)
                AND CAST("t0"."AT" AS DATE) IN (DATE_FROM_PARTS(2024, 4, 1), DATE_FROM_PARTS(2024, 5, 1))
            ) AS "t2"
          ) AS "t3"
        ) AS "t4"
      ) AS "t5"
    ) AS "t6"
  ) AS "t7"
  GROUP BY
    1,
    2,
    3,
    4,
    5,
    6
) AS "t8"
