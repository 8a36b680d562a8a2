SELECT
  COUNT(*) FILTER(WHERE
    NOT (
      ISNAN("t1"."SCORE")
    )
    AND (
      (
        "t1"."SCORE" < 0.0
      ) OR (
        "t1"."SCORE" > 1.0
      )
    )) AS "OUTSIDE",
  COUNT(*) FILTER(WHERE
    NOT (
      TRUE
    )
    OR ISNAN(CAST("t1"."AGE" AS DOUBLE))
    OR ISINF(CAST("t1"."AGE" AS DOUBLE))
    OR ISNAN("t1"."SPEND")
    OR ISINF("t1"."SPEND")) AS "NOT_FINITE"
FROM (
  SELECT
    *
  FROM "WATCHED_SOURCE" AS "t0"
  WHERE
    CAST("t0"."AT" AS DATE) IN (MAKE_DATE(2024, 4, 1), MAKE_DATE(2024, 5, 1))
) AS "t1"
