SELECT
  *
FROM (
  SELECT
    "t4"."TIMESTAMP",
    "t4"."CHURNED",
    SUM("t4"."ONE") AS "SURPLUS"
  FROM (
    SELECT
      *
    FROM (
      SELECT
        "t0"."TIMESTAMP",
        "t0"."CHURNED",
        1 AS "ONE"
      FROM "LABELS" AS "t0"
      WHERE
        "t0"."TIMESTAMP" > TIMESTAMP_FROM_PARTS(2024, 4, 1, 0, 0, 0, 0)
        AND "t0"."TIMESTAMP" <= TIMESTAMP_FROM_PARTS(2024, 5, 1, 0, 0, 0, 0)
    ) AS "t2"
    UNION ALL
    SELECT
      *
    FROM (
      SELECT
        "t1"."TIMESTAMP",
        "t1"."CHURNED",
        -1 AS "ONE"
      FROM "REPLAYED" AS "t1"
      WHERE
        "t1"."TIMESTAMP" > TIMESTAMP_FROM_PARTS(2024, 4, 1, 0, 0, 0, 0)
        AND "t1"."TIMESTAMP" <= TIMESTAMP_FROM_PARTS(2024, 5, 1, 0, 0, 0, 0)
    ) AS "t3"
  ) AS "t4"
  GROUP BY
    1,
    2
) AS "t5"
WHERE
  "t5"."SURPLUS" <> 0
