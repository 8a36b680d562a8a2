SELECT
  "t4"."DAY",
  "t4"."SEGMENT_COLUMN",
  "t4"."SEGMENT_VALUE",
  COUNT(*) AS "ROWS_ALL",
  COUNT(*) FILTER(WHERE
    (
      CASE
        WHEN ISNAN("t4"."SCORE") OR ISINF("t4"."SCORE")
        THEN CAST(NULL AS DOUBLE)
        ELSE "t4"."SCORE"
      END - CASE
        WHEN ISNAN("t4"."ACTUAL") OR ISINF("t4"."ACTUAL")
        THEN CAST(NULL AS DOUBLE)
        ELSE "t4"."ACTUAL"
      END
    ) IS NOT NULL) AS "ROWS_USED",
  COUNT(*) FILTER(WHERE
    (
      (
        CASE
          WHEN ISNAN("t4"."SCORE") OR ISINF("t4"."SCORE")
          THEN CAST(NULL AS DOUBLE)
          ELSE "t4"."SCORE"
        END - CASE
          WHEN ISNAN("t4"."ACTUAL") OR ISINF("t4"."ACTUAL")
          THEN CAST(NULL AS DOUBLE)
          ELSE "t4"."ACTUAL"
        END
      ) IS NOT NULL
    )
    AND (
      CASE
        WHEN ISNAN("t4"."ACTUAL") OR ISINF("t4"."ACTUAL")
        THEN CAST(NULL AS DOUBLE)
        ELSE "t4"."ACTUAL"
      END <> 0.0
    )) AS "ROWS_NOT_ZERO",
  SUM(
    (
      CASE
        WHEN ISNAN("t4"."SCORE") OR ISINF("t4"."SCORE")
        THEN CAST(NULL AS DOUBLE)
        ELSE "t4"."SCORE"
      END - CASE
        WHEN ISNAN("t4"."ACTUAL") OR ISINF("t4"."ACTUAL")
        THEN CAST(NULL AS DOUBLE)
        ELSE "t4"."ACTUAL"
      END
    ) * (
      CASE
        WHEN ISNAN("t4"."SCORE") OR ISINF("t4"."SCORE")
        THEN CAST(NULL AS DOUBLE)
        ELSE "t4"."SCORE"
      END - CASE
        WHEN ISNAN("t4"."ACTUAL") OR ISINF("t4"."ACTUAL")
        THEN CAST(NULL AS DOUBLE)
        ELSE "t4"."ACTUAL"
      END
    )
  ) FILTER(WHERE
    (
      CASE
        WHEN ISNAN("t4"."SCORE") OR ISINF("t4"."SCORE")
        THEN CAST(NULL AS DOUBLE)
        ELSE "t4"."SCORE"
      END - CASE
        WHEN ISNAN("t4"."ACTUAL") OR ISINF("t4"."ACTUAL")
        THEN CAST(NULL AS DOUBLE)
        ELSE "t4"."ACTUAL"
      END
    ) IS NOT NULL) AS "SQUARED_ERROR",
  SUM(
    ABS(
      CASE
        WHEN ISNAN("t4"."SCORE") OR ISINF("t4"."SCORE")
        THEN CAST(NULL AS DOUBLE)
        ELSE "t4"."SCORE"
      END - CASE
        WHEN ISNAN("t4"."ACTUAL") OR ISINF("t4"."ACTUAL")
        THEN CAST(NULL AS DOUBLE)
        ELSE "t4"."ACTUAL"
      END
    )
  ) FILTER(WHERE
    (
      CASE
        WHEN ISNAN("t4"."SCORE") OR ISINF("t4"."SCORE")
        THEN CAST(NULL AS DOUBLE)
        ELSE "t4"."SCORE"
      END - CASE
        WHEN ISNAN("t4"."ACTUAL") OR ISINF("t4"."ACTUAL")
        THEN CAST(NULL AS DOUBLE)
        ELSE "t4"."ACTUAL"
      END
    ) IS NOT NULL) AS "ABSOLUTE_ERROR",
  SUM(
    ABS(
      (
        CASE
          WHEN ISNAN("t4"."SCORE") OR ISINF("t4"."SCORE")
          THEN CAST(NULL AS DOUBLE)
          ELSE "t4"."SCORE"
        END - CASE
          WHEN ISNAN("t4"."ACTUAL") OR ISINF("t4"."ACTUAL")
          THEN CAST(NULL AS DOUBLE)
          ELSE "t4"."ACTUAL"
        END
      ) / NULLIF(
        CASE
          WHEN ISNAN("t4"."ACTUAL") OR ISINF("t4"."ACTUAL")
          THEN CAST(NULL AS DOUBLE)
          ELSE "t4"."ACTUAL"
        END,
        0.0
      )
    )
  ) FILTER(WHERE
    (
      CASE
        WHEN ISNAN("t4"."SCORE") OR ISINF("t4"."SCORE")
        THEN CAST(NULL AS DOUBLE)
        ELSE "t4"."SCORE"
      END - CASE
        WHEN ISNAN("t4"."ACTUAL") OR ISINF("t4"."ACTUAL")
        THEN CAST(NULL AS DOUBLE)
        ELSE "t4"."ACTUAL"
      END
    ) IS NOT NULL) AS "RELATIVE_ERROR",
  SUM(
    CASE
      WHEN ISNAN("t4"."ACTUAL") OR ISINF("t4"."ACTUAL")
      THEN CAST(NULL AS DOUBLE)
      ELSE "t4"."ACTUAL"
    END
  ) FILTER(WHERE
    (
      CASE
        WHEN ISNAN("t4"."SCORE") OR ISINF("t4"."SCORE")
        THEN CAST(NULL AS DOUBLE)
        ELSE "t4"."SCORE"
      END - CASE
        WHEN ISNAN("t4"."ACTUAL") OR ISINF("t4"."ACTUAL")
        THEN CAST(NULL AS DOUBLE)
        ELSE "t4"."ACTUAL"
      END
    ) IS NOT NULL) AS "ACTUAL_TOTAL",
  SUM(
    CASE
      WHEN ISNAN("t4"."ACTUAL") OR ISINF("t4"."ACTUAL")
      THEN CAST(NULL AS DOUBLE)
      ELSE "t4"."ACTUAL"
    END * CASE
      WHEN ISNAN("t4"."ACTUAL") OR ISINF("t4"."ACTUAL")
      THEN CAST(NULL AS DOUBLE)
      ELSE "t4"."ACTUAL"
    END
  ) FILTER(WHERE
    (
      CASE
        WHEN ISNAN("t4"."SCORE") OR ISINF("t4"."SCORE")
        THEN CAST(NULL AS DOUBLE)
        ELSE "t4"."SCORE"
      END - CASE
        WHEN ISNAN("t4"."ACTUAL") OR ISINF("t4"."ACTUAL")
        THEN CAST(NULL AS DOUBLE)
        ELSE "t4"."ACTUAL"
      END
    ) IS NOT NULL) AS "ACTUAL_SQUARES"
FROM (
  SELECT
    "t3"."DAY",
    "t3"."SEGMENT_COLUMN",
    "t3"."SEGMENT_VALUE",
    CASE WHEN "t3"."RIPE" THEN "t3"."SPEND" ELSE CAST(NULL AS DOUBLE) END AS "ACTUAL",
    "t3"."SCORE"
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
  3
