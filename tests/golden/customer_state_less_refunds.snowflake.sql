SELECT
  *
FROM (
  SELECT
    "t5"."CUSTOMER_KEY",
    MIN("t5"."FIRST_PURCHASE_DATE") AS "FIRST_PURCHASE_DATE",
    SUM("t5"."LIFETIME_ORDERS") AS "LIFETIME_ORDERS",
    SUM("t5"."LIFETIME_SPEND") AS "LIFETIME_SPEND"
  FROM (
    SELECT
      *
    FROM "CUSTOMER_STATE" AS "t0"
    UNION ALL
    SELECT
      *
    FROM (
      SELECT
        *
      FROM (
        SELECT
          "t2"."CUSTOMER_KEY",
          MIN(IFF("t2"."TOTAL_AMOUNT" >= 0, "t2"."TRANSACTION_DATE", NULL)) AS "FIRST_PURCHASE_DATE",
          COUNT_IF("t2"."TOTAL_AMOUNT" >= 0) AS "LIFETIME_ORDERS",
          SUM("t2"."TOTAL_AMOUNT") AS "LIFETIME_SPEND"
        FROM (
          SELECT
            *
          FROM "SALES" AS "t1"
          WHERE
            "t1"."TRANSACTION_DATE" >= DATE_FROM_PARTS(2024, 4, 1)
            AND "t1"."TRANSACTION_DATE" < DATE_FROM_PARTS(2024, 5, 1)
        ) AS "t2"
        GROUP BY
          1
      ) AS "t3"
    ) AS "t4"
  ) AS "t5"
  GROUP BY
    1
) AS "t6"
