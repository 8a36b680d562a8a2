SELECT
  COUNT(*) AS "REPEATED"
FROM (
  SELECT
    *
  FROM (
    SELECT
      "t0"."AT",
      COUNT(*) AS "ROWS_COUNTED"
    FROM "LATE" AS "t0"
    GROUP BY
      1
  ) AS "t1"
  WHERE
    "t1"."ROWS_COUNTED" > 1
) AS "t2"
