SELECT
  "t5"."DAY",
  CAST(NULL AS VARCHAR) AS "SEGMENT_COLUMN",
  CAST(NULL AS VARCHAR) AS "SEGMENT_VALUE",
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
    SUM(IFF("t4"."LABEL" IS NOT NULL, CAST("t4"."BOUNDED" AS DECIMAL(18, 12)), NULL)) AS "SCORE_LABELED",
    COUNT_IF((
      "t4"."LABEL" = 1.0
    ) AND (
      "t4"."CLASS" = 1.0
    )) AS "U1",
    COUNT_IF((
      "t4"."LABEL" = 1.0
    ) AND (
      "t4"."CLASS" <> 1.0
    )) AS "U0",
    COUNT_IF((
      "t4"."LABEL" = 1.0
    ) AND (
      "t4"."CLASS" IS NULL
    )) AS "UN",
    COUNT_IF((
      "t4"."LABEL" <> 1.0
    ) AND (
      "t4"."CLASS" = 1.0
    )) AS "D1",
    COUNT_IF((
      "t4"."LABEL" <> 1.0
    ) AND (
      "t4"."CLASS" <> 1.0
    )) AS "D0",
    COUNT_IF((
      "t4"."LABEL" <> 1.0
    ) AND (
      "t4"."CLASS" IS NULL
    )) AS "DN",
    COUNT_IF((
      "t4"."LABEL" IS NULL
    ) AND (
      "t4"."CLASS" = 1.0
    )) AS "N1",
    COUNT_IF((
      "t4"."LABEL" IS NULL
    ) AND (
      "t4"."CLASS" <> 1.0
    )) AS "N0",
    COUNT_IF((
      "t4"."LABEL" IS NULL
    ) AND (
      "t4"."CLASS" IS NULL
    )) AS "NN",
    SUM(
      IFF(
        "t4"."LABEL" IS NOT NULL,
        CAST(-(
          LN(
            IFF(
              IFF("t4"."LABEL" = 1.0, "t4"."BOUNDED", 1.0 - "t4"."BOUNDED") < 1e-15,
              1e-15,
              IFF(
                IFF("t4"."LABEL" = 1.0, "t4"."BOUNDED", 1.0 - "t4"."BOUNDED") > 0.999999999999999,
                0.999999999999999,
                IFF("t4"."LABEL" = 1.0, "t4"."BOUNDED", 1.0 - "t4"."BOUNDED")
              )
            )
          )
        ) AS DECIMAL(18, 12)),
        NULL
      )
    ) AS "SURPRISE",
    SUM(
      IFF(
        "t4"."LABEL" IS NOT NULL,
        CAST((
          1.0 - IFF("t4"."LABEL" = 1.0, "t4"."BOUNDED", 1.0 - "t4"."BOUNDED")
        ) * (
          1.0 - IFF("t4"."LABEL" = 1.0, "t4"."BOUNDED", 1.0 - "t4"."BOUNDED")
        ) AS DECIMAL(18, 12)),
        NULL
      )
    ) AS "SQUARED_ERROR"
  FROM (
    SELECT
      "t3"."DAY",
      "t3"."LABEL",
      "t3"."CLASS",
      "t3"."SCORE",
      "t3"."BOUNDED",
      CAST(IFF(
        CAST(FLOOR("t3"."BOUNDED" * 500.0) AS BIGINT) > 499.0,
        499.0,
        CAST(FLOOR("t3"."BOUNDED" * 500.0) AS BIGINT)
      ) AS BIGINT) AS "CELL"
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
    2
) AS "t5"
