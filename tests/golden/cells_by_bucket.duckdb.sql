SELECT
  *
FROM (
  SELECT
    *
  FROM (
    SELECT
      "t5"."BUCKET",
      "t5"."COLUMN_NAME",
      "t5"."BIN",
      "t5"."CATEGORY",
      COUNT(*) AS "ROWS_COUNTED",
      SUM("t5"."VALUE") AS "TOTAL",
      MIN("t5"."VALUE") AS "LOW",
      MAX("t5"."VALUE") AS "HIGH"
    FROM (
      SELECT
        "t3"."BUCKET",
        "t3"."COLUMN_NAME",
        "t3"."CATEGORY",
        "t3"."VALUE",
        "t3"."LOW",
        "t3"."WIDTH",
        "t3"."SCALE",
        "t3"."CELLS",
        CAST(FLOOR(
          CASE
            WHEN (
              CASE
                WHEN "t3"."SCALE" IS NULL
                THEN "t3"."VALUE" - "t3"."LOW"
                ELSE LN(
                  (
                    CASE
                      WHEN (
                        "t3"."VALUE" - "t3"."LOW"
                      ) < 0.0
                      THEN 0.0
                      ELSE "t3"."VALUE" - "t3"."LOW"
                    END / "t3"."SCALE"
                  ) + 1.0
                )
              END / "t3"."WIDTH"
            ) < 0.0
            THEN 0.0
            ELSE CASE
              WHEN (
                CASE
                  WHEN "t3"."SCALE" IS NULL
                  THEN "t3"."VALUE" - "t3"."LOW"
                  ELSE LN(
                    (
                      CASE
                        WHEN (
                          "t3"."VALUE" - "t3"."LOW"
                        ) < 0.0
                        THEN 0.0
                        ELSE "t3"."VALUE" - "t3"."LOW"
                      END / "t3"."SCALE"
                    ) + 1.0
                  )
                END / "t3"."WIDTH"
              ) > CAST("t3"."CELLS" - 1 AS DOUBLE)
              THEN CAST("t3"."CELLS" - 1 AS DOUBLE)
              ELSE CASE
                WHEN "t3"."SCALE" IS NULL
                THEN "t3"."VALUE" - "t3"."LOW"
                ELSE LN(
                  (
                    CASE
                      WHEN (
                        "t3"."VALUE" - "t3"."LOW"
                      ) < 0.0
                      THEN 0.0
                      ELSE "t3"."VALUE" - "t3"."LOW"
                    END / "t3"."SCALE"
                  ) + 1.0
                )
              END / "t3"."WIDTH"
            END
          END
        ) AS BIGINT) AS "BIN"
      FROM (
        SELECT
          "t0"."BUCKET",
          'AGE' AS "COLUMN_NAME",
          CAST(NULL AS TEXT) AS "CATEGORY",
          CASE
            WHEN ISNAN("t0"."AGE") OR ISINF("t0"."AGE")
            THEN CAST(NULL AS DOUBLE)
            ELSE "t0"."AGE"
          END AS "VALUE",
          18.0 AS "LOW",
          0.25 AS "WIDTH",
          CAST(NULL AS DOUBLE) AS "SCALE",
          256 AS "CELLS"
        FROM "ROWS" AS "t0"
      ) AS "t3"
    ) AS "t5"
    GROUP BY
      1,
      2,
      3,
      4
  ) AS "t6"
) AS "t7"
UNION ALL
SELECT
  *
FROM (
  SELECT
    *
  FROM (
    SELECT
      "t1"."BUCKET",
      "t1"."COLUMN_NAME",
      "t1"."BIN",
      "t1"."CATEGORY",
      COUNT(*) AS "ROWS_COUNTED",
      SUM("t1"."VALUE") AS "TOTAL",
      MIN("t1"."VALUE") AS "LOW",
      MAX("t1"."VALUE") AS "HIGH"
    FROM (
      SELECT
        "t0"."BUCKET",
        'SEGMENT' AS "COLUMN_NAME",
        "t0"."SEGMENT" AS "CATEGORY",
        CAST(NULL AS BIGINT) AS "BIN",
        CAST(NULL AS DOUBLE) AS "VALUE"
      FROM "ROWS" AS "t0"
    ) AS "t1"
    GROUP BY
      1,
      2,
      3,
      4
  ) AS "t2"
) AS "t4"
