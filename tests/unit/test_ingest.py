"""What loading does in DuckDB alone; what it means is told in tests/conformance."""

from __future__ import annotations

from pathlib import Path

import churnobs
from churnobs.errors import BadFile, ChurnobsError


def test_keys_and_order_do_not_depend_on_threads(tmp_path: Path) -> None:
    rows = [f"t{i},c{i * 7919 % 50021},2024-05-{i * 31 % 31 + 1:02d},,1,,{i}.25\n" for i in range(150_000)]
    path = tmp_path / "sales_2024_5.csv"
    path.write_text("".join(rows))
    found = []
    for threads in (1, 4):
        with churnobs.connect(threads=threads) as workspace:
            workspace.ingest(path)
            queries = ("SELECT CUSTOMER_KEY, TRANSACTION_ID FROM SALES", "SELECT * FROM CUSTOMER_KEYS")
            found.append([workspace.sql(query).collect() for query in queries])
            joined = workspace.sql("SELECT 1 FROM SALES JOIN CUSTOMER_KEYS USING (CUSTOMER_KEY, CUSTOMER_ID)")
            assert joined.count() == 150_000
    assert found[0] == found[1]


def test_every_error_is_one_of_ours() -> None:
    assert issubclass(BadFile, ChurnobsError)
