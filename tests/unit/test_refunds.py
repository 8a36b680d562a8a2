"""What a loop makes of negative amounts."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
from loops import recipe, write_shop
from pandas.testing import assert_frame_equal

import churnobs
from churnobs import BadConfig, LifecycleConfig, Month, Never
from churnobs.dashboard.opening import reading
from churnobs.dashboard.reading import customer

BACK = "T-back,C0000,{},false,1,card,-5.0\n"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A shop in which a customer who bought once in January brings it back in February."""
    folder = write_shop(tmp_path / "files", Month(2024, 1), 3)
    january, february = folder / "sales_2024_1.csv", folder / "sales_2024_2.csv"
    for path in folder.glob("*.csv"):
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        path.write_text("".join(line for line in lines if ",C0000," not in line), encoding="utf-8")
    with january.open("a", encoding="utf-8") as out:
        out.write("T-once,C0000,2024-01-20,false,1,card,20.0\n")
    with february.open("a", encoding="utf-8") as out:
        out.write(BACK.format("2024-02-10"))
    return folder


@pytest.mark.parametrize(
    ("refunds", "orders", "last", "churned"),
    [("reduce", 1, dt.date(2024, 1, 20), 1), ("orders", 2, dt.date(2024, 2, 10), 0)],
)
def test_a_customer_who_only_brings_something_back(
    files: Path, refunds: Any, orders: int, last: dt.date, churned: int
) -> None:
    config = LifecycleConfig(trainer=recipe(), policy=Never(), refunds=refunds)
    with churnobs.connect(threads=1) as workspace:
        workspace.lifecycle(config, source=files).run()
        of = "CUSTOMER_ID = 'C0000' AND TIMESTAMP = CAST('{}' AS TIMESTAMP)"
        (march,) = workspace.sql(f"SELECT * FROM FEATURES WHERE {of.format('2024-03-01')}").collect()
        assert (march["LIFETIME_ORDERS"], march["LAST_PURCHASE_DATE"]) == (orders, last)
        # the money is back in either case
        assert march["LIFETIME_SPEND"] == 15.0
        (label,) = workspace.sql(f"SELECT * FROM LABELS WHERE {of.format('2024-02-01')}").collect()
        assert label["CHURNED"] == churned


def test_the_rule_is_part_of_what_the_numbers_mean(files: Path) -> None:
    with pytest.raises(BadConfig, match="'ignore' is no rule for refunds; one of reduce, orders"):
        LifecycleConfig(refunds="ignore")  # type: ignore[arg-type]
    with churnobs.connect(threads=1) as workspace:
        workspace.lifecycle(LifecycleConfig(trainer=recipe()), source=files).run(1)
        with pytest.raises(BadConfig, match="was run with refunds='reduce', not 'orders'"):
            workspace.lifecycle(LifecycleConfig(trainer=recipe(), refunds="orders"), source=files).run(1)


@pytest.mark.parametrize("refunds", ["reduce", "orders"])
def test_people_at_risk_are_shown_by_the_same_rule(tmp_path: Path, refunds: Any) -> None:
    """What is published of those at risk, and the dashboard's page of one customer, against pandas over the sales."""
    files = write_shop(tmp_path / "files", Month(2024, 1), 5, customers=60)
    for path in files.glob("sales_*.csv"):
        rows = pd.read_csv(path, dtype=str)
        # every fourth sale is a refund, and so is the only one of a month of whoever bought once
        rows.loc[rows.index % 4 == 0, "TOTAL_AMOUNT"] = "-" + rows["TOTAL_AMOUNT"]
        once = ~rows["CUSTOMER_ID"].duplicated(keep=False) & (rows.index % 3 == 0)
        rows.loc[once, "TOTAL_AMOUNT"] = "-" + rows.loc[once, "TOTAL_AMOUNT"].str.lstrip("-")
        rows.to_csv(path, index=False)
    url = f"duckdb:{tmp_path / 'shop.duckdb'}"
    with churnobs.connect(url, threads=1) as workspace:
        workspace.lifecycle(LifecycleConfig(trainer=recipe(), policy=Never(), refunds=refunds), source=files).run()
        sales = workspace.table("SALES").to_pandas().astype({"TOTAL_AMOUNT": float})
    sales["MONTH"] = pd.to_datetime(sales["TRANSACTION_DATE"]).dt.to_period("M").dt.start_time.dt.date
    sales["ORDER"] = (sales["TOTAL_AMOUNT"] >= 0) | (refunds == "orders")
    by_hand = sales.groupby(["CUSTOMER_ID", "MONTH"]).agg(ORDERS=("ORDER", "sum"), AMOUNT=("TOTAL_AMOUNT", "sum"))
    assert (by_hand["ORDERS"] == 0).any() == (refunds == "reduce")
    with duckdb.connect(str(tmp_path / "shop.duckdb.published"), read_only=True) as published:
        bought = published.execute("FROM AT_RISK_PURCHASES").df()
        risk = published.execute("SELECT CUSTOMER_ID FROM AT_RISK").df()["CUSTOMER_ID"]
    bought["MONTH"] = pd.to_datetime(bought["MONTH"]).dt.date
    expected = by_hand[by_hand.index.get_level_values("CUSTOMER_ID").isin(risk)]
    assert_frame_equal(bought.set_index(["CUSTOMER_ID", "MONTH"]).sort_index(), expected, check_dtype=False)
    who = expected["ORDERS"].idxmin()[0]
    with reading(url) as workspace:
        page = customer(workspace, who).purchases.set_index("MONTH")
    assert page["ORDERS"].sum() == expected.loc[who]["ORDERS"].sum()
    assert page["ORDERS"][expected.loc[who].index].tolist() == expected.loc[who]["ORDERS"].tolist()
