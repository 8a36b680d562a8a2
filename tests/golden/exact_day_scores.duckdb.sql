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
    "t7"."SCORE",
    MIN("t7"."SCORE") AS "LOW",
    MAX("t7"."SCORE") AS "HIGH",
    COUNT(*) AS "ROWS_ALL",
    COUNT(*) FILTER(WHERE
      "t7"."LABEL" = 1.0) AS "ROWS_UP",
    SUM(CAST("t7"."BOUNDED" AS DECIMAL(18, 12))) AS "SCORE_TOTAL",
    SUM(
      CAST(-(
        LN(
          CASE
            WHEN "t7"."GIVEN" < 1e-15
            THEN 1e-15
            ELSE CASE
              WHEN "t7"."GIVEN" > 0.999999999999999
              THEN 0.999999999999999
              ELSE "t7"."GIVEN"
            END
          END
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
      CASE
        WHEN "t6"."CLASS" = 1.0
        THEN 1
        ELSE CASE WHEN "t6"."CLASS" <> 1.0 THEN 0 ELSE CAST(NULL AS INT) END
      END AS "CLASS",
      "t6"."SCORE",
      "t6"."BOUNDED",
      CAST(CASE
        WHEN CAST(FLOOR("t6"."BOUNDED" * 1000.0) AS BIGINT) > 999
        THEN 999
        ELSE CAST(FLOOR("t6"."BOUNDED" * 1000.0) AS BIGINT)
      END AS INT) AS "CELL",
      "t6"."LABEL" IS NOT NULL AS "IS_LABELED",
      CASE
        WHEN "t6"."LABEL" = 1.0
        THEN "t6"."BOUNDED"
        ELSE CASE
          WHEN "t6"."LABEL" <> 1.0
          THEN 1.0 - "t6"."BOUNDED"
          ELSE CAST(NULL AS DOUBLE)
        END
      END AS "GIVEN"
    FROM (
      SELECT
        "t5"."DAY",
        "t5"."SEGMENT_COLUMN",
        "t5"."SEGMENT_VALUE",
        "t5"."LABEL",
        "t5"."CLASS",
        "t5"."SCORE",
        CASE
          WHEN "t5"."SCORE" < 0.0
          THEN 0.0
          ELSE CASE WHEN "t5"."SCORE" > 1.0 THEN 1.0 ELSE "t5"."SCORE" END
        END AS "BOUNDED"
      FROM (
        SELECT
          "t4"."DAY",
          "t4"."SEGMENT_COLUMN",
          "t4"."SEGMENT_VALUE",
          CASE
            WHEN ISNAN("t4"."LABEL") OR ISINF("t4"."LABEL")
            THEN CAST(NULL AS DOUBLE)
            ELSE "t4"."LABEL"
          END AS "LABEL",
          CASE
            WHEN ISNAN("t4"."CLASS") OR ISINF("t4"."CLASS")
            THEN CAST(NULL AS DOUBLE)
            ELSE "t4"."CLASS"
          END AS "CLASS",
          CASE
            WHEN ISNAN("t4"."SCORE") OR ISINF("t4"."SCORE")
            THEN CAST(NULL AS DOUBLE)
            ELSE "t4"."SCORE"
          END AS "SCORE"
        FROM (
          SELECT
            "t3"."DAY",
            "t3"."SEGMENT_COLUMN",
            "t3"."SEGMENT_VALUE",
            CASE
              WHEN "t3"."RIPE"
              THEN CAST("t3"."CHURNED" AS DOUBLE)
              ELSE CAST(NULL AS DOUBLE)
            END AS "LABEL",
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
                "t0"."AT" <= MAKE_TIMESTAMP(2024, 5, 1, 0, 0, 0.0) AS "RIPE",
                CAST(NULL AS TEXT) AS "SEGMENT_COLUMN",
                CAST(NULL AS TEXT) AS "SEGMENT_VALUE"
              FROM "WATCHED_SOURCE" AS "t0"
              WHERE
                "t0"."AT" >= MAKE_TIMESTAMP(2024, 4, 1, 0, 0, 0.0)
                AND CAST("t0"."AT" AS DATE) IN (MAKE_DATE(2024, 4, 1), MAKE_DATE(2024, 5, 1))
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
                "t0"."AT" <= MAKE_TIMESTAMP(2024, 5, 1, 0, 0, 0.0) AS "RIPE",
                'SEGMENT' AS "SEGMENT_COLUMN",
                "t0"."SEGMENT" AS "SEGMENT_VALUE"
              FROM "WATCHED_SOURCE" AS "t0"
              WHERE
                "t0"."AT" >= MAKE_TIMESTAMP(2024, 4, 1, 0, 0, 0.0)
                AND CAST("t0"."AT" AS DATE) IN (MAKE_DATE(2024, 4, 1), MAKE_DATE(2024, 5, 1))
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
    6,
    7
) AS "t8"
