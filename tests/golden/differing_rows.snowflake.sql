SELECT
  *
FROM (
  SELECT
    "t4"."SPEND",
    "t4"."SEGMENT",
    SUM("t4"."ONE") AS "SURPLUS"
  FROM (
    SELECT
      *
    FROM (
      SELECT
        "t0"."SPEND",
        "t0"."SEGMENT",
        1 AS "ONE"
      FROM "SALES" AS "t0"
    ) AS "t2"
    UNION ALL
    SELECT
      *
    FROM (
      SELECT
        "t1"."SPEND",
        "t1"."SEGMENT",
        -1 AS "ONE"
      FROM "REPLAYED" AS "t1"
    ) AS "t3"
  ) AS "t4"
  GROUP BY
    1,
    2
) AS "t5"
WHERE
  "t5"."SURPLUS" <> 0
