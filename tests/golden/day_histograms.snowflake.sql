SELECT
  *
FROM (
  SELECT
    "t21"."DAY",
    CAST(NULL AS VARCHAR) AS "SEGMENT_COLUMN",
    CAST(NULL AS VARCHAR) AS "SEGMENT_VALUE",
    "t21"."COLUMN_NAME",
    "t21"."BIN",
    "t21"."CATEGORY",
    "t21"."ROWS_COUNTED",
    "t21"."TOTAL",
    "t21"."LOW",
    "t21"."HIGH"
  FROM (
    SELECT
      *
    FROM (
      SELECT
        "t17"."DAY",
        CASE "t17"."COLUMN_NUMBER"
          WHEN 0
          THEN 'AGE'
          WHEN 1
          THEN 'SPEND'
          ELSE CAST(NULL AS VARCHAR)
        END AS "COLUMN_NAME",
        "t17"."BIN",
        CAST(NULL AS VARCHAR) AS "CATEGORY",
        "t17"."ROWS_COUNTED",
        "t17"."TOTAL",
        "t17"."LOW",
        "t17"."HIGH"
      FROM (
        SELECT
          "t15"."DAY",
          "t15"."COLUMN_NUMBER",
          "t15"."BIN",
          COUNT(*) AS "ROWS_COUNTED",
          SUM("t15"."VALUE") AS "TOTAL",
          MIN("t15"."VALUE") AS "LOW",
          MAX("t15"."VALUE") AS "HIGH"
        FROM (
          SELECT
            "t13"."DAY",
            "t13"."COLUMN_NUMBER",
            "t13"."VALUE",
            "t13"."LOW",
            "t13"."WIDTH",
            "t13"."SCALE",
            "t13"."CELLS",
            CAST(FLOOR(
              IFF(
                (
                  IFF(
                    "t13"."SCALE" IS NULL,
                    "t13"."VALUE" - "t13"."LOW",
                    LN(
                      (
                        IFF((
                          "t13"."VALUE" - "t13"."LOW"
                        ) < 0.0, 0.0, "t13"."VALUE" - "t13"."LOW") / "t13"."SCALE"
                      ) + 1.0
                    )
                  ) / "t13"."WIDTH"
                ) < 0.0,
                0.0,
                IFF(
                  (
                    IFF(
                      "t13"."SCALE" IS NULL,
                      "t13"."VALUE" - "t13"."LOW",
                      LN(
                        (
                          IFF((
                            "t13"."VALUE" - "t13"."LOW"
                          ) < 0.0, 0.0, "t13"."VALUE" - "t13"."LOW") / "t13"."SCALE"
                        ) + 1.0
                      )
                    ) / "t13"."WIDTH"
                  ) > CAST("t13"."CELLS" - 1 AS DOUBLE),
                  CAST("t13"."CELLS" - 1 AS DOUBLE),
                  IFF(
                    "t13"."SCALE" IS NULL,
                    "t13"."VALUE" - "t13"."LOW",
                    LN(
                      (
                        IFF((
                          "t13"."VALUE" - "t13"."LOW"
                        ) < 0.0, 0.0, "t13"."VALUE" - "t13"."LOW") / "t13"."SCALE"
                      ) + 1.0
                    )
                  ) / "t13"."WIDTH"
                )
              )
            ) AS BIGINT) AS "BIN"
          FROM (
            SELECT
              "t7"."DAY",
              "t7"."COLUMN_NUMBER",
              IFF(
                (
                  "t7"."VALUE" = CAST('NaN' AS DOUBLE)
                )
                OR "t7"."VALUE" IN (CAST('Inf' AS DOUBLE), CAST('-Inf' AS DOUBLE)),
                CAST(NULL AS DOUBLE),
                "t7"."VALUE"
              ) AS "VALUE",
              "t7"."LOW",
              "t7"."WIDTH",
              "t7"."SCALE",
              "t7"."CELLS"
            FROM (
              SELECT
                *
              FROM (
                SELECT
                  CAST("t0"."AT" AS DATE) AS "DAY",
                  0 AS "COLUMN_NUMBER",
                  CAST("t0"."AGE" AS DOUBLE) AS "VALUE",
                  18.0 AS "LOW",
                  0.25 AS "WIDTH",
                  CAST(NULL AS DOUBLE) AS "SCALE",
                  256 AS "CELLS"
                FROM "WATCHED_SOURCE" AS "t0"
                WHERE
                  "t0"."AT" >= TIMESTAMP_FROM_PARTS(2024, 4, 1, 0, 0, 0, 0)
                  AND CAST("t0"."AT" AS DATE) IN (DATE_FROM_PARTS(2024, 4, 1), DATE_FROM_PARTS(2024, 5, 1))
              ) AS "t3"
              UNION ALL
              SELECT
                *
              FROM (
                SELECT
                  CAST("t0"."AT" AS DATE) AS "DAY",
                  1 AS "COLUMN_NUMBER",
                  "t0"."SPEND" AS "VALUE",
                  0.0 AS "LOW",
                  0.01 AS "WIDTH",
                  50.0 AS "SCALE",
                  256 AS "CELLS"
                FROM "WATCHED_SOURCE" AS "t0"
                WHERE
                  "t0"."AT" >= TIMESTAMP_FROM_PARTS(2024, 4, 1, 0, 0, 0, 0)
                  AND CAST("t0"."AT" AS DATE) IN (DATE_FROM_PARTS(2024, 4, 1), DATE_FROM_PARTS(2024, 5, 1))
              ) AS "t4"
            ) AS "t7"
          ) AS "t13"
        ) AS "t15"
        GROUP BY
          1,
          2,
          3
      ) AS "t17"
    ) AS "t19"
    UNION ALL
    SELECT
      *
    FROM (
      SELECT
        "t9"."DAY",
        CASE "t9"."COLUMN_NUMBER" WHEN 0 THEN 'SEGMENT' ELSE CAST(NULL AS VARCHAR) END AS "COLUMN_NAME",
        CAST(NULL AS BIGINT) AS "BIN",
        "t9"."CATEGORY",
        "t9"."ROWS_COUNTED",
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
            CAST("t0"."AT" AS DATE) AS "DAY",
            0 AS "COLUMN_NUMBER",
            "t0"."SEGMENT" AS "CATEGORY"
          FROM "WATCHED_SOURCE" AS "t0"
          WHERE
            "t0"."AT" >= TIMESTAMP_FROM_PARTS(2024, 4, 1, 0, 0, 0, 0)
            AND CAST("t0"."AT" AS DATE) IN (DATE_FROM_PARTS(2024, 4, 1), DATE_FROM_PARTS(2024, 5, 1))
        ) AS "t1"
        GROUP BY
          1,
          2,
          3
      ) AS "t9"
    ) AS "t11"
  ) AS "t21"
) AS "t23"
UNION ALL
SELECT
  *
FROM (
  SELECT
    "t22"."DAY",
    'SEGMENT' AS "SEGMENT_COLUMN",
    "t22"."SEGMENT_VALUE",
    "t22"."COLUMN_NAME",
    "t22"."BIN",
    "t22"."CATEGORY",
    "t22"."ROWS_COUNTED",
    "t22"."TOTAL",
    "t22"."LOW",
    "t22"."HIGH"
  FROM (
    SELECT
      *
    FROM (
      SELECT
        "t18"."DAY",
        "t18"."SEGMENT_VALUE",
        CASE "t18"."COLUMN_NUMBER"
          WHEN 0
          THEN 'AGE'
          WHEN 1
          THEN 'SPEND'
          ELSE CAST(NULL AS VARCHAR)
        END AS "COLUMN_NAME",
        "t18"."BIN",
        CAST(NULL AS VARCHAR) AS "CATEGORY",
        "t18"."ROWS_COUNTED",
        "t18"."TOTAL",
        "t18"."LOW",
        "t18"."HIGH"
      FROM (
        SELECT
          "t16"."DAY",
          "t16"."SEGMENT_VALUE",
          "t16"."COLUMN_NUMBER",
          "t16"."BIN",
          COUNT(*) AS "ROWS_COUNTED",
          SUM("t16"."VALUE") AS "TOTAL",
          MIN("t16"."VALUE") AS "LOW",
          MAX("t16"."VALUE") AS "HIGH"
        FROM (
          SELECT
            "t14"."DAY",
            "t14"."SEGMENT_VALUE",
            "t14"."COLUMN_NUMBER",
            "t14"."VALUE",
            "t14"."LOW",
            "t14"."WIDTH",
            "t14"."SCALE",
            "t14"."CELLS",
            CAST(FLOOR(
              IFF(
                (
                  IFF(
                    "t14"."SCALE" IS NULL,
                    "t14"."VALUE" - "t14"."LOW",
                    LN(
                      (
                        IFF((
                          "t14"."VALUE" - "t14"."LOW"
                        ) < 0.0, 0.0, "t14"."VALUE" - "t14"."LOW") / "t14"."SCALE"
                      ) + 1.0
                    )
                  ) / "t14"."WIDTH"
                ) < 0.0,
                0.0,
                IFF(
                  (
                    IFF(
                      "t14"."SCALE" IS NULL,
                      "t14"."VALUE" - "t14"."LOW",
                      LN(
                        (
                          IFF((
                            "t14"."VALUE" - "t14"."LOW"
                          ) < 0.0, 0.0, "t14"."VALUE" - "t14"."LOW") / "t14"."SCALE"
                        ) + 1.0
                      )
                    ) / "t14"."WIDTH"
                  ) > CAST("t14"."CELLS" - 1 AS DOUBLE),
                  CAST("t14"."CELLS" - 1 AS DOUBLE),
                  IFF(
                    "t14"."SCALE" IS NULL,
                    "t14"."VALUE" - "t14"."LOW",
                    LN(
                      (
                        IFF((
                          "t14"."VALUE" - "t14"."LOW"
                        ) < 0.0, 0.0, "t14"."VALUE" - "t14"."LOW") / "t14"."SCALE"
                      ) + 1.0
                    )
                  ) / "t14"."WIDTH"
                )
              )
            ) AS BIGINT) AS "BIN"
          FROM (
            SELECT
              "t8"."DAY",
              "t8"."SEGMENT_VALUE",
              "t8"."COLUMN_NUMBER",
              IFF(
                (
                  "t8"."VALUE" = CAST('NaN' AS DOUBLE)
                )
                OR "t8"."VALUE" IN (CAST('Inf' AS DOUBLE), CAST('-Inf' AS DOUBLE)),
                CAST(NULL AS DOUBLE),
                "t8"."VALUE"
              ) AS "VALUE",
              "t8"."LOW",
              "t8"."WIDTH",
              "t8"."SCALE",
              "t8"."CELLS"
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
                  "t0"."AT" >= TIMESTAMP_FROM_PARTS(2024, 4, 1, 0, 0, 0, 0)
                  AND CAST("t0"."AT" AS DATE) IN (DATE_FROM_PARTS(2024, 4, 1), DATE_FROM_PARTS(2024, 5, 1))
              ) AS "t5"
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
                  "t0"."AT" >= TIMESTAMP_FROM_PARTS(2024, 4, 1, 0, 0, 0, 0)
                  AND CAST("t0"."AT" AS DATE) IN (DATE_FROM_PARTS(2024, 4, 1), DATE_FROM_PARTS(2024, 5, 1))
              ) AS "t6"
            ) AS "t8"
          ) AS "t14"
        ) AS "t16"
        GROUP BY
          1,
          2,
          3,
          4
      ) AS "t18"
    ) AS "t20"
    UNION ALL
    SELECT
      *
    FROM (
      SELECT
        "t10"."DAY",
        "t10"."SEGMENT_VALUE",
        CASE "t10"."COLUMN_NUMBER" WHEN 0 THEN 'SEGMENT' ELSE CAST(NULL AS VARCHAR) END AS "COLUMN_NAME",
        CAST(NULL AS BIGINT) AS "BIN",
        "t10"."CATEGORY",
        "t10"."ROWS_COUNTED",
        CAST(NULL AS DOUBLE) AS "TOTAL",
        CAST(NULL AS DOUBLE) AS "LOW",
        CAST(NULL AS DOUBLE) AS "HIGH"
      FROM (
        SELECT
          "t2"."DAY",
          "t2"."SEGMENT_VALUE",
          "t2"."COLUMN_NUMBER",
          "t2"."CATEGORY",
          COUNT(*) AS "ROWS_COUNTED"
        FROM (
          SELECT
            CAST("t0"."AT" AS DATE) AS "DAY",
            "t0"."SEGMENT" AS "SEGMENT_VALUE",
            0 AS "COLUMN_NUMBER",
            "t0"."SEGMENT" AS "CATEGORY"
          FROM "WATCHED_SOURCE" AS "t0"
          WHERE
            "t0"."AT" >= TIMESTAMP_FROM_PARTS(2024, 4, 1, 0, 0, 0, 0)
            AND CAST("t0"."AT" AS DATE) IN (DATE_FROM_PARTS(2024, 4, 1), DATE_FROM_PARTS(2024, 5, 1))
        ) AS "t2"
        GROUP BY
          1,
          2,
          3,
          4
      ) AS "t10"
    ) AS "t12"
  ) AS "t22"
) AS "t24"
