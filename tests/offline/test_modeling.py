"""snowflake.ml.modeling: preprocessing, fitting and predicting run as procedures and functions of the account."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("fakesnow", reason="needs churnobs[offline]")
pytest.importorskip("opentelemetry", reason="needs churnobs[offline]")

from sklearn.linear_model import LogisticRegression as Reference
from sklearn.preprocessing import MinMaxScaler as ReferenceScaler
from snowflake.ml.modeling.linear_model import LogisticRegression
from snowflake.ml.modeling.metrics import accuracy_score, mean_squared_error
from snowflake.ml.modeling.pipeline import Pipeline
from snowflake.ml.modeling.preprocessing import MinMaxScaler, OrdinalEncoder
from snowflake.ml.modeling.xgboost import XGBClassifier
from snowflake.ml.registry import Registry
from snowflake.snowpark import functions as F


@pytest.fixture(scope="module")
def customers() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    frame = pd.DataFrame(
        {"ID": range(400), "GEO": rng.choice(["DE", "FR", "PL"], 400), "AGE": rng.integers(18, 80, 400)}
    )
    frame["BALANCE"] = rng.normal(1000, 200, 400).round(2)
    return frame.assign(EXITED=(frame.AGE + rng.normal(0, 10, 400) > 50).astype(int))


def test_a_fitted_model_predicts_as_its_reference_does(snowflake_session, customers) -> None:
    table = snowflake_session.write_pandas(customers, "C", auto_create_table=True)
    columns = ["AGE", "BALANCE"]
    scaler = MinMaxScaler(input_cols=columns, output_cols=columns)
    model = LogisticRegression(input_cols=columns, label_cols=["EXITED"], output_cols=["P"])
    scaled = scaler.fit(table).transform(table)
    predicted = model.fit(scaled).predict(scaled)
    x = ReferenceScaler().fit_transform(customers[columns])
    reference = Reference().fit(x, customers.EXITED).predict(x)
    np.testing.assert_array_equal(predicted.sort("ID").to_pandas().P.to_numpy(), reference)
    wrong = float((reference != customers.EXITED).mean())
    # the functions of the model and of each metric have files of their own, in whatever order they run
    assert accuracy_score(df=predicted, y_true_col_names="EXITED", y_pred_col_names="P") == pytest.approx(1 - wrong)
    assert mean_squared_error(df=predicted, y_true_col_names="EXITED", y_pred_col_names="P") == pytest.approx(wrong)
    assert predicted.agg(F.sum("P")).collect()[0][0] == reference.sum()


def test_a_pipeline_is_logged_and_monitored_without_a_task(snowflake_session, customers, sql) -> None:
    table = snowflake_session.write_pandas(
        customers.assign(TS=pd.Timestamp("2024-05-01")), "C", auto_create_table=True, use_logical_type=True
    )
    encoder = OrdinalEncoder(input_cols=["GEO"], output_cols=["GEO"])
    features = ["GEO", "AGE", "BALANCE"]
    trees = XGBClassifier(n_estimators=5, input_cols=features, label_cols=["EXITED"], output_cols=["PREDICTED"])
    pipeline = Pipeline(steps=[("encode", encoder), ("trees", trees)]).fit(table)
    version = Registry(snowflake_session).log_model(pipeline, model_name="M", version_name="v1")
    version.run(table, function_name="predict").write.save_as_table("SCORED")
    sql(
        "CREATE MODEL MONITOR m WITH MODEL = M VERSION = v1 FUNCTION = predict SOURCE = SCORED TIMESTAMP_COLUMN = TS "
        "PREDICTION_CLASS_COLUMNS = (PREDICTED) ACTUAL_CLASS_COLUMNS = (EXITED) ID_COLUMNS = (ID) WAREHOUSE = COMPUTE_WH "
        "REFRESH_INTERVAL = '1 min' AGGREGATION_WINDOW = '1 day'"
    )
    asked = "TABLE(MODEL_MONITOR_PERFORMANCE_METRIC('M', 'CLASSIFICATION_ACCURACY', '1 DAY', '2024-05-01'::DATE, '2024-05-02'::DATE))"
    ((accuracy, count),) = sql(f"SELECT metric_value, count_used FROM {asked}")
    scored = snowflake_session.table("SCORED").to_pandas()
    assert (accuracy, count) == (pytest.approx((scored.PREDICTED == scored.EXITED).mean()), 400)
