SELECT
  *
FROM "CHURNOBS_DATASET" AS "t0"
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
