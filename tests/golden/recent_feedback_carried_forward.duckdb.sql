SELECT
  *
FROM (
  SELECT
    "t4"."CUSTOMER_KEY",
    "t4"."CHAT_DATE",
    "t4"."INTERNAL_ID",
    "t4"."FEEDBACK_ID",
    "t4"."SENTIMENT",
    (
      ROW_NUMBER() OVER (
        PARTITION BY "t4"."CUSTOMER_KEY"
        ORDER BY "t4"."CHAT_DATE" DESC, "t4"."INTERNAL_ID" DESC, "t4"."FEEDBACK_ID" DESC
        ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
      ) - 1
    ) + 1 AS "POSITION"
  FROM (
    SELECT
      *
    FROM (
      SELECT
        "t0"."CUSTOMER_KEY",
        "t0"."CHAT_DATE",
        "t0"."INTERNAL_ID",
        "t0"."FEEDBACK_ID",
        "t0"."SENTIMENT"
      FROM "RECENT_FEEDBACK" AS "t0"
    ) AS "t2"
    UNION ALL
    SELECT
      *
    FROM (
      SELECT
        "t1"."CUSTOMER_KEY",
        "t1"."CHAT_DATE",
        "t1"."INTERNAL_ID",
        "t1"."FEEDBACK_ID",
        "t1"."SENTIMENT"
      FROM "FEEDBACK_SENTIMENT" AS "t1"
      WHERE
        "t1"."CHAT_DATE" >= MAKE_DATE(2024, 4, 1)
        AND "t1"."CHAT_DATE" < MAKE_DATE(2024, 5, 1)
        AND "t1"."SENTIMENT" IS NOT NULL
        AND "t1"."CUSTOMER_KEY" IS NOT NULL
    ) AS "t3"
  ) AS "t4"
) AS "t5"
WHERE
  "t5"."POSITION" <= 4
