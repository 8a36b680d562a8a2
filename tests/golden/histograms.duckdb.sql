SELECT
  *
FROM (
  SELECT
    CASE "t9"."COLUMN_NUMBER"
      WHEN 0
      THEN 'AGE'
      WHEN 1
      THEN 'SPEND'
      ELSE CAST(NULL AS TEXT)
    END AS "COLUMN_NAME",
    "t9"."BIN",
    CAST(NULL AS TEXT) AS "CATEGORY",
    "t9"."ROWS_COUNTED",
    "t9"."TOTAL"
  FROM (
    SELECT
      "t8"."COLUMN_NUMBER",
      "t8"."BIN",
      COUNT(*) AS "ROWS_COUNTED",
      SUM("t8"."VALUE") AS "TOTAL"
    FROM (
      SELECT
        "t7"."COLUMN_NUMBER",
        "t7"."VALUE",
        "t7"."LOW",
        "t7"."WIDTH",
        "t7"."SCALE",
        "t7"."CELLS",
        CAST(FLOOR(
          CASE
            WHEN (
              CASE
                WHEN "t7"."SCALE" IS NULL
                THEN "t7"."VALUE" - "t7"."LOW"
                ELSE LN(
                  (
                    CASE
                      WHEN (
                        "t7"."VALUE" - "t7"."LOW"
                      ) < 0.0
                      THEN 0.0
                      ELSE "t7"."VALUE" - "t7"."LOW"
                    END / "t7"."SCALE"
                  ) + 1.0
                )
              END / "t7"."WIDTH"
            ) < 0.0
            THEN 0.0
            ELSE CASE
              WHEN (
                CASE
                  WHEN "t7"."SCALE" IS NULL
                  THEN "t7"."VALUE" - "t7"."LOW"
                  ELSE LN(
                    (
                      CASE
                        WHEN (
                          "t7"."VALUE" - "t7"."LOW"
                        ) < 0.0
                        THEN 0.0
                        ELSE "t7"."VALUE" - "t7"."LOW"
                      END / "t7"."SCALE"
                    ) + 1.0
                  )
                END / "t7"."WIDTH"
              ) > CAST("t7"."CELLS" - 1 AS DOUBLE)
              THEN CAST("t7"."CELLS" - 1 AS DOUBLE)
              ELSE CASE
                WHEN "t7"."SCALE" IS NULL
                THEN "t7"."VALUE" - "t7"."LOW"
                ELSE LN(
                  (
                    CASE
                      WHEN (
                        "t7"."VALUE" - "t7"."LOW"
                      ) < 0.0
                      THEN 0.0
                      ELSE "t7"."VALUE" - "t7"."LOW"
                    END / "t7"."SCALE"
                  ) + 1.0
                )
              END / "t7"."WIDTH"
            END
          END
        ) AS BIGINT) AS "BIN"
      FROM (
        SELECT
          "t4"."COLUMN_NUMBER",
          CASE
            WHEN ISNAN("t4"."VALUE") OR ISINF("t4"."VALUE")
            THEN CAST(NULL AS DOUBLE)
            ELSE "t4"."VALUE"
          END AS "VALUE",
          "t4"."LOW",
          "t4"."WIDTH",
          "t4"."SCALE",
          "t4"."CELLS"
        FROM (
          SELECT
            *
          FROM (
            SELECT
              0 AS "COLUMN_NUMBER",
              "t0"."AGE" AS "VALUE",
              18.0 AS "LOW",
              0.25 AS "WIDTH",
              CAST(NULL AS DOUBLE) AS "SCALE",
              256 AS "CELLS"
            FROM "FEATURES" AS "t0"
            WHERE
              MAKE_TIMESTAMP(2024, 5, 1, 0, 0, 0.0) = "t0"."TIMESTAMP"
          ) AS "t2"
          UNION ALL
          SELECT
            *
          FROM (
            SELECT
              1 AS "COLUMN_NUMBER",
              "t0"."SPEND" AS "VALUE",
              0.0 AS "LOW",
              0.01 AS "WIDTH",
              50.0 AS "SCALE",
              256 AS "CELLS"
            FROM "FEATURES" AS "t0"
            WHERE
              MAKE_TIMESTAMP(2024, 5, 1, 0, 0, 0.0) = "t0"."TIMESTAMP"
          ) AS "t3"
        ) AS "t4"
      ) AS "t7"
    ) AS "t8"
    GROUP BY
      1,
      2
  ) AS "t9"
) AS "t10"
UNION ALL
SELECT
  *
FROM (
  SELECT
    CASE "t5"."COLUMN_NUMBER" WHEN 0 THEN 'SEGMENT' ELSE CAST(NULL AS TEXT) END AS "COLUMN_NAME",
    CAST(NULL AS BIGINT) AS "BIN",
    "t5"."CATEGORY",
    "t5"."ROWS_COUNTED",
    CAST(NULL AS DOUBLE) AS "TOTAL"
  FROM (
    SELECT
      "t1"."COLUMN_NUMBER",
      "t1"."CATEGORY",
      COUNT(*) AS "ROWS_COUNTED"
    FROM (
      SELECT
        0 AS "COLUMN_NUMBER",
        "t0"."SEGMENT" AS "CATEGORY"
      FROM "FEATURES" AS "t0"
      WHERE
        MAKE_TIMESTAMP(2024, 5, 1, 0, 0, 0.0) = "t0"."TIMESTAMP"
    ) AS "t1"
    GROUP BY
      1,
      2
  ) AS "t5"
) AS "t6"
