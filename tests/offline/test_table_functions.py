"""Table functions in Python and SQL, joined, partitioned and registered by Snowpark, and the metrics that rest on them."""

# the types of handlers are read by Snowpark, so annotations stay what they are

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("fakesnow", reason="needs churnobs[offline]")

from sklearn import metrics as truth
from snowflake.snowpark import functions as F
from snowflake.snowpark.types import FloatType, IntegerType, PandasDataFrame, StringType, StructField, StructType


@pytest.fixture
def rows(sql):
    sql("CREATE TABLE t (g VARCHAR, n INT, v FLOAT)")
    sql("INSERT INTO t VALUES ('a', 2, 1.5), ('b', 1, 4), ('a', 1, 2.5), (NULL, 1, 7)")


RUNNING = """CREATE OR REPLACE FUNCTION running(n INT, v FLOAT) RETURNS TABLE (what VARCHAR, total FLOAT)
    LANGUAGE PYTHON RUNTIME_VERSION = '3.11' HANDLER = 'Running' AS
$$
class Running:
    def __init__(self):
        self.total = 0.0
        self.seen = 0
    def process(self, n, v):
        self.total += v
        self.seen += 1
        for at in range(n):
            yield (f"row {at}", self.total)
    def end_partition(self):
        yield ("end of %d" % self.seen, self.total)
$$"""


def test_a_handler_sees_each_partition_in_its_order(sql, rows) -> None:
    sql(RUNNING)
    found = sql(
        "SELECT t.g, t.n, r.what, r.total FROM t, TABLE(running(t.n, t.v) OVER (PARTITION BY t.g ORDER BY t.n)) r"
    )
    assert found == [
        (None, 1, "row 0", 7.0), (None, None, "end of 1", 7.0),
        ("a", 1, "row 0", 2.5), ("a", 2, "row 0", 4.0), ("a", 2, "row 1", 4.0), ("a", None, "end of 2", 4.0),
        ("b", 1, "row 0", 4.0), ("b", None, "end of 1", 4.0),
    ]  # fmt: skip
    assert sql("SELECT * FROM TABLE(running(2, 0.5))") == [("row 0", 0.5), ("row 1", 0.5), ("end of 1", 0.5)]
    assert sql("SELECT SUM(total) FROM t AS x JOIN TABLE(running(n, v)) WHERE what LIKE 'row%' AND x.g = 'b'") == [
        (5.5,)
    ]
    with_ = "WITH big AS (SELECT * FROM t WHERE v > 2) SELECT big.g, what FROM big, TABLE(running(1, big.v)) WHERE what = 'row 0' ORDER BY 1"
    assert sql(with_) == [("a", "row 0"), ("b", "row 0"), (None, "row 0")]


def test_in_views_changes_and_over_nothing(sql, rows) -> None:
    sql(RUNNING)
    sql("CREATE VIEW w AS SELECT g, total FROM t, TABLE(running(n, v) OVER (PARTITION BY g)) WHERE what LIKE 'end%'")
    assert sql("SELECT * FROM w ORDER BY g") == [("a", 4.0), ("b", 4.0), (None, 7.0)]
    sql("INSERT INTO t VALUES ('b', 1, 6)")
    sql("CREATE TABLE kept AS SELECT * FROM w")
    assert sql("SELECT total FROM kept WHERE g = 'b'") == [(10.0,)]
    sql("DELETE FROM t")
    assert sql("SELECT * FROM w") == []
    assert sql("DESCRIBE TABLE kept")[1][:2] == ("TOTAL", "FLOAT")


def test_errors_of_handlers_and_of_calls(sql, rows, fails) -> None:
    sql("CREATE FUNCTION bad(n INT) RETURNS TABLE (a INT, b INT) LANGUAGE PYTHON RUNTIME_VERSION = '3.11' HANDLER = 'H' AS "
        "$$class H:\n    def process(self, n):\n        yield (n,) if n == 1 else (1 // 0, 1)$$")  # fmt: skip
    assert "1 values for 2 columns" in fails("SELECT * FROM TABLE(bad(1))")[1]
    number, message = fails("SELECT * FROM t, TABLE(bad(t.n))")
    assert (number, "ZeroDivisionError" in message) == (100357, True)
    for text in ("SELECT * FROM t, t AS u, TABLE(bad(t.n))", "SELECT * FROM t LEFT JOIN TABLE(bad(t.n))"):
        assert "offline account" in fails(text)[1]
    assert fails("SELECT bad(1)")[0] == 2140


def test_table_functions_in_sql(sql, rows) -> None:
    sql("CREATE FUNCTION above(least FLOAT, most FLOAT DEFAULT 100) RETURNS TABLE (grp VARCHAR, val FLOAT) AS "
        "'SELECT g, v FROM t WHERE v >= least AND v <= most'")  # fmt: skip
    assert sql("SELECT * FROM TABLE(above(3)) ORDER BY val") == [("b", 4.0), (None, 7.0)]
    assert sql("SELECT grp FROM TABLE(above(2, most => 5)) x ORDER BY x.val") == [("a",), ("b",)]
    assert sql("SELECT t.n, a.val FROM t, TABLE(above(t.v, 4)) a WHERE t.g = 'a' ORDER BY 1, 2") == [
        (1, 2.5),
        (1, 4.0),
        (2, 1.5),
        (2, 2.5),
        (2, 4.0),
    ]


def test_snowpark_registers_and_joins(snowflake_session, rows) -> None:
    class Letters:
        def process(self, word: str, times: int) -> list[tuple[str, int]]:
            for letter in word or "":
                yield (letter * times, times)

    schema = StructType([StructField("LETTER", StringType()), StructField("TIMES", IntegerType())])
    made = snowflake_session.udtf.register(Letters, output_schema=schema, input_types=[StringType(), IntegerType()])
    frame = snowflake_session.create_dataframe([["ab", 2], ["c", 1], [None, 3]], schema=["WORD", "N"])
    joined = frame.join_table_function(made(F.col("WORD"), F.col("N"))).sort("LETTER")
    assert [tuple(row) for row in joined.collect()] == [("ab", 2, "aa", 2), ("ab", 2, "bb", 2), ("c", 1, "c", 1)]
    assert snowflake_session.table_function(made(F.lit("xy"), F.lit(1))).count() == 2
    alone = frame.select("N", made("WORD", "N").alias("L", "T")).sort("L")
    assert [tuple(row) for row in alone.collect()] == [(2, "aa", 2), (2, "bb", 2), (1, "c", 1)]


def test_frames_go_through_pandas(snowflake_session, rows) -> None:
    def middle(frame: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame({"G": [frame["G"].iloc[0]], "MIDDLE": [frame["V"].median()], "ROWS_": [len(frame)]})

    schema = StructType(
        [StructField("G", StringType()), StructField("MIDDLE", FloatType()), StructField("ROWS_", IntegerType())]
    )
    table = snowflake_session.table("t").filter(F.col("G").is_not_null())
    found = table.group_by("G").apply_in_pandas(middle, output_schema=schema)
    assert sorted(tuple(row) for row in found.collect()) == [("a", 2.0, 2), ("b", 4.0, 1)]

    class Scaled:
        def end_partition(self, frame: PandasDataFrame[str, float]) -> PandasDataFrame[str, float]:
            frame.columns = ["G", "V"]
            return frame.assign(V=frame["V"] / frame["V"].max())

    made = F.pandas_udtf(
        Scaled, session=snowflake_session, output_schema=["KEY", "SCALED"],
        input_names=["G", "V"],
    )  # fmt: skip
    parts = table.select("G", "V", made("G", "V").over(partition_by="G")).select("KEY", "SCALED")
    assert sorted(tuple(row) for row in parts.collect()) == [("a", 0.6), ("a", 1.0), ("b", 1.0)]


def test_metrics_of_snowflake_ml(snowflake_session) -> None:
    from snowflake.ml.modeling import metrics

    rng = np.random.default_rng(5)
    y = rng.integers(0, 3, 200)
    guess = np.where(rng.random(200) < 0.7, y, rng.integers(0, 3, 200))
    binary, told = (y > 0).astype(int), (guess > 0).astype(int)
    score = np.clip(told * 0.6 + rng.random(200) * 0.4, 0.01, 0.99)
    frame = pd.DataFrame(
        {"Y": y, "G": guess, "B": binary, "T": told, "S": score.round(4), "W": rng.integers(1, 4, 200).astype(float)}
    )
    data = snowflake_session.create_dataframe(frame)
    for name in ("f1_score", "precision_score", "recall_score"):
        ours, theirs = getattr(metrics, name), getattr(truth, name)
        assert ours(df=data, y_true_col_names="B", y_pred_col_names="T") == pytest.approx(theirs(binary, told))
        for average in ("macro", "weighted", "micro"):
            found = ours(
                df=data, y_true_col_names="Y", y_pred_col_names="G", average=average, sample_weight_col_name="W"
            )
            assert found == pytest.approx(theirs(y, guess, average=average, sample_weight=frame["W"]))
    found = metrics.confusion_matrix(df=data, y_true_col_name="Y", y_pred_col_name="G")
    assert found.tolist() == truth.confusion_matrix(y, guess).tolist()
    assert metrics.log_loss(df=data, y_true_col_names="B", y_pred_col_names="S") == pytest.approx(
        truth.log_loss(binary, frame["S"])
    )
    numbers = frame[["Y", "S", "W"]].astype(float)
    wide = snowflake_session.create_dataframe(numbers)
    pd.testing.assert_frame_equal(metrics.correlation(df=wide), numbers.corr(), check_names=False)
    pd.testing.assert_frame_equal(metrics.covariance(df=wide), numbers.cov(), check_names=False)
