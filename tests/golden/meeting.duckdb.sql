WITH "t3" AS (
  SELECT
    "t2"."CHURNED",
    "t2"."BASE_CLASS",
    "t2"."CHALLENGER_CLASS",
    "t2"."BASE",
    "t2"."CHALLENGER",
    "t2"."BOUNDED",
    CAST(CASE
      WHEN CAST(FLOOR("t2"."BOUNDED" * 500.0) AS BIGINT) > 499
      THEN 499
      ELSE CAST(FLOOR("t2"."BOUNDED" * 500.0) AS BIGINT)
    END AS INT) AS "CELL"
  FROM (
    SELECT
      "t1"."CHURNED",
      "t1"."BASE_CLASS",
      "t1"."CHALLENGER_CLASS",
      "t1"."BASE",
      "t1"."CHALLENGER",
      CASE
        WHEN "t1"."CHALLENGER" < 0.0
        THEN 0.0
        ELSE CASE WHEN "t1"."CHALLENGER" > 1.0 THEN 1.0 ELSE "t1"."CHALLENGER" END
      END AS "BOUNDED"
    FROM (
      SELECT
        "t0"."CHURNED",
        "t0"."BASE_CLASS",
        "t0"."CHALLENGER_CLASS",
        CASE
          WHEN ISNAN("t0"."BASE_PROBABILITY") OR ISINF("t0"."BASE_PROBABILITY")
          THEN CAST(NULL AS DOUBLE)
          ELSE "t0"."BASE_PROBABILITY"
        END AS "BASE",
        CASE
          WHEN ISNAN("t0"."CHALLENGER_PROBABILITY") OR ISINF("t0"."CHALLENGER_PROBABILITY")
          THEN CAST(NULL AS DOUBLE)
          ELSE "t0"."CHALLENGER_PROBABILITY"
        END AS "CHALLENGER"
      FROM "CHURNOBS_SCORED" AS "t0"
    ) AS "t1"
    WHERE
      "t1"."BASE" IS NOT NULL AND "t1"."CHALLENGER" IS NOT NULL
  ) AS "t2"
)
SELECT
  "t14"."CHURNED",
  "t14"."BASE_CLASS",
  "t14"."CHALLENGER_CLASS",
  "t14"."CELL",
  COUNT(*) AS "ROWS_COUNTED",
  SUM("t14"."WINS_BASE") AS "WINS_BASE",
  SUM("t14"."WINS_CHALLENGER") AS "WINS_CHALLENGER",
  CAST(SUM(
    (
      "t14"."WINS_CHALLENGER" - "t14"."WINS_BASE"
    ) * (
      "t14"."WINS_CHALLENGER" - "t14"."WINS_BASE"
    )
  ) AS DOUBLE) AS "SQUARES_CHALLENGER_BASE",
  MIN("t14"."CHALLENGER") AS "LOW",
  MAX("t14"."CHALLENGER") AS "HIGH",
  CAST(SUM(CAST("t14"."BOUNDED" AS DECIMAL(18, 12))) AS DOUBLE) AS "SCORE_TOTAL"
FROM (
  SELECT
    "t5"."CHURNED",
    "t5"."BASE_CLASS",
    "t5"."CHALLENGER_CLASS",
    "t5"."BASE",
    "t5"."CHALLENGER",
    "t5"."BOUNDED",
    "t5"."CELL",
    CASE WHEN "t5"."CHURNED" = 1 THEN "t12"."UP_WON" ELSE "t12"."DOWN_WON" END AS "WINS_BASE",
    CASE WHEN "t5"."CHURNED" = 1 THEN "t13"."UP_WON" ELSE "t13"."DOWN_WON" END AS "WINS_CHALLENGER"
  FROM "t3" AS "t5"
  INNER JOIN (
    SELECT
      "t8"."BASE",
      "t8"."UP_WON",
      "t8"."DOWN_WON"
    FROM (
      SELECT
        "t6"."BASE",
        "t6"."UP",
        "t6"."DOWN",
        (
          SUM("t6"."DOWN") OVER (ORDER BY "t6"."BASE" ASC ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) * 2
        ) - "t6"."DOWN" AS "UP_WON",
        (
          SUM("t6"."UP") OVER (ORDER BY "t6"."BASE" ASC ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) * 2
        ) - "t6"."UP" AS "DOWN_WON"
      FROM (
        SELECT
          "t4"."BASE",
          COUNT(*) FILTER(WHERE
            "t4"."CHURNED" = 1) AS "UP",
          COUNT(*) FILTER(WHERE
            "t4"."CHURNED" <> 1) AS "DOWN"
        FROM "t3" AS "t4"
        GROUP BY
          1
      ) AS "t6"
    ) AS "t8"
  ) AS "t12"
    ON "t5"."BASE" = "t12"."BASE"
  INNER JOIN (
    SELECT
      "t9"."CHALLENGER",
      "t9"."UP_WON",
      "t9"."DOWN_WON"
    FROM (
      SELECT
        "t7"."CHALLENGER",
        "t7"."UP",
        "t7"."DOWN",
        (
          SUM("t7"."DOWN") OVER (ORDER BY "t7"."CHALLENGER" ASC ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) * 2
        ) - "t7"."DOWN" AS "UP_WON",
        (
          SUM("t7"."UP") OVER (ORDER BY "t7"."CHALLENGER" ASC ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) * 2
        ) - "t7"."UP" AS "DOWN_WON"
      FROM (
        SELECT
          "t4"."CHALLENGER",
          COUNT(*) FILTER(WHERE
            "t4"."CHURNED" = 1) AS "UP",
          COUNT(*) FILTER(WHERE
            "t4"."CHURNED" <> 1) AS "DOWN"
        FROM "t3" AS "t4"
        GROUP BY
          1
      ) AS "t7"
    ) AS "t9"
  ) AS "t13"
    ON "t5"."CHALLENGER" = "t13"."CHALLENGER"
) AS "t14"
GROUP BY
  1,
  2,
  3,
  4
