SELECT
  COUNT(*) AS "OUTSIDE"
FROM (
  SELECT
    *
  FROM "MONITOR_SCORES" AS "t0"
  WHERE
    "t0"."SUBJECT" = 'WATCH'
    AND (
      (
        "t0"."LOW" < 0.0
      ) OR (
        "t0"."HIGH" > 1.0
      )
    )
) AS "t1"
