SELECT
  "t2"."AT",
  "t2"."AGE",
  "t2"."SPEND",
  "t2"."SEGMENT",
  "t4"."CHURNED"
FROM "MADE" AS "t2"
LEFT OUTER JOIN (
  SELECT
    *
  FROM "LATE" AS "t1"
) AS "t4"
  ON "t2"."AT" = "t4"."AT"
