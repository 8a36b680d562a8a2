SELECT
  *
FROM (
  SELECT
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
              0 AS "COLUMN_NUMBER",
              "t0"."AGE" AS "VALUE",
              18.0 AS "LOW",
              0.25 AS "WIDTH",
              CAST(NULL AS DOUBLE) AS "SCALE",
              256 AS "CELLS"
            FROM "BASELINE" AS "t0"
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
            FROM "BASELINE" AS "t0"
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
    CASE "t5"."COLUMN_NUMBER" WHEN 0 THEN 'SEGMENT' ELSE CAST(NULL AS VARCHAR) END AS "COLUMN_NAME",
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
      FROM "BASELINE" AS "t0"
    ) AS "t1"
    GROUP BY
      1,
      2
  ) AS "t5"
) AS "t6"
