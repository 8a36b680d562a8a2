SELECT
  "t9"."DAY",
  "t9"."SEGMENT_COLUMN",
  "t9"."SEGMENT_VALUE",
  "t9"."CELL",
  "t9"."LOW",
  "t9"."HIGH",
  CAST("t9"."SCORE_TOTAL" AS DOUBLE) AS "SCORE_TOTAL",
  CAST("t9"."SCORE_LABELED" AS DOUBLE) AS "SCORE_LABELED",
  "t9"."U1",
  "t9"."U0",
  "t9"."UN",
  "t9"."D1",
  "t9"."D0",
  "t9"."DN",
  "t9"."N1",
  "t9"."N0",
  "t9"."NN",
  IFF(
    "t9"."CELL" IS NOT NULL,
    CAST(COALESCE("t9"."BELOW", 0) AS DOUBLE) - (
      (
        (
          CAST(COALESCE("t9"."BELOW", 0) AS DOUBLE) + CAST(COALESCE("t9"."ABOVE", 0) AS DOUBLE)
        ) - (
          CAST("t9"."U1" + "t9"."U0" + "t9"."UN" AS DOUBLE) * CAST("t9"."D1" + "t9"."D0" + "t9"."DN" AS DOUBLE)
        )
      ) / 2.0
    ),
    0.0
  ) AS "WON",
  CAST("t9"."SURPRISE" AS DOUBLE) AS "SURPRISE",
  CAST("t9"."SQUARED_ERROR" AS DOUBLE) AS "SQUARED_ERROR"
FROM (
  SELECT
    "t8"."DAY",
    "t8"."SEGMENT_COLUMN",
    "t8"."SEGMENT_VALUE",
    "t8"."CELL",
    "t8"."OWN",
    MIN("t8"."SCORE") AS "LOW",
    MAX("t8"."SCORE") AS "HIGH",
    SUM(CAST("t8"."SCORE" AS DECIMAL(18, 12))) AS "SCORE_TOTAL",
    SUM(IFF("t8"."LABEL" IS NOT NULL, CAST("t8"."SCORE" AS DECIMAL(18, 12)), NULL)) AS "SCORE_LABELED",
    COUNT_IF((
      "t8"."UP" = 1
    ) AND (
      "t8"."CLASS" = 1.0
    )) AS "U1",
    COUNT_IF((
      "t8"."UP" = 1
    ) AND (
      "t8"."CLASS" <> 1.0
    )) AS "U0",
    COUNT_IF((
      "t8"."UP" = 1
    ) AND (
      "t8"."CLASS" IS NULL
    )) AS "UN",
    COUNT_IF((
      "t8"."DOWN" = 1
    ) AND (
      "t8"."CLASS" = 1.0
    )) AS "D1",
    COUNT_IF((
      "t8"."DOWN" = 1
    ) AND (
      "t8"."CLASS" <> 1.0
    )) AS "D0",
    COUNT_IF((
      "t8"."DOWN" = 1
    ) AND (
      "t8"."CLASS" IS NULL
    )) AS "DN",
    COUNT_IF((
      "t8"."LABEL" IS NULL
    ) AND (
      "t8"."CLASS" = 1.0
    )) AS "N1",
    COUNT_IF((
      "t8"."LABEL" IS NULL
    ) AND (
      "t8"."CLASS" <> 1.0
    )) AS "N0",
    COUNT_IF((
      "t8"."LABEL" IS NULL
    ) AND (
      "t8"."CLASS" IS NULL
    )) AS "NN",
    SUM(IFF("t8"."UP" = 1, "t8"."DOWNS", NULL)) AS "BELOW",
    SUM(IFF("t8"."DOWN" = 1, "t8"."UPS", NULL)) AS "ABOVE",
    SUM(
      IFF(
        "t8"."LABEL" IS NOT NULL,
        CAST(-(
          LN(
            IFF(
              IFF("t8"."UP" = 1, "t8"."SCORE", 1.0 - "t8"."SCORE") < 1e-15,
              1e-15,
              IFF(
                IFF("t8"."UP" = 1, "t8"."SCORE", 1.0 - "t8"."SCORE") > 0.999999999999999,
                0.999999999999999,
                IFF("t8"."UP" = 1, "t8"."SCORE", 1.0 - "t8"."SCORE")
              )
            )
          )
        ) AS DECIMAL(18, 12)),
        NULL
      )
    ) AS "SURPRISE",
    SUM(
      IFF(
        "t8"."LABEL" IS NOT NULL,
        CAST((
          "t8"."SCORE" - "t8"."UP"
        ) * (
          "t8"."SCORE" - "t8"."UP"
        ) AS DECIMAL(18, 12)),
        NULL
      )
    ) AS "SQUARED_ERROR"
  FROM (
    SELECT
      "t7"."DAY",
      "t7"."SEGMENT_COLUMN",
      "t7"."SEGMENT_VALUE",
      "t7"."LABEL",
      "t7"."CLASS",
      "t7"."SCORE",
      "t7"."CELL",
      "t7"."UP",
      "t7"."DOWN",
      "t7"."SIZE",
      "t7"."OWN",
      SUM("t7"."DOWN") OVER (
        PARTITION BY "t7"."DAY", "t7"."SEGMENT_COLUMN", "t7"."SEGMENT_VALUE", "t7"."CELL", "t7"."OWN"
        ORDER BY "t7"."SCORE" ASC
        RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
      ) AS "DOWNS",
      SUM("t7"."UP") OVER (
        PARTITION BY "t7"."DAY", "t7"."SEGMENT_COLUMN", "t7"."SEGMENT_VALUE", "t7"."CELL", "t7"."OWN"
        ORDER BY "t7"."SCORE" ASC
        RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
      ) AS "UPS"
    FROM (
      SELECT
        "t6"."DAY",
        "t6"."SEGMENT_COLUMN",
        "t6"."SEGMENT_VALUE",
        "t6"."LABEL",
        "t6"."CLASS",
        "t6"."SCORE",
        "t6"."CELL",
        "t6"."UP",
        "t6"."DOWN",
        "t6"."SIZE",
        IFF("t6"."SIZE" <= 1000, "t6"."SCORE", CAST(NULL AS DOUBLE)) AS "OWN"
      FROM (
        SELECT
          "t5"."DAY",
          "t5"."SEGMENT_COLUMN",
          "t5"."SEGMENT_VALUE",
          "t5"."LABEL",
          "t5"."CLASS",
          "t5"."SCORE",
          CAST(IFF(
            CAST(FLOOR("t5"."SCORE" * 1000.0) AS BIGINT) > 999.0,
            999.0,
            CAST(FLOOR("t5"."SCORE" * 1000.0) AS BIGINT)
          ) AS BIGINT) AS "CELL",
          IFF("t5"."LABEL" = 1.0, 1, 0) AS "UP",
          IFF("t5"."LABEL" <> 1.0, 1, 0) AS "DOWN",
          COUNT(*) OVER (
            PARTITION BY "t5"."DAY", "t5"."SEGMENT_COLUMN", "t5"."SEGMENT_VALUE"
            ORDER BY NULL ASC
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
          ) AS "SIZE"
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
              CAST("t3"."SAID" AS DOUBLE) AS "CLASS",
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
  ) AS "t8"
  GROUP BY
    1,
    2,
    3,
    4,
    5
) AS "t9"
