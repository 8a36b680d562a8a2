"""The churn demo as a Snowflake user would write it: Snowpark and snowflake-ml only, nothing of churnobs."""

import datetime as dt
from pathlib import Path

import pandas as pd
import snowflake.cortex
import snowflake.snowpark as sp
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from snowflake.ml.feature_store import CreationMode, Entity, FeatureStore, FeatureView
from snowflake.ml.monitoring.entities.model_monitor_config import ModelMonitorConfig, ModelMonitorSourceConfig
from snowflake.ml.registry import Registry
from snowflake.snowpark import functions as F
from snowflake.snowpark.types import DateType, StringType
from xgboost import XGBClassifier

WINDOWS = ["-7D", "-1MM", "-2MM", "-3MM"]
SIZES = [2, 3, 4]
FEATURES = (
    ["AGE", "DAYS_SINCE_LAST_PURCHASE"]
    + [f"{a}_{w}" for w in ("7D", "1MM", "2MM", "3MM") for a in ("SUM_TOTAL_AMOUNT_PAST", "COUNT_ORDERS_PAST")]
    + [f"SENTIMENT_{a}_{n}" for n in SIZES for a in ("MIN", "AVG")]
)
TABLES = """
CREATE OR REPLACE TABLE SALES (TRANSACTION_ID VARCHAR, CUSTOMER_ID VARCHAR, TRANSACTION_DATE DATE, DISCOUNT_APPLIED BOOLEAN, NUM_ITEMS NUMBER, PAYMENT_METHOD VARCHAR, TOTAL_AMOUNT FLOAT);
CREATE OR REPLACE TABLE CUSTOMERS (CUSTOMER_ID VARCHAR, AGE NUMBER, CUSTOMER_SEGMENT VARCHAR, GENDER VARCHAR, LOCATION VARCHAR, SIGNUP_DATE DATE);
CREATE OR REPLACE TABLE FEEDBACK_RAW (CHAT_DATE DATE, COMMENT VARCHAR, CUSTOMER_ID VARCHAR, FEEDBACK_ID VARCHAR, INTERNAL_ID NUMBER);
CREATE OR REPLACE TABLE FEEDBACK_SENTIMENT (FEEDBACK_ID VARCHAR, CHAT_DATE DATE, CUSTOMER_ID VARCHAR, INTERNAL_ID NUMBER, COMMENT VARCHAR, SENTIMENT FLOAT);
CREATE OR REPLACE TABLE FILES_INGESTED (YEAR NUMBER, MONTH NUMBER, FILE_TYPE VARCHAR, FILE_NAME VARCHAR, ROWS_LOADED NUMBER);
CREATE OR REPLACE TABLE PREDICTIONS (CUSTOMER_ID VARCHAR, TIMESTAMP TIMESTAMP_NTZ, {features}, PREDICTED_BASE FLOAT, SCORE_BASE FLOAT, PREDICTED_PROD FLOAT, PREDICTED_RETRAIN FLOAT, CHURNED FLOAT);
CREATE OR REPLACE TABLE ALERT_LOG (AT TIMESTAMP_LTZ, WHAT VARCHAR, VALUE FLOAT);
CREATE OR REPLACE FILE FORMAT CSV_FORMAT TYPE = CSV SKIP_HEADER = 1 FIELD_OPTIONALLY_ENCLOSED_BY = '"';
CREATE OR REPLACE STAGE CHURN_STAGE FILE_FORMAT = (FORMAT_NAME = 'CSV_FORMAT');
CREATE OR REPLACE STREAM FEEDBACK_STREAM ON TABLE FEEDBACK_RAW APPEND_ONLY = TRUE
"""


def feature_engineering(session: sp.Session, out_table: str) -> str:
    """Features of every customer at the latest sale; a stored procedure."""
    sales = session.table("SALES")
    names = {w: w.strip("-") for w in WINDOWS}

    def column(input_col: str, operation: str, value: str) -> str:
        what = "SUM_TOTAL_AMOUNT" if operation == "SUM" else "COUNT_ORDERS"
        return f"{what}_PAST_{names[value]}"

    windows = sales.select("CUSTOMER_ID", "TRANSACTION_DATE", "TOTAL_AMOUNT").analytics.time_series_agg(
        time_col="TRANSACTION_DATE",
        aggs={"TOTAL_AMOUNT": ["SUM", "COUNT"]},
        windows=WINDOWS,
        group_by=["CUSTOMER_ID"],
        col_formatter=column,
    )
    newest = sp.Window.partition_by("CUSTOMER_ID").order_by(F.col("TRANSACTION_DATE").desc())
    latest = windows.with_column("N", F.row_number().over(newest)).filter(F.col("N") == 1).drop("N", "TOTAL_AMOUNT")
    moods = session.table("FEEDBACK_SENTIMENT").analytics.moving_agg(
        aggs={"SENTIMENT": ["MIN", "AVG"]}, window_sizes=SIZES, order_by=["CHAT_DATE"], group_by=["CUSTOMER_ID"]
    )
    last_mood = sp.Window.partition_by("CUSTOMER_ID").order_by(F.col("CHAT_DATE").desc())
    moods = moods.with_column("N", F.row_number().over(last_mood)).filter(F.col("N") == 1)
    moods = moods.select("CUSTOMER_ID", *(f"SENTIMENT_{a}_{n}" for n in SIZES for a in ("MIN", "AVG")))
    at = session.table("SALES").select(F.max("TRANSACTION_DATE")).collect()[0][0]
    rows = (
        session.table("CUSTOMERS")
        .select("CUSTOMER_ID", "AGE")
        .join(latest, on="CUSTOMER_ID")
        .join(moods, on="CUSTOMER_ID", how="left")
    )
    rows = rows.with_column("TIMESTAMP", F.lit(at).cast("TIMESTAMP_NTZ"))
    rows = rows.with_column("DAYS_SINCE_LAST_PURCHASE", F.datediff("day", F.col("TRANSACTION_DATE"), F.lit(at)))
    rows.select("CUSTOMER_ID", "TIMESTAMP", *(F.col(n).cast("FLOAT").alias(n) for n in FEATURES)).write.mode(
        "append"
    ).save_as_table(out_table)
    return str(at)


def set_labels(session: sp.Session, at: dt.date) -> str:
    """Say of each customer known at a date whether no purchase followed within 30 days; a stored procedure."""
    session.sql(
        f"""MERGE INTO LABELS o USING (
            SELECT f.CUSTOMER_ID, f.TIMESTAMP, MIN(s.TRANSACTION_DATE) AS NEXT_TRANSACTION_DATE, IFF(COUNT(s.TRANSACTION_ID) = 0, 1, 0) AS CHURNED
            FROM CUSTOMER_FEATURES f LEFT JOIN SALES s ON s.CUSTOMER_ID = f.CUSTOMER_ID AND s.TRANSACTION_DATE > f.TIMESTAMP::DATE
                AND s.TRANSACTION_DATE <= DATEADD('day', 30, f.TIMESTAMP::DATE)
            WHERE f.TIMESTAMP = '{at}' GROUP BY f.CUSTOMER_ID, f.TIMESTAMP) n
        ON o.CUSTOMER_ID = n.CUSTOMER_ID AND o.TIMESTAMP = n.TIMESTAMP
        WHEN MATCHED THEN UPDATE SET o.NEXT_TRANSACTION_DATE = n.NEXT_TRANSACTION_DATE, o.CHURNED = n.CHURNED
        WHEN NOT MATCHED THEN INSERT (CUSTOMER_ID, TIMESTAMP, NEXT_TRANSACTION_DATE, CHURNED)
            VALUES (n.CUSTOMER_ID, n.TIMESTAMP, n.NEXT_TRANSACTION_DATE, n.CHURNED)"""
    ).collect()
    return str(session.table("LABELS").filter(F.col("TIMESTAMP") == str(at)).count())


class Demo:
    """One account's run of the loop."""

    def __init__(self, session: sp.Session, folder: Path) -> None:
        self.session, self.folder = session, folder
        self.database = session.get_current_database().strip('"')
        self.metrics: dict[str, list[tuple[str, float]]] = {}
        self.datasets: list[str] = []

    def run(self, text: str) -> list[sp.Row]:
        return self.session.sql(text).collect()

    def setup(self) -> None:
        for text in TABLES.format(features=", ".join(f'"{n}" FLOAT' for n in FEATURES)).split(";"):
            self.run(text)
        self.run(
            "CREATE TABLE LABELS (CUSTOMER_ID VARCHAR, TIMESTAMP TIMESTAMP_NTZ, NEXT_TRANSACTION_DATE DATE, CHURNED NUMBER)"
        )
        self.session.file.put(str(self.folder / "*.csv"), "@CHURN_STAGE", auto_compress=True)
        packages = ["snowflake-snowpark-python"]
        for function, name, kind in (
            (feature_engineering, "FEATURE_ENGINEERING", StringType()),
            (set_labels, "SET_LABELS", DateType()),
        ):
            self.session.sproc.register(
                function, name=name, packages=packages, replace=True, input_types=[kind], return_type=StringType()
            )
        self.store = FeatureStore(
            self.session, self.database, "FEATURE_STORE", "COMPUTE_WH", creation_mode=CreationMode.CREATE_IF_NOT_EXIST
        )
        self.session.use_schema(f"{self.database}.PUBLIC")
        self.customer = Entity("CUSTOMER", ["CUSTOMER_ID"], desc="who buys")
        self.store.register_entity(self.customer)
        self.registry = Registry(self.session, database_name=self.database, schema_name="PUBLIC")
        self.load("CUSTOMERS", "customers.csv.gz", 0, 0)

    def load(self, table: str, file: str, year: int, month: int) -> None:
        (row,) = self.run(
            f"COPY INTO {table} FROM @CHURN_STAGE/{file} FILE_FORMAT = (FORMAT_NAME = 'CSV_FORMAT') ON_ERROR = ABORT_STATEMENT"
        )
        self.run(f"INSERT INTO FILES_INGESTED VALUES ({year}, {month}, '{table}', '{file}', {row['rows_loaded']})")

    def ingest(self, year: int, month: int) -> None:
        self.load("SALES", f"sales_{year}_{month}.csv.gz", year, month)
        self.load("FEEDBACK_RAW", f"feedback_raw_{year}_{month}.csv.gz", year, month)
        if self.run("SELECT SYSTEM$STREAM_HAS_DATA('FEEDBACK_STREAM')")[0][0]:
            fresh = self.session.table("FEEDBACK_STREAM").with_column(
                "SENTIMENT", snowflake.cortex.sentiment(F.col("COMMENT"))
            )
            fresh.select("FEEDBACK_ID", "CHAT_DATE", "CUSTOMER_ID", "INTERNAL_ID", "COMMENT", "SENTIMENT").write.mode(
                "append"
            ).save_as_table("FEEDBACK_SENTIMENT")

    def features(self) -> str:
        return str(self.session.call("FEATURE_ENGINEERING", "CUSTOMER_FEATURES"))

    def register_view(self) -> None:
        draft = FeatureView(
            "CUSTOMER_FV",
            [self.customer],
            self.session.table(f"{self.database}.PUBLIC.CUSTOMER_FEATURES"),
            timestamp_col="TIMESTAMP",
            desc="what he did",
        )
        self.view = self.store.register_feature_view(draft, "v1")

    def dataset(self, at: str) -> pd.DataFrame:
        version = "v" + at.replace("-", "_")
        spine = (
            self.session.table("LABELS").filter(F.col("TIMESTAMP") == at).select("CUSTOMER_ID", "TIMESTAMP", "CHURNED")
        )
        made = self.store.generate_dataset(
            "CHURN_DS",
            spine,
            [self.view],
            version=version,
            spine_timestamp_col="TIMESTAMP",
            spine_label_cols=["CHURNED"],
        )
        self.datasets.append(version)
        return made.read.to_pandas().sort_values("CUSTOMER_ID").reset_index(drop=True)

    def train(self, frame: pd.DataFrame, name: str):
        model = make_pipeline(StandardScaler(), XGBClassifier(n_estimators=20, max_depth=3, random_state=0, n_jobs=1))
        model.fit(frame[FEATURES], frame["CHURNED"])
        return model, self.registry.log_model(
            model,
            model_name="CHURN",
            version_name=name,
            sample_input_data=frame[FEATURES].head(20),
            metrics={"rows": len(frame)},
        )

    def predict(self, at: str, roles: dict[str, str]) -> None:
        """Store what each role's version says of the customers at a date."""
        rows = self.session.table("CUSTOMER_FEATURES").filter(F.col("TIMESTAMP") == at)
        self.run(f"MERGE INTO PREDICTIONS o USING (SELECT * FROM CUSTOMER_FEATURES WHERE TIMESTAMP = '{at}') n ON o.CUSTOMER_ID = n.CUSTOMER_ID AND o.TIMESTAMP = n.TIMESTAMP "
                 f"WHEN NOT MATCHED THEN INSERT (CUSTOMER_ID, TIMESTAMP, {', '.join(FEATURES)}) VALUES (n.CUSTOMER_ID, n.TIMESTAMP, {', '.join('n.' + f for f in FEATURES)})")  # fmt: skip
        for role, version in roles.items():
            scored = self.registry.get_model("CHURN").version(version).run(rows, function_name="predict_proba")
            scored = scored.select("CUSTOMER_ID", "TIMESTAMP", F.col('"output_feature_1"').alias("P"))
            target = self.session.table("PREDICTIONS")
            columns = {f"PREDICTED_{role}": F.iff(scored["P"] > 0.5, F.lit(1.0), F.lit(0.0))}
            if role == "BASE":
                columns["SCORE_BASE"] = scored["P"]
            target.merge(
                scored,
                (target["CUSTOMER_ID"] == scored["CUSTOMER_ID"]) & (target["TIMESTAMP"] == scored["TIMESTAMP"]),
                [F.when_matched().update(columns)],
            )

    def label_predictions(self, at: str) -> None:
        self.session.call("SET_LABELS", pd.Timestamp(at).date())
        self.run(f"MERGE INTO PREDICTIONS p USING LABELS l ON p.CUSTOMER_ID = l.CUSTOMER_ID AND p.TIMESTAMP = l.TIMESTAMP AND l.TIMESTAMP = '{at}' "
                 "WHEN MATCHED THEN UPDATE SET p.CHURNED = l.CHURNED")  # fmt: skip

    def monitors(self, versions: dict[str, object]) -> None:
        self.run(
            "CREATE OR REPLACE TABLE BASELINE AS SELECT * FROM PREDICTIONS WHERE TIMESTAMP = (SELECT MIN(TIMESTAMP) FROM PREDICTIONS)"
        )
        for role, version in versions.items():
            self.registry.add_monitor(
                f"MONITOR_{role}",
                ModelMonitorSourceConfig(
                    source="PREDICTIONS", timestamp_column="TIMESTAMP", id_columns=["CUSTOMER_ID"], prediction_class_columns=[f"PREDICTED_{role}"],
                    prediction_score_columns=["SCORE_BASE"] if role == "BASE" else None, actual_class_columns=["CHURNED"], baseline="BASELINE",
                ),
                ModelMonitorConfig(
                    model_version=version, model_function_name="predict", background_compute_warehouse_name="COMPUTE_WH", refresh_interval="1 min",
                    aggregation_window="1 day",
                ),
            )  # fmt: skip

    def metric(self, role: str, metric: str, at: str) -> float:
        rows = self.run(
            f"SELECT METRIC_VALUE FROM TABLE(MODEL_MONITOR_PERFORMANCE_METRIC('MONITOR_{role}', '{metric}', '1 DAY', '{at}', '{at}'))"
        )
        return float(rows[0][0])

    def newest_metric(self, role: str, metric: str) -> float:
        where = "(SELECT MAX(TIMESTAMP) FROM PREDICTIONS WHERE CHURNED IS NOT NULL)"
        rows = self.run(
            f"SELECT METRIC_VALUE FROM TABLE(MODEL_MONITOR_PERFORMANCE_METRIC('MONITOR_{role}', '{metric}', '1 DAY', {where}, {where}))"
        )
        return float(rows[0][0])

    def drift(self, metric: str, column: str) -> list[tuple[str, float]]:
        rows = self.run(
            f"SELECT EVENT_TIMESTAMP, METRIC_VALUE FROM TABLE(MODEL_MONITOR_DRIFT_METRIC('MONITOR_BASE', '{metric}', '{column}', '1 DAY', "
            "TO_TIMESTAMP_TZ('2024-01-01'), TO_TIMESTAMP_TZ('2024-12-31'))) ORDER BY EVENT_TIMESTAMP"
        )
        return [(str(r[0].date()), float(r[1])) for r in rows]

    def alerts(self, threshold: float) -> None:
        self.run(
            "CREATE OR REPLACE ALERT F1_ALERT WAREHOUSE = COMPUTE_WH SCHEDULE = '60 MINUTE' IF (EXISTS (SELECT METRIC_VALUE FROM TABLE("
            "MODEL_MONITOR_PERFORMANCE_METRIC('MONITOR_BASE', 'F1_SCORE', '1 DAY', (SELECT MAX(TIMESTAMP) FROM PREDICTIONS WHERE CHURNED IS NOT NULL), "
            f"(SELECT MAX(TIMESTAMP) FROM PREDICTIONS WHERE CHURNED IS NOT NULL))) WHERE METRIC_VALUE < {threshold})) "
            f"THEN INSERT INTO ALERT_LOG VALUES (CURRENT_TIMESTAMP(), 'F1 of the base model is low', {threshold})"
        )
        self.run("ALTER ALERT F1_ALERT RESUME")
        self.run("EXECUTE ALERT F1_ALERT")
