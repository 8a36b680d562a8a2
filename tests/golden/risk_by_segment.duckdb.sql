SELECT
  *
FROM (
  SELECT
    "t7"."SEGMENT_VALUE",
    COUNT(*) AS "CUSTOMERS",
    AVG("t7"."PROBABILITY") AS "MEAN_PROBABILITY"
  FROM (
    SELECT
      "t6"."CUSTOMER_KEY",
      "t6"."CUSTOMER_ID",
      "t6"."PROBABILITY",
      "t6"."VERSION",
      "t6"."SEGMENT",
      "t6"."SEGMENT" AS "SEGMENT_VALUE"
    FROM (
      SELECT
        "t4"."CUSTOMER_KEY",
        "t4"."CUSTOMER_ID",
        "t4"."PROBABILITY",
        "t4"."VERSION",
        "t5"."SEGMENT"
      FROM (
        SELECT
          "t0"."CUSTOMER_KEY",
          "t0"."CUSTOMER_ID",
          "t0"."DEFAULT_PROBABILITY" AS "PROBABILITY",
          "t0"."DEFAULT_VERSION" AS "VERSION"
        FROM "PREDICTIONS" AS "t0"
        WHERE
          MAKE_TIMESTAMP(2024, 5, 1, 0, 0, 0.0) = "t0"."TIMESTAMP"
          AND "t0"."DEFAULT_PROBABILITY" IS NOT NULL
      ) AS "t4"
      INNER JOIN (
        SELECT
          "t1"."CUSTOMER_KEY",
          "t1"."SEGMENT"
        FROM "FEATURES" AS "t1"
        WHERE
          MAKE_TIMESTAMP(2024, 5, 1, 0, 0, 0.0) = "t1"."TIMESTAMP"
      ) AS "t5"
        ON "t4"."CUSTOMER_KEY" = "t5"."CUSTOMER_KEY"
    ) AS "t6"
  ) AS "t7"
  GROUP BY
    1
) AS "t8"
ORDER BY
  "t8"."SEGMENT_VALUE" ASC
