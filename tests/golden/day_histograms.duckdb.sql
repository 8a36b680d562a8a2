WITH "t11" AS (
  SELECT
    *
  FROM (
    SELECT
      "t9"."DAY",
      "t9"."SEGMENT_VALUE",
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
        "t8"."SEGMENT_VALUE",
        "t8"."COLUMN_NUMBER",
        "t8"."BIN",
        COUNT(*) AS "ROWS_COUNTED",
        SUM("t8"."VALUE") AS "TOTAL",
        MIN("t8"."VALUE") AS "LOW",
        MAX("t8"."VALUE") AS "HIGH"
      FROM (
        SELECT
          "t7"."DAY",
          "t7"."SEGMENT_VALUE",
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
            "t4"."DAY",
            "t4"."SEGMENT_VALUE",
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
                CAST("t0"."AT" AS DATE) AS "DAY",
                "t0"."SEGMENT" AS "SEGMENT_VALUE",
                0 AS "COLUMN_NUMBER",
                CAST("t0"."AGE" AS DOUBLE) AS "VALUE",
                18.0 AS "LOW",
                0.25 AS "WIDTH",
                CAST(NULL AS DOUBLE) AS "SCALE",
                256 AS "CELLS"
              FROM "WATCHED_SOURCE" AS "t0"
              WHERE
                "t0"."AT" >= MAKE_TIMESTAMP(2024, 4, 1, 0, 0, 0.0)
                AND CAST("t0"."AT" AS DATE) IN (MAKE_DATE(2024, 4, 1), MAKE_DATE(2024, 5, 1))
            ) AS "t2"
            UNION ALL
            SELECT
              *
            FROM (
              SELECT
                CAST("t0"."AT" AS DATE) AS "DAY",
                "t0"."SEGMENT" AS "SEGMENT_VALUE",
                1 AS "COLUMN_NUMBER",
                "t0"."SPEND" AS "VALUE",
                0.0 AS "LOW",
                0.01 AS "WIDTH",
                50.0 AS "SCALE",
                256 AS "CELLS"
              FROM "WATCHED_SOURCE" AS "t0"
              WHERE
                "t0"."AT" >= MAKE_TIMESTAMP(2024, 4, 1, 0, 0, 0.0)
                AND CAST("t0"."AT" AS DATE) IN (MAKE_DATE(2024, 4, 1), MAKE_DATE(2024, 5, 1))
            ) AS "t3"
          ) AS "t4"
        ) AS "t7"
      ) AS "t8"
      GROUP BY
        1,
        2,
        3,
        4
    ) AS "t9"
  ) AS "t10"
  UNION ALL
  SELECT
    *
  FROM (
    SELECT
      "t5"."DAY",
      "t5"."SEGMENT_VALUE",
      CASE "t5"."COLUMN_NUMBER" WHEN 0 THEN 'SEGMENT' ELSE CAST(NULL AS TEXT) END AS "COLUMN_NAME",
      CAST(NULL AS BIGINT) AS "BIN",
      "t5"."CATEGORY",
      "t5"."ROWS_COUNTED",
      CAST(NULL AS DOUBLE) AS "TOTAL",
      CAST(NULL AS DOUBLE) AS "LOW",
      CAST(NULL AS DOUBLE) AS "HIGH"
    FROM (
      SELECT
        "t1"."DAY",
        "t1"."SEGMENT_VALUE",
        "t1"."COLUMN_NUMBER",
        "t1"."CATEGORY",
        COUNT(*) AS "ROWS_COUNTED"
      FROM (
        SELECT
          CAST("t0"."AT" AS DATE) AS "DAY",
          "t0"."SEGMENT" AS "SEGMENT_VALUE",
          0 AS "COLUMN_NUMBER",
          "t0"."SEGMENT" AS "CATEGORY"
        FROM "WATCHED_SOURCE" AS "t0"
        WHERE
          "t0"."AT" >= MAKE_TIMESTAMP(2024, 4, 1, 0, 0, 0.0)
          AND CAST("t0"."AT" AS DATE) IN (MAKE_DATE(2024, 4, 1), MAKE_DATE(2024, 5, 1))
      ) AS "t1"
      GROUP BY
        1,
        2,
        3,
        4
    ) AS "t5"
  ) AS "t6"
)
SELECT
  *
FROM (
  SELECT
    "t15"."DAY",
    CAST(NULL AS TEXT) AS "SEGMENT_COLUMN",
    CAST(NULL AS TEXT) AS "SEGMENT_VALUE",
    "t15"."COLUMN_NAME",
    "t15"."BIN",
    "t15"."CATEGORY",
    "t15"."ROWS_COUNTED",
    "t15"."TOTAL",
    "t15"."LOW",
    "t15"."HIGH"
  FROM (
    SELECT
      "t14"."DAY",
      "t14"."COLUMN_NAME",
      "t14"."BIN",
      "t14"."CATEGORY",
      SUM("t14"."ROWS_COUNTED") AS "ROWS_COUNTED",
      FIRST("t14"."SO_FAR" ORDER BY "t14"."POSITION" DESC) AS "TOTAL",
      MIN("t14"."LOW") AS "LOW",
      MAX("t14"."HIGH") AS "HIGH"
    FROM (
      SELECT
        "t12"."DAY",
        "t12"."SEGMENT_VALUE",
        "t12"."COLUMN_NAME",
        "t12"."BIN",
        "t12"."CATEGORY",
        "t12"."ROWS_COUNTED",
        "t12"."TOTAL",
        "t12"."LOW",
        "t12"."HIGH",
        SUM("t12"."TOTAL") OVER (
          PARTITION BY "t12"."DAY", "t12"."COLUMN_NAME", "t12"."BIN", "t12"."CATEGORY"
          ORDER BY "t12"."SEGMENT_VALUE" ASC
          ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS "SO_FAR",
        ROW_NUMBER() OVER (
          PARTITION BY "t12"."DAY", "t12"."COLUMN_NAME", "t12"."BIN", "t12"."CATEGORY"
          ORDER BY "t12"."SEGMENT_VALUE" ASC
          ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) - 1 AS "POSITION"
      FROM "t11" AS "t12"
    ) AS "t14"
    GROUP BY
      1,
      2,
      3,
      4
  ) AS "t15"
) AS "t16"
UNION ALL
SELECT
  *
FROM (
  SELECT
    "t12"."DAY",
    'SEGMENT' AS "SEGMENT_COLUMN",
    "t12"."SEGMENT_VALUE",
    "t12"."COLUMN_NAME",
    "t12"."BIN",
    "t12"."CATEGORY",
    "t12"."ROWS_COUNTED",
    "t12"."TOTAL",
    "t12"."LOW",
    "t12"."HIGH"
  FROM "t11" AS "t12"
) AS "t13"
