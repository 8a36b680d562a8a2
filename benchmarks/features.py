"""The features of one as-of: churnobs' expression, with and without its state, beside SQL by hand and pandas.

Each variant makes a temporary table (pandas: a frame in memory, of frames that are read before) of the same columns,
and all must give the same checksum.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks.rounds import Said, alternate, cores, fair_rounds, median, peak_mb, ratio

if TYPE_CHECKING:
    import duckdb

VARIANTS: Final = ("ours", "by_hand", "ours_with_state", "pandas")
_TOLERANCE: Final = 1e-9


def measure(path: Path, *, rounds: int, with_pandas: bool) -> Said:
    """Run all variants in turn over a file of ``feature_data``; the result is one JSON line.

    Raises:
        AssertionError: two variants gave different features.
    """
    names = VARIANTS if with_pandas else VARIANTS[:-1]
    said = alternate({name: ("features", f"{path.resolve()}:{name}") for name in names}, rounds, once=("pandas",))
    for name in names[1:]:
        _assert_same(said["ours"][0]["checksum"], said[name][0]["checksum"], name)
    fair = fair_rounds(said, "ours", "by_hand")
    result: Said = {
        "benchmark": "features",
        "rows": said["ours"][0]["rows"],
        # null where no round was fair: then only the CPU ratio says something
        "ratio_to_by_hand": round(statistics.median(fair), 3) if fair else None,
        "fair_rounds": len(fair),
        "ratio_of_all_rounds": round(ratio(said, "seconds", "ours", "by_hand"), 3),
        "cpu_ratio_to_by_hand": round(ratio(said, "cpu_seconds", "ours", "by_hand"), 3),
        "state_cpu_ratio_to_by_hand": round(ratio(said, "cpu_seconds", "ours_with_state", "by_hand"), 3),
    }
    if with_pandas:
        result["pandas_over_ours"] = round(1 / ratio(said, "seconds", "ours", "pandas"), 2)
        result["pandas_with_reading_over_ours"] = round(
            said["pandas"][0]["seconds_with_reading"] / said["ours"][0]["seconds"], 2
        )
    for key, digits in (("seconds", 3), ("cpu_seconds", 3), ("peak_mb", 0)):
        result[key] = {name: round(median(said[name], key), digits) for name in names}
    result["cores"] = {name: [round(cores(one), 2) for one in said[name]] for name in names}
    result["all_seconds"] = {name: [round(one["seconds"], 2) for one in said[name]] for name in names}
    result["same_checksum"] = True
    return result


def variant(name: str, where: str) -> Said:
    """One variant in this process: once to warm up (pandas: not), then measured."""
    import duckdb

    with duckdb.connect(where, read_only=True) as connection:
        if name == "pandas":
            return _pandas(connection)
        sql = (Path(__file__).parent / "features.sql").read_text() if name == "by_hand" else _ours(name)

        def run() -> None:
            connection.execute(f"CREATE OR REPLACE TEMP TABLE MADE AS {sql}")

        run()
        connection.execute("DROP TABLE MADE")
        said = _timed(run)
        return {**said, "peak_mb": peak_mb(), **_checksum(connection)}


def _ours(name: str) -> str:
    from benchmarks.feature_data import AS_OF, STATE_AS_OF
    from churnobs.expressions.features import AsOf, customer_features
    from churnobs.expressions.render import Query

    since = STATE_AS_OF if name == "ours_with_state" else None
    return Query(customer_features, (AsOf.at(AS_OF, since=since),)).sql("duckdb")


def _timed(run: Callable[[], object]) -> Said:
    started, worked = time.perf_counter(), time.process_time()
    run()
    return {"seconds": time.perf_counter() - started, "cpu_seconds": time.process_time() - worked}


def _pandas(connection: duckdb.DuckDBPyConnection) -> Said:
    from benchmarks.feature_data import AS_OF
    from benchmarks.features_pandas import customer_features

    started = time.perf_counter()
    sales = connection.sql("SELECT CUSTOMER_KEY, TRANSACTION_DATE, TOTAL_AMOUNT FROM SALES").df()
    feedback = connection.sql(
        "SELECT CUSTOMER_KEY, CHAT_DATE, INTERNAL_ID, FEEDBACK_ID, SENTIMENT FROM FEEDBACK_SENTIMENT"
    ).df()
    customers = connection.sql("FROM CUSTOMERS").df()
    keys = connection.sql("FROM CUSTOMER_KEYS").df()
    reading = time.perf_counter() - started
    made: list[Any] = []
    said = _timed(
        lambda: made.append(customer_features(sales, feedback, customers, AS_OF).merge(keys, on="CUSTOMER_KEY"))
    )
    peak = peak_mb()
    connection.register("FRAME", made[0])
    connection.execute("CREATE TEMP TABLE MADE AS FROM FRAME")
    return {**said, "seconds_with_reading": said["seconds"] + reading, "peak_mb": peak, **_checksum(connection)}


def _checksum(connection: duckdb.DuckDBPyConnection) -> Said:
    """Rows; of each number its sum, its sum weighted by customer, and the size of what was added; text as one hash."""
    from churnobs.expressions.features import ATTRIBUTES, FEATURES

    text = ("CUSTOMER_ID", *ATTRIBUTES[1:])
    terms = ["count(*) AS ROWS_MADE", "sum(datediff('day', DATE '1970-01-01', LAST_PURCHASE_DATE::DATE)) AS LAST_DAYS"]
    terms += [f"bit_xor(hash(CUSTOMER_KEY::BIGINT, {name}))::VARCHAR AS {name}" for name in text]
    for name in (name for name in FEATURES if name not in text):
        terms.append(
            f"[sum({name}::DOUBLE), sum({name}::DOUBLE * (CUSTOMER_KEY % 1009)), sum(abs({name}::DOUBLE))] AS {name}"
        )
    asked = connection.execute(f"SELECT {', '.join(terms)} FROM MADE")
    found = dict(zip([column[0] for column in asked.description or ()], asked.fetchone() or (), strict=True))
    return {"rows": found["ROWS_MADE"], "checksum": found}


def _assert_same(ours: Said, theirs: Said, name: str) -> None:
    for column, value in ours.items():
        other = theirs[column]
        if isinstance(value, list) and value[0] is not None:
            scale = _TOLERANCE * max(value[2], 1.0)
            pairs = zip(value, other, (scale, scale * 1009, scale), strict=True)
            same = all(abs(a - b) <= most for a, b, most in pairs)
        else:
            same = value == other
        if not same:
            raise AssertionError(f"{name} has another {column}: {other}, not {value}")
