SELECT
  "t11"."DAY",
  CAST(NULL AS TEXT) AS "SEGMENT_COLUMN",
  CAST(NULL AS TEXT) AS "SEGMENT_VALUE",
  "t11"."COLUMN_NAME",
  "t11"."BIN",
  "t11"."CATEGORY",
  "t11"."ROWS_COUNTED",
  "t11"."TOTAL",
  "t11"."LOW",
  "t11"."HIGH"
FROM (
  SELECT
    *
  FROM (
    SELECT
      "t9"."DAY",
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
      "t9"."TOTAL",
      "t9"."LOW",
      "t9"."HIGH"
    FROM (
      SELECT
        "t8"."DAY",
        "t8"."COLUMN_NUMBER",
        "t8"."BIN",
        COUNT(*) AS "ROWS_COUNTED",
        SUM("t8"."VALUE") AS "TOTAL",
        MIN("t8"."VALUE") AS "LOW",
        MAX("t8"."VALUE") AS "HIGH"
      FROM (
        SELECT
          "t7"."DAY",
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
            "t5"."DAY",
            "t5"."COLUMN_NUMBER",
            CASE
              WHEN ISNAN("t5"."VALUE") OR ISINF("t5"."VALUE")
              THEN CAST(NULL AS DOUBLE)
              ELSE "t5"."VALUE"
            END AS "VALUE",
            "t5"."LOW",
            "t5"."WIDTH",
            "t5"."SCALE",
            "t5"."CELLS"
          FROM (
            SELECT
              *
            FROM (
              SELECT
                CAST(NULL AS DATE) AS "DAY",
                0 AS "COLUMN_NUMBER",
                CAST("t0"."AGE" AS DOUBLE) AS "VALUE",
                18.0 AS "LOW",
                0.25 AS "WIDTH",
                CAST(NULL AS DOUBLE) AS "SCALE",
                256 AS "CELLS"
              FROM "WATCHED_SOURCE" AS "t0"
            ) AS "t3"
            UNION ALL
            SELECT
              *
            FROM (
              SELECT
                CAST(NULL AS DATE) AS "DAY",
                1 AS "COLUMN_NUMBER",
                "t0"."SPEND" AS "VALUE",
                0.0 AS "LOW",
                0.01 AS "WIDTH",
                50.0 AS "SCALE",
                256 AS "CELLS"
              FROM "WATCHED_SOURCE" AS "t0"
            ) AS "t2"
          ) AS "t5"
        ) AS "t7"
      ) AS "t8"
      GROUP BY
        1,
        2,
        3
    ) AS "t9"
  ) AS "t10"
  UNION ALL
  SELECT
    *
  FROM (
    SELECT
      "t4"."DAY",
      CASE "t4"."COLUMN_NUMBER" WHEN 0 THEN 'SEGMENT' ELSE CAST(NULL AS TEXT) END AS "COLUMN_NAME",
      CAST(NULL AS BIGINT) AS "BIN",
      "t4"."CATEGORY",
      "t4"."ROWS_COUNTED",
      CAST(NULL AS DOUBLE) AS "TOTAL",
      CAST(NULL AS DOUBLE) AS "LOW",
      CAST(NULL AS DOUBLE) AS "HIGH"
    FROM (
      SELECT
        "t1"."DAY",
        "t1"."COLUMN_NUMBER",
        "t1"."CATEGORY",
        COUNT(*) AS "ROWS_COUNTED"
      FROM (
        SELECT
          CAST(NULL AS DATE) AS "DAY",
          0 AS "COLUMN_NUMBER",
          "t0"."SEGMENT" AS "CATEGORY"
        FROM "WATCHED_SOURCE" AS "t0"
      ) AS "t1"
      GROUP BY
        1,
        2,
        3
    ) AS "t4"
  ) AS "t6"
) AS "t11"
