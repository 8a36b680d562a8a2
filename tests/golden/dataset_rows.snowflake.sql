SELECT
  *
FROM (
  SELECT
    *
  FROM (
    SELECT
      *
    FROM "D$3" AS "t0"
    WHERE
      NOT (
        (
          (
            (
              (
                (
                  (
                    (
                      (
                        (
                          (
                            (
                              CAST("t0"."CUSTOMER_KEY" AS BIGINT) * 48271
                            ) + 7012366
                          ) % 2147483647
                        ) * (
                          (
                            (
                              CAST("t0"."CUSTOMER_KEY" AS BIGINT) * 48271
                            ) + 7012366
                          ) % 2147483647
                        )
                      ) + 7012366
                    ) % 2147483647
                  ) * (
                    (
                      (
                        (
                          (
                            (
                              CAST("t0"."CUSTOMER_KEY" AS BIGINT) * 48271
                            ) + 7012366
                          ) % 2147483647
                        ) * (
                          (
                            (
                              CAST("t0"."CUSTOMER_KEY" AS BIGINT) * 48271
                            ) + 7012366
                          ) % 2147483647
                        )
                      ) + 7012366
                    ) % 2147483647
                  )
                ) + 16807
              ) % 2147483647
            ) * 48271
          ) % 2147483647
        ) < 1073741823
      )
  ) AS "t4"
  UNION ALL
  SELECT
    *
  FROM (
    SELECT
      *
    FROM "D$1" AS "t1"
    UNION ALL
    SELECT
      *
    FROM (
      SELECT
        *
      FROM "D$2" AS "t2"
      WHERE
        (
          (
            (
              (
                (
                  (
                    (
                      (
                        (
                          (
                            (
                              CAST("t2"."CUSTOMER_KEY" AS BIGINT) * 48271
                            ) + 7012366
                          ) % 2147483647
                        ) * (
                          (
                            (
                              CAST("t2"."CUSTOMER_KEY" AS BIGINT) * 48271
                            ) + 7012366
                          ) % 2147483647
                        )
                      ) + 7012366
                    ) % 2147483647
                  ) * (
                    (
                      (
                        (
                          (
                            (
                              CAST("t2"."CUSTOMER_KEY" AS BIGINT) * 48271
                            ) + 7012366
                          ) % 2147483647
                        ) * (
                          (
                            (
                              CAST("t2"."CUSTOMER_KEY" AS BIGINT) * 48271
                            ) + 7012366
                          ) % 2147483647
                        )
                      ) + 7012366
                    ) % 2147483647
                  )
                ) + 16807
              ) % 2147483647
            ) * 48271
          ) % 2147483647
        ) < 1073741823
    ) AS "t3"
  ) AS "t5"
) AS "t6"
ORDER BY
  "t6"."TIMESTAMP" ASC,
  "t6"."CUSTOMER_KEY" ASC
