"""Features of your own, joined as they were known at each month's as-of: one view in SQL, one as an Ibis expression."""

import tempfile

import churnobs
from simulations import WORLDS, simulate

files = tempfile.mkdtemp()
simulate(WORLDS["steady"], customers=500, months=5, seed=1).write(files)

with churnobs.connect() as ws:
    ws.ingest(files)
    customer = ws.feature_store.register_entity(churnobs.Entity("CUSTOMER", ("CUSTOMER_ID",)))
    discounts = churnobs.FeatureView(
        "DISCOUNTS",
        (customer,),
        ws.sql(
            "SELECT CUSTOMER_ID, TRANSACTION_DATE, AVG(CAST(DISCOUNT_APPLIED AS DOUBLE)) "
            "OVER (PARTITION BY CUSTOMER_ID ORDER BY TRANSACTION_DATE) AS DISCOUNT_SHARE FROM SALES"
        ),
        timestamp_col="TRANSACTION_DATE",
    )
    ws.feature_store.register_feature_view(discounts, "V1")

    sales = ws.table("SALES").expr
    basket = sales.group_by("CUSTOMER_ID").agg(
        ITEMS_PER_ORDER=sales.NUM_ITEMS.mean(), LAST=sales.TRANSACTION_DATE.max()
    )
    items = churnobs.FeatureView("BASKET", (customer,), basket, timestamp_col="LAST")
    ws.feature_store.register_feature_view(items, "V1")

    config = churnobs.LifecycleConfig(feature_views=(("DISCOUNTS", "V1"), ("BASKET", "V1")))
    for report in ws.lifecycle(config).run():
        print(report)
    print(ws.table("FEATURES").to_pandas()[["CUSTOMER_ID", "TIMESTAMP", "DISCOUNT_SHARE", "ITEMS_PER_ORDER"]].tail(3))
