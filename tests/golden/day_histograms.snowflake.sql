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
        ELSE CAST(NULL AS VARCHAR)
      END AS "COLUMN_NAME",
      "t9"."BIN",
      CAST(NULL AS VARCHAR) AS "CATEGORY",
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
            IFF(
              (
                IFF(
                  "t7"."SCALE" IS NULL,
                  "t7"."VALUE" - "t7"."LOW",
                  LN(
                    (
                      IFF((
                        "t7"."VALUE" - "t7"."LOW"
                      ) < 0.0, 0.0, "t7"."VALUE" - "t7"."LOW") / "t7"."SCALE"
                    ) + 1.0
                  )
                ) / "t7"."WIDTH"
              ) < 0.0,
              0.0,
              IFF(
                (
                  IFF(
                    "t7"."SCALE" IS NULL,
                    "t7"."VALUE" - "t7"."LOW",
                    LN(
                      (
                        IFF((
                          "t7"."VALUE" - "t7"."LOW"
                        ) < 0.0, 0.0, "t7"."VALUE" - "t7"."LOW") / "t7"."SCALE"
                      ) + 1.0
                    )
                  ) / "t7"."WIDTH"
                ) > CAST("t7"."CELLS" - 1 AS DOUBLE),
                CAST("t7"."CELLS" - 1 AS DOUBLE),
                IFF(
                  "t7"."SCALE" IS NULL,
                  "t7"."VALUE" - "t7"."LOW",
                  LN(
                    (
                      IFF((
                        "t7"."VALUE" - "t7"."LOW"
                      ) < 0.0, 0.0, "t7"."VALUE" - "t7"."LOW") / "t7"."SCALE"
                    ) + 1.0
                  )
                ) / "t7"."WIDTH"
              )
            )
          ) AS BIGINT) AS "BIN"
        FROM (
          SELECT
            "t4"."DAY",
            "t4"."SEGMENT_VALUE",
            "t4"."COLUMN_NUMBER",
            IFF(
              (
                "t4"."VALUE" = CAST('NaN' AS DOUBLE)
              )
              OR "t4"."VALUE" IN (CAST('Inf' AS DOUBLE), CAST('-Inf' AS DOUBLE)),
              CAST(NULL AS DOUBLE),
              "t4"."VALUE"
            ) AS "VALUE",
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
                "t0"."AT" >= TIMESTAMP_FROM_PARTS(2024, 4, 1, 0, 0, 0, 0)
                AND CAST("t0"."AT" AS DATE) IN (DATE_FROM_PARTS(2024, 4, 1), DATE_FROM_PARTS(2024, 5, 1))
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
                "t0"."AT" >= TIMESTAMP_FROM_PARTS(2024, 4, 1, 0, 0, 0, 0)
                AND CAST("t0"."AT" AS DATE) IN (DATE_FROM_PARTS(2024, 4, 1), DATE_FROM_PARTS(2024, 5, 1))
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
      CASE "t5"."COLUMN_NUMBER" WHEN 0 THEN 'SEGMENT' ELSE CAST(NULL AS VARCHAR) END AS "COLUMN_NAME",
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
          "t0"."AT" >= TIMESTAMP_FROM_PARTS(2024, 4, 1, 0, 0, 0, 0)
          AND CAST("t0"."AT" AS DATE) IN (DATE_FROM_PARTS(2024, 4, 1), DATE_FROM_PARTS(2024, 5, 1))
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
    CAST(NULL AS VARCHAR) AS "SEGMENT_COLUMN",
    CAST(NULL AS VARCHAR) AS "SEGMENT_VALUE",
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
      MAX_BY("t14"."SO_FAR", "t14"."POSITION") AS "TOTAL",
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
