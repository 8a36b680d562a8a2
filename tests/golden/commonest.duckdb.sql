SELECT
  *
FROM (
  SELECT
    'SEGMENT' AS "COLUMN_NAME",
    "t7"."COLUMN_VALUE"
  FROM (
    SELECT
      *
    FROM (
      SELECT
        "t1"."COLUMN_VALUE",
        COUNT(*) AS "TIMES"
      FROM (
        SELECT
          "t0"."SEGMENT" AS "COLUMN_VALUE"
        FROM "FEATURES" AS "t0"
        WHERE
          MAKE_TIMESTAMP(2024, 5, 1, 0, 0, 0.0) = "t0"."TIMESTAMP"
          AND "t0"."SEGMENT" IS NOT NULL
      ) AS "t1"
      GROUP BY
        1
    ) AS "t3"
    ORDER BY
      "t3"."TIMES" DESC,
      "t3"."COLUMN_VALUE" ASC
    LIMIT 1
  ) AS "t7"
) AS "t9"
UNION ALL
SELECT
  *
FROM (
  SELECT
    'CITY' AS "COLUMN_NAME",
    "t8"."COLUMN_VALUE"
  FROM (
    SELECT
      *
    FROM (
      SELECT
        "t2"."COLUMN_VALUE",
        COUNT(*) AS "TIMES"
      FROM (
        SELECT
          "t0"."CITY" AS "COLUMN_VALUE"
        FROM "FEATURES" AS "t0"
        WHERE
          MAKE_TIMESTAMP(2024, 5, 1, 0, 0, 0.0) = "t0"."TIMESTAMP"
          AND "t0"."CITY" IS NOT NULL
      ) AS "t2"
      GROUP BY
        1
    ) AS "t4"
    ORDER BY
      "t4"."TIMES" DESC,
      "t4"."COLUMN_VALUE" ASC
    LIMIT 1
  ) AS "t8"
) AS "t10"
