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
          IFF(
            (
              IFF(
                "t3"."SCALE" IS NULL,
                "t3"."VALUE" - "t3"."LOW",
                LN(
                  (
                    IFF((
                      "t3"."VALUE" - "t3"."LOW"
                    ) < 0.0, 0.0, "t3"."VALUE" - "t3"."LOW") / "t3"."SCALE"
                  ) + 1.0
                )
              ) / "t3"."WIDTH"
            ) < 0.0,
            0.0,
            IFF(
              (
                IFF(
                  "t3"."SCALE" IS NULL,
                  "t3"."VALUE" - "t3"."LOW",
                  LN(
                    (
                      IFF((
                        "t3"."VALUE" - "t3"."LOW"
                      ) < 0.0, 0.0, "t3"."VALUE" - "t3"."LOW") / "t3"."SCALE"
                    ) + 1.0
                  )
                ) / "t3"."WIDTH"
              ) > CAST("t3"."CELLS" - 1 AS DOUBLE),
              CAST("t3"."CELLS" - 1 AS DOUBLE),
              IFF(
                "t3"."SCALE" IS NULL,
                "t3"."VALUE" - "t3"."LOW",
                LN(
                  (
                    IFF((
                      "t3"."VALUE" - "t3"."LOW"
                    ) < 0.0, 0.0, "t3"."VALUE" - "t3"."LOW") / "t3"."SCALE"
                  ) + 1.0
                )
              ) / "t3"."WIDTH"
            )
          )
        ) AS BIGINT) AS "BIN"
      FROM (
        SELECT
          "t0"."BUCKET",
          'AGE' AS "COLUMN_NAME",
          CAST(NULL AS VARCHAR) AS "CATEGORY",
          IFF(
            (
              "t0"."AGE" = CAST('NaN' AS DOUBLE)
            )
            OR "t0"."AGE" IN (CAST('Inf' AS DOUBLE), CAST('-Inf' AS DOUBLE)),
            CAST(NULL AS DOUBLE),
            "t0"."AGE"
          ) AS "VALUE",
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
