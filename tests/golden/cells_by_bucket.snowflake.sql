SELECT
  *
FROM (
  SELECT
    "t6"."BUCKET",
    CASE "t6"."COLUMN_NUMBER" WHEN 0 THEN 'AGE' ELSE CAST(NULL AS VARCHAR) END AS "COLUMN_NAME",
    "t6"."BIN",
    CAST(NULL AS VARCHAR) AS "CATEGORY",
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
          0 AS "COLUMN_NUMBER",
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
      3
  ) AS "t6"
) AS "t7"
UNION ALL
SELECT
  *
FROM (
  SELECT
    "t2"."BUCKET",
    CASE "t2"."COLUMN_NUMBER" WHEN 0 THEN 'SEGMENT' ELSE CAST(NULL AS VARCHAR) END AS "COLUMN_NAME",
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
