SELECT
  *
FROM (
  SELECT
    'AGE' AS "COLUMN_NAME",
    "t1"."LOW",
    "t1"."HIGH",
    "t1"."MEAN",
    "t1"."SPREAD"
  FROM (
    SELECT
      MIN(
        IFF(
          (
            "t0"."AGE" = CAST('NaN' AS DOUBLE)
          )
          OR "t0"."AGE" IN (CAST('Inf' AS DOUBLE), CAST('-Inf' AS DOUBLE)),
          CAST(NULL AS DOUBLE),
          "t0"."AGE"
        )
      ) AS "LOW",
      MAX(
        IFF(
          (
            "t0"."AGE" = CAST('NaN' AS DOUBLE)
          )
          OR "t0"."AGE" IN (CAST('Inf' AS DOUBLE), CAST('-Inf' AS DOUBLE)),
          CAST(NULL AS DOUBLE),
          "t0"."AGE"
        )
      ) AS "HIGH",
      AVG(
        IFF(
          (
            "t0"."AGE" = CAST('NaN' AS DOUBLE)
          )
          OR "t0"."AGE" IN (CAST('Inf' AS DOUBLE), CAST('-Inf' AS DOUBLE)),
          CAST(NULL AS DOUBLE),
          "t0"."AGE"
        )
      ) AS "MEAN",
      STDDEV_POP(
        IFF(
          (
            "t0"."AGE" = CAST('NaN' AS DOUBLE)
          )
          OR "t0"."AGE" IN (CAST('Inf' AS DOUBLE), CAST('-Inf' AS DOUBLE)),
          CAST(NULL AS DOUBLE),
          "t0"."AGE"
        )
      ) AS "SPREAD"
    FROM "BASELINE" AS "t0"
  ) AS "t1"
) AS "t3"
UNION ALL
SELECT
  *
FROM (
  SELECT
    'SPEND' AS "COLUMN_NAME",
    "t2"."LOW",
    "t2"."HIGH",
    "t2"."MEAN",
    "t2"."SPREAD"
  FROM (
    SELECT
      MIN(
        IFF(
          (
            "t0"."SPEND" = CAST('NaN' AS DOUBLE)
          )
          OR "t0"."SPEND" IN (CAST('Inf' AS DOUBLE), CAST('-Inf' AS DOUBLE)),
          CAST(NULL AS DOUBLE),
          "t0"."SPEND"
        )
      ) AS "LOW",
      MAX(
        IFF(
          (
            "t0"."SPEND" = CAST('NaN' AS DOUBLE)
          )
          OR "t0"."SPEND" IN (CAST('Inf' AS DOUBLE), CAST('-Inf' AS DOUBLE)),
          CAST(NULL AS DOUBLE),
          "t0"."SPEND"
        )
      ) AS "HIGH",
      AVG(
        IFF(
          (
            "t0"."SPEND" = CAST('NaN' AS DOUBLE)
          )
          OR "t0"."SPEND" IN (CAST('Inf' AS DOUBLE), CAST('-Inf' AS DOUBLE)),
          CAST(NULL AS DOUBLE),
          "t0"."SPEND"
        )
      ) AS "MEAN",
      STDDEV_POP(
        IFF(
          (
            "t0"."SPEND" = CAST('NaN' AS DOUBLE)
          )
          OR "t0"."SPEND" IN (CAST('Inf' AS DOUBLE), CAST('-Inf' AS DOUBLE)),
          CAST(NULL AS DOUBLE),
          "t0"."SPEND"
        )
      ) AS "SPREAD"
    FROM "BASELINE" AS "t0"
  ) AS "t2"
) AS "t4"
