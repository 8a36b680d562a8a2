"""One program for every backend: the URL alone says where it runs.

python examples/any_backend.py                    # the simulator in memory
python examples/any_backend.py duckdb:retail.duckdb
python examples/any_backend.py snowflake:NAME     # a connection of connections.toml
"""

import sys
import tempfile

import churnobs
from churnobs import Alert, Entity, FeatureView, LifecycleConfig, ToTable
from simulations import WORLDS, simulate

VIEW = "SELECT CUSTOMER_ID, TRANSACTION_DATE, NUM_ITEMS AS ITEMS_OF_LAST_ORDER FROM SALES"


def main(place: str | None = None, customers: int = 400, months: int = 5) -> None:
    """Run the months of a simulated shop, with a feature and an alert of its own, and look at what they left."""
    files = tempfile.mkdtemp()
    simulate(WORLDS["sudden"], customers=customers, months=months, seed=1).write(files)
    with churnobs.connect(place) as ws:
        ws.deploy()
        ws.ingest(files)
        customer = ws.feature_store.register_entity(Entity("CUSTOMER", ("CUSTOMER_ID",)))
        items = FeatureView("ITEMS", (customer,), ws.sql(VIEW), timestamp_col="TRANSACTION_DATE")
        ws.feature_store.register_feature_view(items, "V1")
        config = LifecycleConfig(
            feature_views=(("ITEMS", "V1"),),
            alerts=(Alert("low_auc", "ROC_AUC", below=0.99, action=ToTable("ALARMS")),),
        )
        loop = ws.lifecycle(config)
        for report in loop.run():
            print(report)
        print(loop.at_risk(5).to_pandas())
        print(ws.registry.get_model("CHURN").show_versions()[["name", "is_default_version"]])
        print(ws.monitor.show_model_monitors()[["name", "monitor_state"]])
        print(ws.table("ALARMS").to_pandas()[["NAME", "MONTH", "METRIC_VALUE"]])


if __name__ == "__main__":
    main(*sys.argv[1:2])
