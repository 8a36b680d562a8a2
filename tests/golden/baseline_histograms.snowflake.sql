SELECT
  *
FROM (
  SELECT
    *
  FROM (
    SELECT
      "t8"."DAY",
      "t8"."SEGMENT_COLUMN",
      "t8"."SEGMENT_VALUE",
      "t8"."COLUMN_NAME",
      "t8"."BIN",
      "t8"."CATEGORY",
      COUNT(*) AS "ROWS_COUNTED",
      SUM("t8"."VALUE") AS "TOTAL",
      MIN("t8"."VALUE") AS "LOW",
      MAX("t8"."VALUE") AS "HIGH"
    FROM (
      SELECT
        "t7"."DAY",
        "t7"."SEGMENT_COLUMN",
        "t7"."SEGMENT_VALUE",
        "t7"."COLUMN_NAME",
        "t7"."CATEGORY",
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
          "t4"."SEGMENT_COLUMN",
          "t4"."SEGMENT_VALUE",
          "t4"."COLUMN_NAME",
          "t4"."CATEGORY",
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
              CAST(NULL AS DATE) AS "DAY",
              CAST(NULL AS VARCHAR) AS "SEGMENT_COLUMN",
              CAST(NULL AS VARCHAR) AS "SEGMENT_VALUE",
              'AGE' AS "COLUMN_NAME",
              CAST(NULL AS VARCHAR) AS "CATEGORY",
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
              CAST(NULL AS VARCHAR) AS "SEGMENT_COLUMN",
              CAST(NULL AS VARCHAR) AS "SEGMENT_VALUE",
              'SPEND' AS "COLUMN_NAME",
              CAST(NULL AS VARCHAR) AS "CATEGORY",
              "t0"."SPEND" AS "VALUE",
              0.0 AS "LOW",
              0.01 AS "WIDTH",
              50.0 AS "SCALE",
              256 AS "CELLS"
            FROM "WATCHED_SOURCE" AS "t0"
          ) AS "t2"
        ) AS "t4"
      ) AS "t7"
    ) AS "t8"
    GROUP BY
      1,
      2,
      3,
      4,
      5,
      6
  ) AS "t9"
) AS "t10"
UNION ALL
SELECT
  *
FROM (
  SELECT
    *
  FROM (
    SELECT
      "t1"."DAY",
      "t1"."SEGMENT_COLUMN",
      "t1"."SEGMENT_VALUE",
      "t1"."COLUMN_NAME",
      "t1"."BIN",
      "t1"."CATEGORY",
      COUNT(*) AS "ROWS_COUNTED",
      SUM("t1"."VALUE") AS "TOTAL",
      MIN("t1"."VALUE") AS "LOW",
      MAX("t1"."VALUE") AS "HIGH"
    FROM (
      SELECT
        CAST(NULL AS DATE) AS "DAY",
        CAST(NULL AS VARCHAR) AS "SEGMENT_COLUMN",
        CAST(NULL AS VARCHAR) AS "SEGMENT_VALUE",
        'SEGMENT' AS "COLUMN_NAME",
        "t0"."SEGMENT" AS "CATEGORY",
        CAST(NULL AS BIGINT) AS "BIN",
        CAST(NULL AS DOUBLE) AS "VALUE"
      FROM "WATCHED_SOURCE" AS "t0"
    ) AS "t1"
    GROUP BY
      1,
      2,
      3,
      4,
      5,
      6
  ) AS "t5"
) AS "t6"
