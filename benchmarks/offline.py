"""What the offline account costs: starting it, a statement, and a model over many rows, through the real clients."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd


def measure(rows: int, rounds: int) -> dict[str, Any]:
    """Seconds, or milliseconds a statement; the median of the rounds, the first of each left out."""
    import snowflake.snowpark
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from snowflake.ml.registry import Registry
    from xgboost import XGBClassifier

    from churnobs.testing import serve

    assert snowflake.snowpark
    made: dict[str, Any] = {"rows": rows}
    with serve() as account:
        account.session().close()
    started = time.perf_counter()
    with serve() as account:
        session = account.session(database="BENCH")
        made["start_and_first_session_s"] = time.perf_counter() - started
        cursor = session.connection.cursor()
        session.sql("CREATE TABLE t AS SELECT 1 AS a").collect()
        for name, text in {
            "extension_show_streams_ms": "SHOW STREAMS", "extension_create_tag_ms": "CREATE TAG IF NOT EXISTS x",
            "extension_current_warehouse_ms": "SELECT CURRENT_WAREHOUSE()", "query_ms": "SELECT a FROM t WHERE a = 1",
            "insert_ms": "INSERT INTO t VALUES (1)",
        }.items():  # fmt: skip
            made[name] = 1000 * _median(lambda text=text: cursor.execute(text).fetchall(), 50)
        rng = np.random.default_rng(0)
        frame = pd.DataFrame(rng.normal(size=(rows, 5)), columns=[f"F{n}" for n in range(5)])
        labels = (frame.sum(axis=1) > 0).astype(int)
        model = make_pipeline(StandardScaler(), XGBClassifier(n_estimators=50, max_depth=4)).fit(
            frame.head(5000), labels.head(5000)
        )
        started = time.perf_counter()
        session.write_pandas(frame, "ROWS_", auto_create_table=True)
        made["write_pandas_s"] = time.perf_counter() - started
        registry = Registry(session, database_name="BENCH", schema_name="PUBLIC")
        version = registry.log_model(model, model_name="M", version_name="v1", sample_input_data=frame.head(10))
        session.sql(
            "CREATE TABLE scored AS SELECT UUID_STRING() AS id, "
            "DATEADD(day, SEQ4() % 30, '2024-01-01'::DATE)::TIMESTAMP_NTZ AS ts, "
            "SEQ4() % 2 AS predicted, SEQ4() % 3 % 2 AS actual FROM TABLE(GENERATOR(ROWCOUNT => 1000))"
        ).collect()
        session.sql(
            "CREATE MODEL MONITOR watch WITH MODEL = M VERSION = v1 FUNCTION = predict SOURCE = scored TIMESTAMP_COLUMN = TS "
            "PREDICTION_CLASS_COLUMNS = (PREDICTED) ACTUAL_CLASS_COLUMNS = (ACTUAL) ID_COLUMNS = (ID) WAREHOUSE = COMPUTE_WH "
            "REFRESH_INTERVAL = '1 min' AGGREGATION_WINDOW = '1 day'"
        ).collect()
        window = "'1 DAY', '2024-01-01'::DATE, '2024-02-01'::DATE"
        metric = f"SELECT * FROM TABLE(MODEL_MONITOR_PERFORMANCE_METRIC('WATCH', 'F1_SCORE', {window}))"
        made["metric_of_1000_rows_ms"] = 1000 * _median(lambda: cursor.execute(metric).fetchall(), 50)
        started = time.perf_counter()
        registry.log_model(model, model_name="M", version_name="v2", sample_input_data=frame.head(10))
        made["log_model_again_s"] = time.perf_counter() - started
        text = "SELECT SUM(MODEL(M, v1)!PREDICT_PROBA(F0, F1, F2, F3, F4):output_feature_1::FLOAT) FROM rows_"
        made["sql_inference_s"] = _median(lambda: cursor.execute(text).fetchone(), rounds)
        made["run_to_pandas_s"] = _median(
            lambda: version.run(session.table("ROWS_"), function_name="predict_proba").to_pandas(), rounds
        )
        made["local_inference_s"] = _median(lambda: model.predict_proba(frame), rounds)
        sums = cursor.execute(text).fetchone()[0], float(model.predict_proba(frame)[:, 1].astype(float).sum())
        made["difference_of_means"] = abs(sums[0] - sums[1]) / rows
    return {
        key: round(value, 12 if key == "difference_of_means" else 4) if isinstance(value, float) else value
        for key, value in made.items()
    }


def _median(run: Callable[[], Any], rounds: int) -> float:
    run()
    taken = []
    for _ in range(rounds):
        started = time.perf_counter()
        run()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)
