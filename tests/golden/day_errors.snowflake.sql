SELECT
  "t4"."DAY",
  "t4"."SEGMENT_COLUMN",
  "t4"."SEGMENT_VALUE",
  COUNT(*) AS "ROWS_ALL",
  COUNT_IF(
    (
      IFF(
        (
          "t4"."SCORE" = CAST('NaN' AS DOUBLE)
        )
        OR "t4"."SCORE" IN (CAST('Inf' AS DOUBLE), CAST('-Inf' AS DOUBLE)),
        CAST(NULL AS DOUBLE),
        "t4"."SCORE"
      ) - IFF(
        (
          "t4"."ACTUAL" = CAST('NaN' AS DOUBLE)
        )
        OR "t4"."ACTUAL" IN (CAST('Inf' AS DOUBLE), CAST('-Inf' AS DOUBLE)),
        CAST(NULL AS DOUBLE),
        "t4"."ACTUAL"
      )
    ) IS NOT NULL
  ) AS "ROWS_USED",
  COUNT_IF(
    (
      (
        IFF(
          (
            "t4"."SCORE" = CAST('NaN' AS DOUBLE)
          )
          OR "t4"."SCORE" IN (CAST('Inf' AS DOUBLE), CAST('-Inf' AS DOUBLE)),
          CAST(NULL AS DOUBLE),
          "t4"."SCORE"
        ) - IFF(
          (
            "t4"."ACTUAL" = CAST('NaN' AS DOUBLE)
          )
          OR "t4"."ACTUAL" IN (CAST('Inf' AS DOUBLE), CAST('-Inf' AS DOUBLE)),
          CAST(NULL AS DOUBLE),
          "t4"."ACTUAL"
        )
      ) IS NOT NULL
    )
    AND (
      IFF(
        (
          "t4"."ACTUAL" = CAST('NaN' AS DOUBLE)
        )
        OR "t4"."ACTUAL" IN (CAST('Inf' AS DOUBLE), CAST('-Inf' AS DOUBLE)),
        CAST(NULL AS DOUBLE),
        "t4"."ACTUAL"
      ) <> 0.0
    )
  ) AS "ROWS_NOT_ZERO",
  SUM(
    IFF(
      (
        IFF(
          (
            "t4"."SCORE" = CAST('NaN' AS DOUBLE)
          )
          OR "t4"."SCORE" IN (CAST('Inf' AS DOUBLE), CAST('-Inf' AS DOUBLE)),
          CAST(NULL AS DOUBLE),
          "t4"."SCORE"
        ) - IFF(
          (
            "t4"."ACTUAL" = CAST('NaN' AS DOUBLE)
          )
          OR "t4"."ACTUAL" IN (CAST('Inf' AS DOUBLE), CAST('-Inf' AS DOUBLE)),
          CAST(NULL AS DOUBLE),
          "t4"."ACTUAL"
        )
      ) IS NOT NULL,
      (
        IFF(
          (
            "t4"."SCORE" = CAST('NaN' AS DOUBLE)
          )
          OR "t4"."SCORE" IN (CAST('Inf' AS DOUBLE), CAST('-Inf' AS DOUBLE)),
          CAST(NULL AS DOUBLE),
          "t4"."SCORE"
        ) - IFF(
          (
            "t4"."ACTUAL" = CAST('NaN' AS DOUBLE)
          )
          OR "t4"."ACTUAL" IN (CAST('Inf' AS DOUBLE), CAST('-Inf' AS DOUBLE)),
          CAST(NULL AS DOUBLE),
          "t4"."ACTUAL"
        )
      ) * (
        IFF(
          (
            "t4"."SCORE" = CAST('NaN' AS DOUBLE)
          )
          OR "t4"."SCORE" IN (CAST('Inf' AS DOUBLE), CAST('-Inf' AS DOUBLE)),
          CAST(NULL AS DOUBLE),
          "t4"."SCORE"
        ) - IFF(
          (
            "t4"."ACTUAL" = CAST('NaN' AS DOUBLE)
          )
          OR "t4"."ACTUAL" IN (CAST('Inf' AS DOUBLE), CAST('-Inf' AS DOUBLE)),
          CAST(NULL AS DOUBLE),
          "t4"."ACTUAL"
        )
      ),
      NULL
    )
  ) AS "SQUARED_ERROR",
  SUM(
    IFF(
      (
        IFF(
          (
            "t4"."SCORE" = CAST('NaN' AS DOUBLE)
          )
          OR "t4"."SCORE" IN (CAST('Inf' AS DOUBLE), CAST('-Inf' AS DOUBLE)),
          CAST(NULL AS DOUBLE),
          "t4"."SCORE"
        ) - IFF(
          (
            "t4"."ACTUAL" = CAST('NaN' AS DOUBLE)
          )
          OR "t4"."ACTUAL" IN (CAST('Inf' AS DOUBLE), CAST('-Inf' AS DOUBLE)),
          CAST(NULL AS DOUBLE),
          "t4"."ACTUAL"
        )
      ) IS NOT NULL,
      ABS(
        IFF(
          (
            "t4"."SCORE" = CAST('NaN' AS DOUBLE)
          )
          OR "t4"."SCORE" IN (CAST('Inf' AS DOUBLE), CAST('-Inf' AS DOUBLE)),
          CAST(NULL AS DOUBLE),
          "t4"."SCORE"
        ) - IFF(
          (
            "t4"."ACTUAL" = CAST('NaN' AS DOUBLE)
          )
          OR "t4"."ACTUAL" IN (CAST('Inf' AS DOUBLE), CAST('-Inf' AS DOUBLE)),
          CAST(NULL AS DOUBLE),
          "t4"."ACTUAL"
        )
      ),
      NULL
    )
  ) AS "ABSOLUTE_ERROR",
  SUM(
    IFF(
      (
        IFF(
          (
            "t4"."SCORE" = CAST('NaN' AS DOUBLE)
          )
          OR "t4"."SCORE" IN (CAST('Inf' AS DOUBLE), CAST('-Inf' AS DOUBLE)),
          CAST(NULL AS DOUBLE),
          "t4"."SCORE"
        ) - IFF(
          (
            "t4"."ACTUAL" = CAST('NaN' AS DOUBLE)
          )
          OR "t4"."ACTUAL" IN (CAST('Inf' AS DOUBLE), CAST('-Inf' AS DOUBLE)),
          CAST(NULL AS DOUBLE),
          "t4"."ACTUAL"
        )
      ) IS NOT NULL,
      ABS(
        (
          IFF(
            (
              "t4"."SCORE" = CAST('NaN' AS DOUBLE)
            )
            OR "t4"."SCORE" IN (CAST('Inf' AS DOUBLE), CAST('-Inf' AS DOUBLE)),
            CAST(NULL AS DOUBLE),
            "t4"."SCORE"
          ) - IFF(
            (
              "t4"."ACTUAL" = CAST('NaN' AS DOUBLE)
            )
            OR "t4"."ACTUAL" IN (CAST('Inf' AS DOUBLE), CAST('-Inf' AS DOUBLE)),
            CAST(NULL AS DOUBLE),
            "t4"."ACTUAL"
          )
        ) / NULLIF(
          IFF(
            (
              "t4"."ACTUAL" = CAST('NaN' AS DOUBLE)
            )
            OR "t4"."ACTUAL" IN (CAST('Inf' AS DOUBLE), CAST('-Inf' AS DOUBLE)),
            CAST(NULL AS DOUBLE),
            "t4"."ACTUAL"
          ),
          0.0
        )
      ),
      NULL
    )
  ) AS "RELATIVE_ERROR",
  SUM(
    IFF(
      (
        IFF(
          (
            "t4"."SCORE" = CAST('NaN' AS DOUBLE)
          )
          OR "t4"."SCORE" IN (CAST('Inf' AS DOUBLE), CAST('-Inf' AS DOUBLE)),
          CAST(NULL AS DOUBLE),
          "t4"."SCORE"
        ) - IFF(
          (
            "t4"."ACTUAL" = CAST('NaN' AS DOUBLE)
          )
          OR "t4"."ACTUAL" IN (CAST('Inf' AS DOUBLE), CAST('-Inf' AS DOUBLE)),
          CAST(NULL AS DOUBLE),
          "t4"."ACTUAL"
        )
      ) IS NOT NULL,
      IFF(
        (
          "t4"."ACTUAL" = CAST('NaN' AS DOUBLE)
        )
        OR "t4"."ACTUAL" IN (CAST('Inf' AS DOUBLE), CAST('-Inf' AS DOUBLE)),
        CAST(NULL AS DOUBLE),
        "t4"."ACTUAL"
      ),
      NULL
    )
  ) AS "ACTUAL_TOTAL",
  SUM(
    IFF(
      (
        IFF(
          (
            "t4"."SCORE" = CAST('NaN' AS DOUBLE)
          )
          OR "t4"."SCORE" IN (CAST('Inf' AS DOUBLE), CAST('-Inf' AS DOUBLE)),
          CAST(NULL AS DOUBLE),
          "t4"."SCORE"
        ) - IFF(
          (
            "t4"."ACTUAL" = CAST('NaN' AS DOUBLE)
          )
          OR "t4"."ACTUAL" IN (CAST('Inf' AS DOUBLE), CAST('-Inf' AS DOUBLE)),
          CAST(NULL AS DOUBLE),
          "t4"."ACTUAL"
        )
      ) IS NOT NULL,
      IFF(
        (
          "t4"."ACTUAL" = CAST('NaN' AS DOUBLE)
        )
        OR "t4"."ACTUAL" IN (CAST('Inf' AS DOUBLE), CAST('-Inf' AS DOUBLE)),
        CAST(NULL AS DOUBLE),
        "t4"."ACTUAL"
      ) * IFF(
        (
          "t4"."ACTUAL" = CAST('NaN' AS DOUBLE)
        )
        OR "t4"."ACTUAL" IN (CAST('Inf' AS DOUBLE), CAST('-Inf' AS DOUBLE)),
        CAST(NULL AS DOUBLE),
        "t4"."ACTUAL"
      ),
      NULL
    )
  ) AS "ACTUAL_SQUARES"
FROM (
  SELECT
    "t3"."DAY",
    "t3"."SEGMENT_COLUMN",
    "t3"."SEGMENT_VALUE",
    IFF("t3"."RIPE", "t3"."SPEND", CAST(NULL AS DOUBLE)) AS "ACTUAL",
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
        "t0"."AT" <= TIMESTAMP_FROM_PARTS(2024, 5, 1, 0, 0, 0, 0) AS "RIPE",
        CAST(NULL AS VARCHAR) AS "SEGMENT_COLUMN",
        CAST(NULL AS VARCHAR) AS "SEGMENT_VALUE"
      FROM "WATCHED_SOURCE" AS "t0"
      WHERE
        "t0"."AT" >= TIMESTAMP_FROM_PARTS(2024, 4, 1, 0, 0, 0, 0)
        AND CAST("t0"."AT" AS DATE) IN (DATE_FROM_PARTS(2024, 4, 1), DATE_FROM_PARTS(2024, 5, 1))
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
        "t0"."AT" <= TIMESTAMP_FROM_PARTS(2024, 5, 1, 0, 0, 0, 0) AS "RIPE",
        'SEGMENT' AS "SEGMENT_COLUMN",
        "t0"."SEGMENT" AS "SEGMENT_VALUE"
      FROM "WATCHED_SOURCE" AS "t0"
      WHERE
        "t0"."AT" >= TIMESTAMP_FROM_PARTS(2024, 4, 1, 0, 0, 0, 0)
        AND CAST("t0"."AT" AS DATE) IN (DATE_FROM_PARTS(2024, 4, 1), DATE_FROM_PARTS(2024, 5, 1))
    ) AS "t2"
  ) AS "t3"
) AS "t4"
GROUP BY
  1,
  2,
  3
