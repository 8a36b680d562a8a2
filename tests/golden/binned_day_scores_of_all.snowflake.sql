SELECT
  "t4"."DAY",
  CAST(NULL AS VARCHAR) AS "SEGMENT_COLUMN",
  CAST(NULL AS VARCHAR) AS "SEGMENT_VALUE",
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
    SUM(IFF("t3"."LABEL" IS NOT NULL, CAST("t3"."SCORE" AS DECIMAL(18, 12)), NULL)) AS "SCORE_LABELED",
    COUNT_IF((
      "t3"."LABEL" = 1.0
    ) AND (
      "t3"."CLASS" = 1.0
    )) AS "U1",
    COUNT_IF((
      "t3"."LABEL" = 1.0
    ) AND (
      "t3"."CLASS" <> 1.0
    )) AS "U0",
    COUNT_IF((
      "t3"."LABEL" = 1.0
    ) AND (
      "t3"."CLASS" IS NULL
    )) AS "UN",
    COUNT_IF((
      "t3"."LABEL" <> 1.0
    ) AND (
      "t3"."CLASS" = 1.0
    )) AS "D1",
    COUNT_IF((
      "t3"."LABEL" <> 1.0
    ) AND (
      "t3"."CLASS" <> 1.0
    )) AS "D0",
    COUNT_IF((
      "t3"."LABEL" <> 1.0
    ) AND (
      "t3"."CLASS" IS NULL
    )) AS "DN",
    COUNT_IF((
      "t3"."LABEL" IS NULL
    ) AND (
      "t3"."CLASS" = 1.0
    )) AS "N1",
    COUNT_IF((
      "t3"."LABEL" IS NULL
    ) AND (
      "t3"."CLASS" <> 1.0
    )) AS "N0",
    COUNT_IF((
      "t3"."LABEL" IS NULL
    ) AND (
      "t3"."CLASS" IS NULL
    )) AS "NN",
    SUM(
      IFF(
        "t3"."LABEL" IS NOT NULL,
        CAST(-(
          LN(
            IFF(
              IFF("t3"."LABEL" = 1.0, "t3"."SCORE", 1.0 - "t3"."SCORE") < 1e-15,
              1e-15,
              IFF(
                IFF("t3"."LABEL" = 1.0, "t3"."SCORE", 1.0 - "t3"."SCORE") > 0.999999999999999,
                0.999999999999999,
                IFF("t3"."LABEL" = 1.0, "t3"."SCORE", 1.0 - "t3"."SCORE")
              )
            )
          )
        ) AS DECIMAL(18, 12)),
        NULL
      )
    ) AS "SURPRISE",
    SUM(
      IFF(
        "t3"."LABEL" IS NOT NULL,
        CAST((
          1.0 - IFF("t3"."LABEL" = 1.0, "t3"."SCORE", 1.0 - "t3"."SCORE")
        ) * (
          1.0 - IFF("t3"."LABEL" = 1.0, "t3"."SCORE", 1.0 - "t3"."SCORE")
        ) AS DECIMAL(18, 12)),
        NULL
      )
    ) AS "SQUARED_ERROR"
  FROM (
    SELECT
      "t2"."DAY",
      "t2"."LABEL",
      "t2"."CLASS",
      "t2"."SCORE",
      CAST(IFF(
        CAST(FLOOR("t2"."SCORE" * 500.0) AS BIGINT) > 499.0,
        499.0,
        CAST(FLOOR("t2"."SCORE" * 500.0) AS BIGINT)
      ) AS BIGINT) AS "CELL"
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
  GROUP BY
    1,
    2
) AS "t4"
