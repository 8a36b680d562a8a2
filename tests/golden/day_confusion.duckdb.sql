SELECT
  "t4"."DAY",
  "t4"."SEGMENT_COLUMN",
  "t4"."SEGMENT_VALUE",
  "t4"."LABEL",
  "t4"."CLASS",
  COUNT(*) AS "ROWS_COUNTED"
FROM (
  SELECT
    "t3"."DAY",
    "t3"."SEGMENT_COLUMN",
    "t3"."SEGMENT_VALUE",
    CASE WHEN "t3"."RIPE" THEN "t3"."SEGMENT" ELSE CAST(NULL AS TEXT) END AS "LABEL",
    "t3"."SEGMENT" AS "CLASS"
  FROM (
    SELECT
      *
    FROM (
      SELECT
        "t0"."AT",
        "t0"."AGE",
        "t0"."SPEND",
        "t0"."SEGMENT",
        "t0"."SCORE",
        "t0"."SAID",
        "t0"."CHURNED",
        CAST("t0"."AT" AS DATE) AS "DAY",
        "t0"."AT" <= MAKE_TIMESTAMP(2024, 5, 1, 0, 0, 0.0) AS "RIPE",
        CAST(NULL AS TEXT) AS "SEGMENT_COLUMN",
        CAST(NULL AS TEXT) AS "SEGMENT_VALUE"
      FROM "WATCHED_SOURCE" AS "t0"
      WHERE
        "t0"."AT" >= MAKE_TIMESTAMP(2024, 4, 1, 0, 0, 0.0)
        AND CAST("t0"."AT" AS DATE) IN (MAKE_DATE(2024, 4, 1), MAKE_DATE(2024, 5, 1))
    ) AS "t1"
    UNION ALL
    SELECT
      *
    FROM (
      SELECT
        "t0"."AT",
        "t0"."AGE",
        "t0"."SPEND",
        "t0"."SEGMENT",
        "t0"."SCORE",
        "t0"."SAID",
        "t0"."CHURNED",
        CAST("t0"."AT" AS DATE) AS "DAY",
        "t0"."AT" <= MAKE_TIMESTAMP(2024, 5, 1, 0, 0, 0.0) AS "RIPE",
        'SEGMENT' AS "SEGMENT_COLUMN",
        "t0"."SEGMENT" AS "SEGMENT_VALUE"
      FROM "WATCHED_SOURCE" AS "t0"
      WHERE
        "t0"."AT" >= MAKE_TIMESTAMP(2024, 4, 1, 0, 0, 0.0)
        AND CAST("t0"."AT" AS DATE) IN (MAKE_DATE(2024, 4, 1), MAKE_DATE(2024, 5, 1))
    ) AS "t2"
  ) AS "t3"
) AS "t4"
GROUP BY
  1,
  2,
  3,
  4,
  5
