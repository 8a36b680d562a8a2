"""A customer's risk tier, LOW, MEDIUM or HIGH: two versions of a model, watched for each region.

python multiclass.py                            # on the default connection of connections.toml
churnobs offline -- python multiclass.py        # without an account
"""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from snowflake.ml.model import task
from snowflake.ml.registry import Registry
from snowflake.snowpark import Session
from snowflake.snowpark import functions as F

TIERS = ["LOW", "MEDIUM", "HIGH"]
REGIONS = ["EU", "US", "ASIA"]
FEATURES = ["DAYS_SINCE_ORDER", "ORDERS_90D", "COMPLAINTS"]
WEEKS = ["2024-09-02", "2024-09-09", "2024-09-16"]
METRICS = ["CLASSIFICATION_ACCURACY"]
METRICS += [f"{kind}_AVERAGE_{what}" for kind in ("MACRO", "MICRO") for what in ("PRECISION", "RECALL")]


def observed(weeks: list[str], seed: int, worse: float = 0.0) -> pd.DataFrame:
    """Customers as they were at the start of a week, and the tier they turned out to be in; Asia gets worse."""
    rng = np.random.default_rng(seed)
    count = 240 * len(weeks)
    region = rng.choice(REGIONS, count, p=[0.5, 0.3, 0.2])
    days = rng.exponential(np.where(region == "ASIA", 30 + worse, 30)).round()
    orders, complaints = rng.poisson(4, count), rng.poisson(0.5, count)
    risk = days / 30 - orders / 4 + complaints + rng.normal(0, 0.4, count)
    return pd.DataFrame(
        {
            "CUSTOMER_ID": [f"{seed}-{n:05d}" for n in range(count)],
            "WEEK": np.repeat(pd.to_datetime(weeks), 240),
            "REGION": region,
            "DAYS_SINCE_ORDER": days,
            "ORDERS_90D": orders.astype(float),
            "COMPLAINTS": complaints.astype(float),
            "TIER": np.array(TIERS)[np.digitize(risk, [0.0, 1.2])],
        }
    )


def main() -> None:
    session = Session.builder.getOrCreate()
    session.sql("CREATE DATABASE IF NOT EXISTS RISK").collect()
    session.sql("CREATE SCHEMA IF NOT EXISTS RISK.TIERS").collect()
    session.use_schema("RISK.TIERS")
    warehouse = session.get_current_warehouse().strip('"')
    session.write_pandas(
        observed(["2024-08-05", "2024-08-12"], seed=1), "TRAINING", auto_create_table=True, use_logical_type=True
    )
    session.write_pandas(
        observed(WEEKS, seed=2, worse=40.0), "CUSTOMERS", auto_create_table=True, use_logical_type=True
    )

    training = session.table("TRAINING").sort("CUSTOMER_ID").to_pandas()
    registry = Registry(session)
    models = {
        "LINEAR": make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)),
        "FOREST": RandomForestClassifier(n_estimators=30, max_depth=4, random_state=0),
    }
    for name, model in models.items():
        model.fit(training[FEATURES], training["TIER"])
        version = registry.log_model(
            model,
            model_name="RISK_TIER",
            version_name=name,
            sample_input_data=training[FEATURES].head(100),
            task=task.Task.TABULAR_MULTI_CLASSIFICATION,
            target_platforms=["WAREHOUSE"],
            comment=f"risk tiers by a {name.lower()} model",
        )
        version.set_metric("training_accuracy", accuracy_score(training["TIER"], model.predict(training[FEATURES])))
        version.set_metric("tiers", {tier: int((training["TIER"] == tier).sum()) for tier in TIERS})

    model = registry.get_model("RISK_TIER")
    session.sql("CREATE TAG IF NOT EXISTS STAGE_OF_LIFE ALLOWED_VALUES 'trial', 'live'").collect()
    model.set_tag("STAGE_OF_LIFE", "trial")
    watch(session, registry, "LINEAR", warehouse)
    watch(session, registry, "FOREST", warehouse)
    found = {name: quality(session, f"{name}_MONITOR", "CLASSIFICATION_ACCURACY", "ALL")[0][1] for name in models}
    best = max(found, key=lambda name: found[name])
    for name, accuracy in found.items():
        model.version(name).set_metric("live_accuracy", accuracy)
    model.default = best
    model.version(best).set_alias("CHAMPION")
    model.set_tag("STAGE_OF_LIFE", "live")
    print(f"{model.default.version_name} is the default, {model.get_tag('STAGE_OF_LIFE')}; accuracies {found}")

    rows = []
    for region in [None, *REGIONS]:
        for metric in METRICS:
            values = quality(session, f"{best}_MONITOR", metric, "1 WEEK", region)
            rows += [(str(at.date()), region or "all", metric, value, used) for at, value, used in values]
    report = session.create_dataframe(rows, schema=["WEEK", "REGION", "METRIC", "VALUE", "USED"])
    report.write.mode("overwrite").save_as_table("QUALITY")
    session.table("QUALITY").filter(F.col("METRIC") == "MACRO_AVERAGE_RECALL").sort("REGION", "WEEK").show(20)

    drifts = " UNION ALL ".join(
        f"SELECT EVENT_TIMESTAMP, COLUMN_NAME, METRIC_NAME, METRIC_VALUE FROM TABLE(MODEL_MONITOR_DRIFT_METRIC("
        f"'{best}_MONITOR', '{metric}', '{column}', '1 WEEK', '2024-09-01', '2024-09-30'))"
        for metric, column in (("DIFFERENCE_OF_MEANS", "DAYS_SINCE_ORDER"), ("POPULATION_STABILITY_INDEX", "PREDICTED"))
    )
    session.sql(f"CREATE OR REPLACE TABLE DRIFT AS {drifts}").collect()
    session.table("DRIFT").sort("COLUMN_NAME", "EVENT_TIMESTAMP").show()


def watch(session: Session, registry: Registry, name: str, warehouse: str) -> None:
    """Let a version say the tiers of all customers, and watch it; the training rows are its baseline."""
    version = registry.get_model("RISK_TIER").version(name)
    for source, target in (("TRAINING", f"{name}_BASELINE"), ("CUSTOMERS", f"{name}_PREDICTIONS")):
        said = version.run(session.table(source), function_name="predict")
        said.with_column_renamed('"output_feature_0"', "PREDICTED").write.mode("overwrite").save_as_table(target)
    session.sql(
        f"""CREATE OR REPLACE MODEL MONITOR {name}_MONITOR WITH
            MODEL = RISK_TIER VERSION = '{name}' FUNCTION = 'predict' SOURCE = {name}_PREDICTIONS BASELINE = {name}_BASELINE
            WAREHOUSE = {warehouse} REFRESH_INTERVAL = '1 hour' AGGREGATION_WINDOW = '1 day'
            TIMESTAMP_COLUMN = WEEK ID_COLUMNS = ('CUSTOMER_ID') SEGMENT_COLUMNS = ('REGION')
            PREDICTION_CLASS_COLUMNS = ('PREDICTED') ACTUAL_CLASS_COLUMNS = ('TIER')"""
    ).collect()


def quality(session: Session, monitor: str, metric: str, grain: str, region: str | None = None) -> list[tuple]:
    extra = json.dumps({"SEGMENTS": [{"column": "REGION", "value": region}]}) if region else None
    rows = session.sql(
        "SELECT EVENT_TIMESTAMP, METRIC_VALUE, COUNT_USED "
        "FROM TABLE(MODEL_MONITOR_PERFORMANCE_METRIC(?, ?, ?, ?, ?, ?)) ORDER BY 1",
        params=[monitor, metric, grain, "2024-09-01", "2024-09-30", extra],
    ).collect()
    return [tuple(row) for row in rows]


if __name__ == "__main__":
    main()
