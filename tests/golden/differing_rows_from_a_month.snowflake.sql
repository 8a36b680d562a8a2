SELECT
  *
FROM (
  SELECT
    "t4"."MONTH",
    "t4"."METRIC_VALUE",
    SUM("t4"."ONE") AS "SURPLUS"
  FROM (
    SELECT
      *
    FROM (
      SELECT
        "t0"."MONTH",
        "t0"."METRIC_VALUE",
        1 AS "ONE"
      FROM "DRIFT" AS "t0"
      WHERE
        "t0"."MONTH" >= '2024-05'
    ) AS "t2"
    UNION ALL
    SELECT
      *
    FROM (
      SELECT
        "t1"."MONTH",
        "t1"."METRIC_VALUE",
        -1 AS "ONE"
      FROM "REPLAYED" AS "t1"
      WHERE
        "t1"."MONTH" >= '2024-05'
    ) AS "t3"
  ) AS "t4"
  GROUP BY
    1,
    2
) AS "t5"
WHERE
  "t5"."SURPLUS" <> 0
