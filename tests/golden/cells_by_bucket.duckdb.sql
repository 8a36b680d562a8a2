SELECT
  *
FROM (
  SELECT
    "t6"."BUCKET",
    CASE "t6"."COLUMN_NUMBER" WHEN 0 THEN 'AGE' ELSE CAST(NULL AS TEXT) END AS "COLUMN_NAME",
    "t6"."BIN",
    CAST(NULL AS TEXT) AS "CATEGORY",
    "t6"."ROWS_COUNTED",
    "t6"."TOTAL",
    "t6"."LOW",
    "t6"."HIGH"
  FROM (
    SELECT
      "t5"."BUCKET",
      "t5"."COLUMN_NUMBER",
      "t5"."BIN",
      COUNT(*) AS "ROWS_COUNTED",
      SUM("t5"."VALUE") AS "TOTAL",
      MIN("t5"."VALUE") AS "LOW",
      MAX("t5"."VALUE") AS "HIGH"
    FROM (
      SELECT
        "t3"."BUCKET",
        "t3"."COLUMN_NUMBER",
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
          0 AS "COLUMN_NUMBER",
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
      3
  ) AS "t6"
) AS "t7"
UNION ALL
SELECT
  *
FROM (
  SELECT
    "t2"."BUCKET",
    CASE "t2"."COLUMN_NUMBER" WHEN 0 THEN 'SEGMENT' ELSE CAST(NULL AS TEXT) END AS "COLUMN_NAME",
    CAST(NULL AS BIGINT) AS "BIN",
    "t2"."CATEGORY",
    "t2"."ROWS_COUNTED",
    CAST(NULL AS DOUBLE) AS "TOTAL",
    CAST(NULL AS DOUBLE) AS "LOW",
    CAST(NULL AS DOUBLE) AS "HIGH"
  FROM (
    SELECT
      "t1"."BUCKET",
      "t1"."COLUMN_NUMBER",
      "t1"."CATEGORY",
      COUNT(*) AS "ROWS_COUNTED"
    FROM (
      SELECT
        "t0"."BUCKET",
        0 AS "COLUMN_NUMBER",
        "t0"."SEGMENT" AS "CATEGORY"
      FROM "ROWS" AS "t0"
    ) AS "t1"
    GROUP BY
      1,
      2,
      3
  ) AS "t2"
) AS "t4"
