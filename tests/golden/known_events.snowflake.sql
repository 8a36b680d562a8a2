SELECT
  "t2"."CUSTOMER_ID",
  "t2"."VISITS",
  "t2"."CLICKS"
FROM (
  SELECT
    "t1"."CUSTOMER_ID",
    "t1"."SEEN",
    "t1"."VISITS",
    "t1"."CLICKS",
    ROW_NUMBER() OVER (
      PARTITION BY "t1"."CUSTOMER_ID"
      ORDER BY "t1"."SEEN" DESC NULLS LAST, "t1"."VISITS" ASC, "t1"."CLICKS" ASC
    ) - 1 AS "CHURNOBS_POSITION"
  FROM (
    SELECT
      *
    FROM "VIEW" AS "t0"
    WHERE
      "t0"."SEEN" < DATE_FROM_PARTS(2024, 5, 1)
  ) AS "t1"
) AS "t2"
WHERE
  "t2"."CHURNOBS_POSITION" = 0
