SELECT
  "t5"."CHURNED",
  "t5"."BASE_CLASS",
  "t5"."CHALLENGER_CLASS",
  "t5"."CELL",
  COUNT(*) AS "ROWS_COUNTED",
  SUM("t5"."WINS_BASE") AS "WINS_BASE",
  SUM("t5"."WINS_CHALLENGER") AS "WINS_CHALLENGER",
  CAST(SUM(
    (
      "t5"."WINS_CHALLENGER" - "t5"."WINS_BASE"
    ) * (
      "t5"."WINS_CHALLENGER" - "t5"."WINS_BASE"
    )
  ) AS DOUBLE) AS "SQUARES_CHALLENGER_BASE",
  MIN("t5"."CHALLENGER") AS "LOW",
  MAX("t5"."CHALLENGER") AS "HIGH",
  CAST(SUM(CAST("t5"."BOUNDED" AS DECIMAL(18, 12))) AS DOUBLE) AS "SCORE_TOTAL"
FROM (
  SELECT
    "t4"."CHURNED",
    "t4"."BASE_CLASS",
    "t4"."CHALLENGER_CLASS",
    "t4"."BASE",
    "t4"."CHALLENGER",
    "t4"."WINS_BASE",
    "t4"."WINS_CHALLENGER",
    "t4"."BOUNDED",
    CAST(CASE
      WHEN CAST(FLOOR("t4"."BOUNDED" * 500.0) AS BIGINT) > 499
      THEN 499
      ELSE CAST(FLOOR("t4"."BOUNDED" * 500.0) AS BIGINT)
    END AS INT) AS "CELL"
  FROM (
    SELECT
      "t3"."CHURNED",
      "t3"."BASE_CLASS",
      "t3"."CHALLENGER_CLASS",
      "t3"."BASE",
      "t3"."CHALLENGER",
      "t3"."WINS_BASE",
      "t3"."WINS_CHALLENGER",
      CASE
        WHEN "t3"."CHALLENGER" < 0.0
        THEN 0.0
        ELSE CASE WHEN "t3"."CHALLENGER" > 1.0 THEN 1.0 ELSE "t3"."CHALLENGER" END
      END AS "BOUNDED"
    FROM (
      SELECT
        "t2"."CHURNED",
        "t2"."BASE_CLASS",
        "t2"."CHALLENGER_CLASS",
        "t2"."BASE",
        "t2"."CHALLENGER",
        (
          (
            COUNT(*) OVER (ORDER BY "t2"."BASE" ASC RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) - COUNT(*) OVER (
              PARTITION BY "t2"."CHURNED"
              ORDER BY "t2"."BASE" ASC
              RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
            )
          ) + (
            RANK() OVER (ORDER BY "t2"."BASE" ASC ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) - 1
          )
        ) - (
          RANK() OVER (
            PARTITION BY "t2"."CHURNED"
            ORDER BY "t2"."BASE" ASC
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
          ) - 1
        ) AS "WINS_BASE",
        (
          (
            COUNT(*) OVER (ORDER BY "t2"."CHALLENGER" ASC RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) - COUNT(*) OVER (
              PARTITION BY "t2"."CHURNED"
              ORDER BY "t2"."CHALLENGER" ASC
              RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
            )
          ) + (
            RANK() OVER (
              ORDER BY "t2"."CHALLENGER" ASC
              ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
            ) - 1
          )
        ) - (
          RANK() OVER (
            PARTITION BY "t2"."CHURNED"
            ORDER BY "t2"."CHALLENGER" ASC
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
          ) - 1
        ) AS "WINS_CHALLENGER"
      FROM (
        SELECT
          *
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
    ) AS "t3"
  ) AS "t4"
) AS "t5"
GROUP BY
  1,
  2,
  3,
  4
