from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from churnobs.errors import BadConfig
from churnobs.mapping import TARGETS, Condition, Mapping

COLUMNS = {"CUSTOMER_ID": "who", "TRANSACTION_DATE": "day", "TOTAL_AMOUNT": "paid"}
EXAMPLES = Path(__file__).parents[2] / "examples" / "mappings"


def test_the_demo_maps_every_column_to_itself_in_the_order_of_files() -> None:
    demo = Mapping.load(None)
    assert {kind: tuple(files.columns) for kind, files in demo.kinds.items()} == TARGETS
    assert all(files.is_identity for files in demo.kinds.values())
    assert [demo.key(kind) for kind in demo.kinds] == ["TRANSACTION_ID", "FEEDBACK_ID", "CUSTOMER_ID"]


def test_a_key_is_none_unless_its_column_is_mapped() -> None:
    assert Mapping.load({"sales": {"columns": COLUMNS}}).key("sales") is None
    assert Mapping.load({"sales": {"columns": {"TRANSACTION_ID": "no", **COLUMNS}}}).key("sales") == "TRANSACTION_ID"


def test_targets_may_be_written_in_lower_case() -> None:
    mapping = Mapping.load({"sales": {"columns": {name.lower(): source for name, source in COLUMNS.items()}}})
    assert mapping == Mapping.load({"sales": {"columns": COLUMNS}})


def test_the_examples_load() -> None:
    retail = Mapping.load(EXAMPLES / "online_retail.toml")
    assert retail.period_end == dt.date(2011, 12, 10)
    assert retail.key("sales") is None
    assert retail.sales is not None
    assert retail.sales.filter == (Condition(column="is_cancel", equals="False"),)
    assert Mapping.load(str(EXAMPLES / "cdnow.toml")).key("sales") == "TRANSACTION_ID"


def test_values_of_conditions_keep_their_types() -> None:
    written = {"column": "a", "in": ["2020-01-01"], "minimum": dt.date(2020, 1, 1), "equals": True, "maximum": 3}
    assert Condition.model_validate(written).tests == {
        "equals": True,
        "one_of": ("2020-01-01",),
        "minimum": dt.date(2020, 1, 1),
        "maximum": 3,
    }


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({}, "maps nothing"),
        ({"purchases": {}}, "purchases: Extra inputs are not permitted; allowed are sales, feedback"),
        ({"sales": {"columns": {"AMOUNT": "x", **COLUMNS}}}, "AMOUNT is no column; allowed are TRANSACTION_ID, CUST"),
        ({"sales": {"columns": {"CUSTOMER_ID": "who"}}}, "TRANSACTION_DATE is missing; required are CUSTOMER_ID"),
        ({"sales": {"columns": COLUMNS, "separator": ";"}}, "sales.separator: Extra.*allowed are file, columns, key"),
        ({"sales": {"columns": COLUMNS, "delimiter": ";;"}}, "sales.delimiter: is one character"),
        ({"sales": {"columns": COLUMNS, "decimal": ";"}}, "sales.decimal"),
        ({"sales": {"columns": COLUMNS, "encoding": "latin-1"}}, "sales.encoding"),
        ({"sales": {"columns": COLUMNS, "date_format": "%d.%m"}}, "does not hold year, month and day"),
        ({"sales": {"columns": COLUMNS, "date_format": "%Q"}}, "sales.date_format"),
        ({"sales": {"columns": COLUMNS, "key": "CUSTOMER_ID"}}, "cannot be the key; allowed are TRANSACTION_ID and"),
        ({"sales": {"columns": COLUMNS, "key": "TRANSACTION_ID"}}, "TRANSACTION_ID is not mapped"),
        ({"sales": {"columns": {"TRANSACTION_ID": "n", **COLUMNS}, "key": "none"}}, "leave TRANSACTION_ID out"),
        ({"sales": {"columns": COLUMNS, "filter": [{"column": "a"}]}}, "says nothing; give equals"),
        ({"sales": {"columns": COLUMNS, "filter": [{"column": "a", "like": "b"}]}}, "allowed are column, equals"),
        ({"sales": {"columns": COLUMNS, "filter": [{"column": "a", "in": [1, "b"]}]}}, "values of one type"),
        ({"sales": {"columns": COLUMNS}, "period_end": "soon"}, "period_end"),
        (3, "a int is no mapping"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(data: object, words: str) -> None:
    with pytest.raises(BadConfig, match=words):
        Mapping.load(data)


@pytest.mark.parametrize(
    ("text", "words"), [(b"[sales", "is no TOML"), (b"\xff", "is no TOML"), (b"[a]", r"m\.toml: a: Extra")]
)
def test_a_bad_file_is_named(tmp_path: Path, text: bytes, words: str) -> None:
    path = tmp_path / "m.toml"
    path.write_bytes(text)
    with pytest.raises(BadConfig, match=words) as caught:
        Mapping.load(path)
    assert "m.toml" in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match=r"cannot read mapping .*none\.toml"):
        Mapping.from_toml(tmp_path / "none.toml")
