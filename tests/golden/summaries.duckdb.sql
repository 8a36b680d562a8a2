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
        CASE
          WHEN ISNAN("t0"."AGE") OR ISINF("t0"."AGE")
          THEN CAST(NULL AS DOUBLE)
          ELSE "t0"."AGE"
        END
      ) AS "LOW",
      MAX(
        CASE
          WHEN ISNAN("t0"."AGE") OR ISINF("t0"."AGE")
          THEN CAST(NULL AS DOUBLE)
          ELSE "t0"."AGE"
        END
      ) AS "HIGH",
      AVG(
        CASE
          WHEN ISNAN("t0"."AGE") OR ISINF("t0"."AGE")
          THEN CAST(NULL AS DOUBLE)
          ELSE "t0"."AGE"
        END
      ) AS "MEAN",
      STDDEV_POP(
        CASE
          WHEN ISNAN("t0"."AGE") OR ISINF("t0"."AGE")
          THEN CAST(NULL AS DOUBLE)
          ELSE "t0"."AGE"
        END
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
        CASE
          WHEN ISNAN("t0"."SPEND") OR ISINF("t0"."SPEND")
          THEN CAST(NULL AS DOUBLE)
          ELSE "t0"."SPEND"
        END
      ) AS "LOW",
      MAX(
        CASE
          WHEN ISNAN("t0"."SPEND") OR ISINF("t0"."SPEND")
          THEN CAST(NULL AS DOUBLE)
          ELSE "t0"."SPEND"
        END
      ) AS "HIGH",
      AVG(
        CASE
          WHEN ISNAN("t0"."SPEND") OR ISINF("t0"."SPEND")
          THEN CAST(NULL AS DOUBLE)
          ELSE "t0"."SPEND"
        END
      ) AS "MEAN",
      STDDEV_POP(
        CASE
          WHEN ISNAN("t0"."SPEND") OR ISINF("t0"."SPEND")
          THEN CAST(NULL AS DOUBLE)
          ELSE "t0"."SPEND"
        END
      ) AS "SPREAD"
    FROM "BASELINE" AS "t0"
  ) AS "t2"
) AS "t4"
