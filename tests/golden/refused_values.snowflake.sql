SELECT
  COUNT_IF(
    NOT (
      "t1"."SCORE" = CAST('NaN' AS DOUBLE)
    )
    AND (
      (
        "t1"."SCORE" < 0.0
      ) OR (
        "t1"."SCORE" > 1.0
      )
    )
  ) AS "OUTSIDE",
  COUNT_IF(
    NOT (
      TRUE
    )
    OR (
      CAST("t1"."AGE" AS DOUBLE) = CAST('NaN' AS DOUBLE)
    )
    OR CAST("t1"."AGE" AS DOUBLE) IN (CAST('Inf' AS DOUBLE), CAST('-Inf' AS DOUBLE))
    OR (
      "t1"."SPEND" = CAST('NaN' AS DOUBLE)
    )
    OR "t1"."SPEND" IN (CAST('Inf' AS DOUBLE), CAST('-Inf' AS DOUBLE))
  ) AS "NOT_FINITE"
FROM (
  SELECT
    *
  FROM "WATCHED_SOURCE" AS "t0"
  WHERE
    CAST("t0"."AT" AS DATE) IN (DATE_FROM_PARTS(2024, 4, 1), DATE_FROM_PARTS(2024, 5, 1))
) AS "t1"
