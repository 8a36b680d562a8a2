WITH "t3" AS (
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
)
SELECT
  *
FROM (
  SELECT
    *
  FROM (
    SELECT
      "t12"."DAY",
      "t12"."SEGMENT_COLUMN",
      "t12"."SEGMENT_VALUE",
      "t12"."COLUMN_NAME",
      "t12"."BIN",
      "t12"."CATEGORY",
      COUNT(*) AS "ROWS_COUNTED",
      SUM("t12"."VALUE") AS "TOTAL",
      MIN("t12"."VALUE") AS "LOW",
      MAX("t12"."VALUE") AS "HIGH"
    FROM (
      SELECT
        "t11"."DAY",
        "t11"."SEGMENT_COLUMN",
        "t11"."SEGMENT_VALUE",
        "t11"."COLUMN_NAME",
        "t11"."CATEGORY",
        "t11"."VALUE",
        "t11"."LOW",
        "t11"."WIDTH",
        "t11"."SCALE",
        "t11"."CELLS",
        CAST(FLOOR(
          CASE
            WHEN (
              CASE
                WHEN "t11"."SCALE" IS NULL
                THEN "t11"."VALUE" - "t11"."LOW"
                ELSE LN(
                  (
                    CASE
                      WHEN (
                        "t11"."VALUE" - "t11"."LOW"
                      ) < 0.0
                      THEN 0.0
                      ELSE "t11"."VALUE" - "t11"."LOW"
                    END / "t11"."SCALE"
                  ) + 1.0
                )
              END / "t11"."WIDTH"
            ) < 0.0
            THEN 0.0
            ELSE CASE
              WHEN (
                CASE
                  WHEN "t11"."SCALE" IS NULL
                  THEN "t11"."VALUE" - "t11"."LOW"
                  ELSE LN(
                    (
                      CASE
                        WHEN (
                          "t11"."VALUE" - "t11"."LOW"
                        ) < 0.0
                        THEN 0.0
                        ELSE "t11"."VALUE" - "t11"."LOW"
                      END / "t11"."SCALE"
                    ) + 1.0
                  )
                END / "t11"."WIDTH"
              ) > CAST("t11"."CELLS" - 1 AS DOUBLE)
              THEN CAST("t11"."CELLS" - 1 AS DOUBLE)
              ELSE CASE
                WHEN "t11"."SCALE" IS NULL
                THEN "t11"."VALUE" - "t11"."LOW"
                ELSE LN(
                  (
                    CASE
                      WHEN (
                        "t11"."VALUE" - "t11"."LOW"
                      ) < 0.0
                      THEN 0.0
                      ELSE "t11"."VALUE" - "t11"."LOW"
                    END / "t11"."SCALE"
                  ) + 1.0
                )
              END / "t11"."WIDTH"
            END
          END
        ) AS BIGINT) AS "BIN"
      FROM (
        SELECT
          "t8"."DAY",
          "t8"."SEGMENT_COLUMN",
          "t8"."SEGMENT_VALUE",
          "t8"."COLUMN_NAME",
          "t8"."CATEGORY",
          CASE
            WHEN ISNAN("t8"."VALUE") OR ISINF("t8"."VALUE")
            THEN CAST(NULL AS DOUBLE)
            ELSE "t8"."VALUE"
          END AS "VALUE",
          "t8"."LOW",
          "t8"."WIDTH",
          "t8"."SCALE",
          "t8"."CELLS"
        FROM (
          SELECT
            *
          FROM (
            SELECT
              "t4"."DAY",
              "t4"."SEGMENT_COLUMN",
              "t4"."SEGMENT_VALUE",
              'AGE' AS "COLUMN_NAME",
              CAST(NULL AS TEXT) AS "CATEGORY",
              CAST("t4"."AGE" AS DOUBLE) AS "VALUE",
              18.0 AS "LOW",
              0.25 AS "WIDTH",
              CAST(NULL AS DOUBLE) AS "SCALE",
              256 AS "CELLS"
            FROM "t3" AS "t4"
          ) AS "t7"
          UNION ALL
          SELECT
            *
          FROM (
            SELECT
              "t4"."DAY",
              "t4"."SEGMENT_COLUMN",
              "t4"."SEGMENT_VALUE",
              'SPEND' AS "COLUMN_NAME",
              CAST(NULL AS TEXT) AS "CATEGORY",
              "t4"."SPEND" AS "VALUE",
              0.0 AS "LOW",
              0.01 AS "WIDTH",
              50.0 AS "SCALE",
              256 AS "CELLS"
            FROM "t3" AS "t4"
          ) AS "t6"
        ) AS "t8"
      ) AS "t11"
    ) AS "t12"
    GROUP BY
      1,
      2,
      3,
      4,
      5,
      6
  ) AS "t13"
) AS "t14"
UNION ALL
SELECT
  *
FROM (
  SELECT
    *
  FROM (
    SELECT
      "t5"."DAY",
      "t5"."SEGMENT_COLUMN",
      "t5"."SEGMENT_VALUE",
      "t5"."COLUMN_NAME",
      "t5"."BIN",
      "t5"."CATEGORY",
      COUNT(*) AS "ROWS_COUNTED",
      SUM("t5"."VALUE") AS "TOTAL",
      MIN("t5"."VALUE") AS "LOW",
      MAX("t5"."VALUE") AS "HIGH"
    FROM (
      SELECT
        "t4"."DAY",
        "t4"."SEGMENT_COLUMN",
        "t4"."SEGMENT_VALUE",
        'SEGMENT' AS "COLUMN_NAME",
        "t4"."SEGMENT" AS "CATEGORY",
        CAST(NULL AS BIGINT) AS "BIN",
        CAST(NULL AS DOUBLE) AS "VALUE"
      FROM "t3" AS "t4"
    ) AS "t5"
    GROUP BY
      1,
      2,
      3,
      4,
      5,
      6
  ) AS "t9"
) AS "t10"
