SELECT
  MEDIAN(
    IFF(
      (
        "t1"."SPEND" = CAST('NaN' AS DOUBLE)
      )
      OR "t1"."SPEND" IN (CAST('Inf' AS DOUBLE), CAST('-Inf' AS DOUBLE)),
      CAST(NULL AS DOUBLE),
      "t1"."SPEND"
    )
  ) AS "SPEND",
  MEDIAN(
    IFF(
      (
        "t1"."ORDERS" = CAST('NaN' AS DOUBLE)
      )
      OR "t1"."ORDERS" IN (CAST('Inf' AS DOUBLE), CAST('-Inf' AS DOUBLE)),
      CAST(NULL AS DOUBLE),
      "t1"."ORDERS"
    )
  ) AS "ORDERS"
FROM (
  SELECT
    *
  FROM "FEATURES" AS "t0"
  WHERE
    TIMESTAMP_FROM_PARTS(2024, 5, 1, 0, 0, 0, 0) = "t0"."TIMESTAMP"
) AS "t1"
