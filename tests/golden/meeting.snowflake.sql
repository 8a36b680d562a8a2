WITH "t3" AS (
  SELECT
    "t2"."CHURNED",
    "t2"."BASE_CLASS",
    "t2"."CHALLENGER_CLASS",
    "t2"."BASE",
    "t2"."CHALLENGER",
    "t2"."BOUNDED",
    CAST(IFF(
      CAST(FLOOR("t2"."BOUNDED" * 500.0) AS BIGINT) > 499,
      499,
      CAST(FLOOR("t2"."BOUNDED" * 500.0) AS BIGINT)
    ) AS INT) AS "CELL"
  FROM (
    SELECT
      "t1"."CHURNED",
      "t1"."BASE_CLASS",
      "t1"."CHALLENGER_CLASS",
      "t1"."BASE",
      "t1"."CHALLENGER",
      IFF("t1"."CHALLENGER" < 0.0, 0.0, IFF("t1"."CHALLENGER" > 1.0, 1.0, "t1"."CHALLENGER")) AS "BOUNDED"
    FROM (
      SELECT
        "t0"."CHURNED",
        "t0"."BASE_CLASS",
        "t0"."CHALLENGER_CLASS",
        IFF(
          (
            "t0"."BASE_PROBABILITY" = CAST('NaN' AS DOUBLE)
          )
          OR "t0"."BASE_PROBABILITY" IN (CAST('Inf' AS DOUBLE), CAST('-Inf' AS DOUBLE)),
          CAST(NULL AS DOUBLE),
          "t0"."BASE_PROBABILITY"
        ) AS "BASE",
        IFF(
          (
            "t0"."CHALLENGER_PROBABILITY" = CAST('NaN' AS DOUBLE)
          )
          OR "t0"."CHALLENGER_PROBABILITY" IN (CAST('Inf' AS DOUBLE), CAST('-Inf' AS DOUBLE)),
          CAST(NULL AS DOUBLE),
          "t0"."CHALLENGER_PROBABILITY"
        ) AS "CHALLENGER"
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
    IFF("t5"."CHURNED" = 1, "t12"."UP_WON", "t12"."DOWN_WON") AS "WINS_BASE",
    IFF("t5"."CHURNED" = 1, "t13"."UP_WON", "t13"."DOWN_WON") AS "WINS_CHALLENGER"
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
          COUNT_IF("t4"."CHURNED" = 1) AS "UP",
          COUNT_IF("t4"."CHURNED" <> 1) AS "DOWN"
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
          COUNT_IF("t4"."CHURNED" = 1) AS "UP",
          COUNT_IF("t4"."CHURNED" <> 1) AS "DOWN"
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
