"""Partitioned functions of models: a method that is given the rows of one partition at a time."""

# the types of handlers are read by snowflake-ml, so annotations stay what they are

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("fakesnow", reason="needs churnobs[offline]")

from snowflake.ml.model import custom_model, model_signature
from snowflake.ml.registry import Registry


class Shares(custom_model.CustomModel):
    @custom_model.partitioned_api
    def predict(self, rows: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame({"KEY": rows["ID"], "SHARE": rows["V"] / rows["V"].sum()})

    @custom_model.partitioned_api
    def summed(self, rows: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame({"KEY": [rows["ID"].max()], "SHARE": [rows["V"].sum()]})


def test_each_partition_is_a_frame(snowflake_session, sql) -> None:
    rng = np.random.default_rng(2)
    frame = pd.DataFrame(
        {"ID": np.arange(40), "G": np.array(["a", "b", "c"])[rng.integers(0, 3, 40)], "V": rng.random(40).round(3)}
    )
    frame = frame.astype({"ID": float})
    data = snowflake_session.create_dataframe(frame)
    data.write.save_as_table("rows_")
    signature = model_signature.infer_signature(frame[["ID", "V"]], Shares().predict(frame).rename(columns=str))
    version = Registry(snowflake_session).log_model(
        Shares(), model_name="shares", version_name="v1", signatures={"predict": signature, "summed": signature},
        options={"method_options": {"predict": {"function_type": "TABLE_FUNCTION"}, "summed": {"function_type": "TABLE_FUNCTION"}}},
    )  # fmt: skip
    found = version.run(data, function_name="predict", partition_column="G").to_pandas()
    expected = frame["V"] / frame.groupby("G")["V"].transform("sum")
    assert found.set_index("KEY")["SHARE"].sort_index().to_numpy() == pytest.approx(expected.to_numpy())
    rows = sql(
        "SELECT r.g, s.share FROM rows_ r, TABLE(MODEL(shares, v1)!SUMMED(r.id, r.v) OVER (PARTITION BY r.g)) s ORDER BY r.g"
    )
    sums = frame.groupby("G")["V"].sum()
    assert rows == [(g, pytest.approx(total)) for g, total in sums.items()]
