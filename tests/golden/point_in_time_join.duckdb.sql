SELECT
  "t3"."CUSTOMER_ID",
  "t3"."AS_OF",
  "t10"."VISITS",
  "t10"."CLICKS",
  "t8"."AGE"
FROM "SPINE" AS "t3"
LEFT OUTER JOIN (
  SELECT
    "t7"."CUSTOMER_ID",
    "t7"."VISITS",
    "t7"."CLICKS"
  FROM (
    SELECT
      "t4"."CUSTOMER_ID",
      "t4"."SEEN",
      "t4"."VISITS",
      "t4"."CLICKS",
      ROW_NUMBER() OVER (
        PARTITION BY "t4"."CUSTOMER_ID"
        ORDER BY "t4"."SEEN" DESC, "t4"."VISITS" ASC, "t4"."CLICKS" ASC
        ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
      ) - 1 AS "CHURNOBS_POSITION"
    FROM (
      SELECT
        *
      FROM "VIEW" AS "t2"
      WHERE
        "t2"."SEEN" < MAKE_TIMESTAMP(2024, 5, 1, 0, 0, 0.0)
    ) AS "t4"
  ) AS "t7"
  WHERE
    "t7"."CHURNOBS_POSITION" = 0
) AS "t10"
  ON "t3"."CUSTOMER_ID" = "t10"."CUSTOMER_ID"
LEFT OUTER JOIN (
  SELECT
    "t5"."CUSTOMER_ID",
    "t5"."AGE"
  FROM (
    SELECT
      "t1"."CUSTOMER_ID",
      "t1"."AGE",
      ROW_NUMBER() OVER (
        PARTITION BY "t1"."CUSTOMER_ID"
        ORDER BY "t1"."AGE" ASC
        ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
      ) - 1 AS "CHURNOBS_POSITION"
    FROM "PEOPLE" AS "t1"
  ) AS "t5"
  WHERE
    "t5"."CHURNOBS_POSITION" = 0
) AS "t8"
  ON "t3"."CUSTOMER_ID" = "t8"."CUSTOMER_ID"
