"""What a customer will spend next month: a managed feature view, a dataset, a regression in the registry, and its monitor.

python regression.py                            # on the default connection of connections.toml
churnobs offline -- python regression.py        # without an account
"""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
from snowflake.ml.feature_store import CreationMode, Entity, FeatureStore, FeatureView
from snowflake.ml.model import ModelVersion, task
from snowflake.ml.monitoring.entities.model_monitor_config import ModelMonitorConfig, ModelMonitorSourceConfig
from snowflake.ml.registry import Registry
from snowflake.snowpark import Column, DataFrame, Session, Window
from snowflake.snowpark import functions as F
from xgboost import XGBRegressor

FEATURES = ["SPENT", "ORDERS", "SPENT_3M", "LARGEST_3M", "SPENT_BEFORE"]
TRAINED_ON = [
    "2024-02-03",
    "2024-03-03",
    "2024-04-03",
    "2024-05-03",
]  # three days after each month, when it is complete
TESTED_ON = "2024-06-03"
SCORED_ON = ["2024-07-03", "2024-08-03"]


def bought(month: str, customers: int = 150) -> pd.DataFrame:
    """A month's orders; each customer has a level of his own, and spring is a good time."""
    first = pd.Timestamp(month)
    rng = np.random.default_rng(first.year * 12 + first.month)
    level = np.random.default_rng(7).gamma(2.0, 20.0, customers)
    who = np.repeat(np.arange(customers), rng.poisson(2.0 + first.month % 3, customers))
    return pd.DataFrame(
        {
            "ORDER_ID": [f"{month}-{n:04d}" for n in range(len(who))],
            "CUSTOMER_ID": who,
            "ORDERED_AT": first + pd.to_timedelta(rng.integers(0, first.days_in_month * 24, len(who)), unit="h"),
            "AMOUNT": (level[who] * rng.lognormal(0.1 * first.month, 0.3, len(who))).round(2),
        }
    )


def load(session: Session, month: str) -> None:
    session.write_pandas(bought(month), "ORDERS", auto_create_table=True, use_logical_type=True)


def monthly(session: Session) -> DataFrame:
    """A row a customer and month, known on the first day of the next month."""
    orders = session.table("ORDERS")
    months = orders.group_by("CUSTOMER_ID", F.date_trunc("month", "ORDERED_AT").alias("MONTH")).agg(
        F.sum("AMOUNT").alias("SPENT"), F.count("*").alias("ORDERS"), F.max("AMOUNT").alias("LARGEST")
    )
    past = Window.partition_by("CUSTOMER_ID").order_by("MONTH")
    quarter = past.rows_between(-2, Window.CURRENT_ROW)
    return months.select(
        "CUSTOMER_ID",
        F.dateadd("month", F.lit(1), F.col("MONTH")).alias("KNOWN_AT"),
        "SPENT",
        "ORDERS",
        F.sum("SPENT").over(quarter).alias("SPENT_3M"),
        F.max("LARGEST").over(quarter).alias("LARGEST_3M"),
        F.coalesce(F.lag("SPENT").over(past), F.lit(0)).alias("SPENT_BEFORE"),
    )


def spent_after(session: Session, days: list[str]) -> DataFrame:
    """The spine: every customer at every day, and what he spent in the month of that day."""
    customers = session.table("ORDERS").select("CUSTOMER_ID").distinct()
    at = session.create_dataframe([[dt.datetime.fromisoformat(day)] for day in days], schema=["AT"])
    orders = session.table("ORDERS").select(
        F.col("CUSTOMER_ID").alias("WHO"), F.date_trunc("month", "ORDERED_AT").alias("MONTH"), "AMOUNT"
    )
    spine = customers.cross_join(at)
    joined = spine.join(
        orders,
        (spine["CUSTOMER_ID"] == orders["WHO"]) & (F.date_trunc("month", spine["AT"]) == orders["MONTH"]),
        "left",
    )
    return joined.group_by("CUSTOMER_ID", "AT").agg(F.coalesce(F.sum("AMOUNT"), F.lit(0)).alias("NEXT_SPENT"))


def main() -> None:
    session = Session.builder.getOrCreate()
    session.sql("CREATE DATABASE IF NOT EXISTS SPEND").collect()
    session.use_schema("SPEND.PUBLIC")
    warehouse = session.get_current_warehouse()
    for month in range(1, 7):
        load(session, f"2024-{month:02d}-01")

    store = FeatureStore(session, "SPEND", "FEATURES", warehouse, creation_mode=CreationMode.CREATE_IF_NOT_EXIST)
    session.use_schema("SPEND.PUBLIC")
    customer = Entity("CUSTOMER", ["CUSTOMER_ID"], desc="who buys")
    store.register_entity(customer)
    view = store.register_feature_view(
        FeatureView(
            "MONTHLY_SPEND",
            [customer],
            feature_df=monthly(session),
            timestamp_col="KNOWN_AT",
            refresh_freq="1 day",
            desc="what a customer spent in the month that ended, and in the quarter",
        ).attach_feature_desc({"SPENT_3M": "the last three months in which he bought"}),
        "1",
    )

    dataset = store.generate_dataset(
        "SPEND_TRAINING",
        spent_after(session, TRAINED_ON),
        [view],
        version="MAY",
        spine_timestamp_col="AT",
        spine_label_cols=["NEXT_SPENT"],
    )
    rows = dataset.read.to_pandas().dropna().sort_values(["AT", "CUSTOMER_ID"])
    model = XGBRegressor(n_estimators=40, max_depth=3, learning_rate=0.2, random_state=0, n_jobs=1)
    model.fit(rows[FEATURES].astype(float), rows["NEXT_SPENT"].astype(float))

    registry = Registry(session, database_name="SPEND", schema_name="PUBLIC")
    version = registry.log_model(
        model,
        model_name="NEXT_SPEND",
        version_name="MAY",
        sample_input_data=rows[FEATURES].astype(float).head(50),
        task=task.Task.TABULAR_REGRESSION,
        target_platforms=["WAREHOUSE"],
        metrics={"training_rows": len(rows)},
        comment="months until May",
    )

    test = store.generate_training_set(
        spent_after(session, [TESTED_ON]), [view], spine_timestamp_col="AT", spine_label_cols=["NEXT_SPENT"]
    )
    session.sql(
        """CREATE OR REPLACE TABLE PREDICTIONS (
            CUSTOMER_ID NUMBER, AT TIMESTAMP_NTZ, SPENT FLOAT, SPENT_3M FLOAT, PREDICTED FLOAT, ACTUAL FLOAT)"""
    ).collect()
    predict(version, test, F.col("NEXT_SPENT"))

    predict(version, known_at(session, store, view, SCORED_ON[0]), F.lit(None))

    # a month later
    load(session, "2024-07-01")
    store.refresh_feature_view(view)
    predict(version, known_at(session, store, view, SCORED_ON[1]), F.lit(None))
    truth = spent_after(session, SCORED_ON[:1])
    predictions = session.table("PREDICTIONS")
    predictions.merge(
        truth,
        (predictions["CUSTOMER_ID"] == truth["CUSTOMER_ID"]) & (predictions["AT"] == truth["AT"]),
        [F.when_matched().update({"ACTUAL": truth["NEXT_SPENT"]})],
    )

    registry.add_monitor(
        "SPEND_MONITOR",
        ModelMonitorSourceConfig(
            source="PREDICTIONS",
            timestamp_column="AT",
            id_columns=["CUSTOMER_ID"],
            prediction_score_columns=["PREDICTED"],
            actual_score_columns=["ACTUAL"],
        ),
        ModelMonitorConfig(
            model_version=version,
            model_function_name="predict",
            background_compute_warehouse_name=warehouse.strip('"'),
            refresh_interval="1 day",
            aggregation_window="1 day",
        ),
    )
    session.sql(
        "CREATE OR REPLACE VIEW QUALITY AS "
        + " UNION ALL ".join(
            f"SELECT EVENT_TIMESTAMP, METRIC_NAME, METRIC_VALUE, COUNT_USED FROM TABLE(MODEL_MONITOR_PERFORMANCE_METRIC("
            f"'SPEND.PUBLIC.SPEND_MONITOR', '{metric}', '1 MONTH', '2024-06-01'::TIMESTAMP_NTZ, '2024-07-31'::TIMESTAMP_NTZ))"
            for metric in ("RMSE", "MAE", "MSE")
        )
    ).collect()
    session.table("QUALITY").sort("METRIC_NAME", "EVENT_TIMESTAMP").show()
    store.get_refresh_history(view).select("STATE", "REFRESH_START_TIME", "REFRESH_END_TIME").show()


def known_at(session: Session, store: FeatureStore, view: FeatureView, day: str) -> DataFrame:
    """What the feature view knew of every customer at a day."""
    customers = session.table("ORDERS").select("CUSTOMER_ID").distinct()
    spine = customers.with_column("AT", F.to_timestamp_ntz(F.lit(day)))
    return store.retrieve_feature_values(spine, [view], spine_timestamp_col="AT")


def predict(version: ModelVersion, rows: DataFrame, actual: Column) -> None:
    """Score rows in the warehouse and keep what was said."""
    rows = rows.select(
        "CUSTOMER_ID", "AT", *(F.col(name).cast("FLOAT").alias(name) for name in FEATURES), actual.alias("ACTUAL")
    )
    scored = version.run(rows.dropna(subset=FEATURES), function_name="predict")
    scored.select(
        "CUSTOMER_ID", "AT", "SPENT", "SPENT_3M", F.col('"output_feature_0"').alias("PREDICTED"), "ACTUAL"
    ).write.mode("append").save_as_table("PREDICTIONS")


if __name__ == "__main__":
    main()
