"""What the pages read, against pandas over the whole tables; while a run writes; and without keeping it waiting."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
import threading
import time
from pathlib import Path

import pandas as pd
import pytest
from dashboards import build
from loops import scripted, write_world

import churnobs
from churnobs import DatabaseBusy, NotFound
from churnobs.dashboard import reading as r
from churnobs.dashboard.opening import reading
from churnobs.lineage import around, edges_of, nodes_of, placed
from churnobs.months import add_months


@pytest.fixture(scope="module")
def whole(url: str) -> dict[str, pd.DataFrame]:
    """Whole tables, which no page ever reads."""
    names = ("SALES", "FEEDBACK_SENTIMENT", "PREDICTIONS", "FEATURES", "LINEAGE")
    with churnobs.connect(url, read_only=True) as workspace:
        return {name: workspace.table(name).to_pandas() for name in names}


def test_risks_are_those_of_the_tables(url: str, whole: dict[str, pd.DataFrame]) -> None:
    with reading(url) as workspace:
        found = r.risks(workspace, 40, (("GENDER", "MALE"),))
        everybody = r.risks(workspace, 10, ())
    newest = whole["PREDICTIONS"]["TIMESTAMP"].max()
    stored = whole["PREDICTIONS"][whole["PREDICTIONS"]["TIMESTAMP"] == newest]
    features = whole["FEATURES"][whole["FEATURES"]["TIMESTAMP"] == newest]
    rows = stored.merge(features[["CUSTOMER_ID", "GENDER", "CUSTOMER_SEGMENT"]], on="CUSTOMER_ID")
    male = rows[rows["GENDER"] == "MALE"].sort_values(["DEFAULT_PROBABILITY", "CUSTOMER_ID"], ascending=[False, True])
    assert found.customers["CUSTOMER_ID"].tolist() == male["CUSTOMER_ID"].head(40).tolist()
    by_segment = everybody.by_segment["CUSTOMER_SEGMENT"].set_index("SEGMENT_VALUE")
    expected = rows.groupby("CUSTOMER_SEGMENT")["DEFAULT_PROBABILITY"]
    assert by_segment["CUSTOMERS"].to_dict() == expected.size().to_dict()
    assert by_segment["MEAN_PROBABILITY"].to_dict() == pytest.approx(expected.mean().to_dict())
    cells = (rows["DEFAULT_PROBABILITY"] * r.CELLS).astype(int).clip(upper=r.CELLS - 1).value_counts()
    assert everybody.spread.set_index("CELL")["CUSTOMERS"].to_dict() == cells.to_dict()


def test_a_customer_is_what_the_tables_say(url: str, whole: dict[str, pd.DataFrame]) -> None:
    talkative = whole["FEEDBACK_SENTIMENT"]["CUSTOMER_ID"].value_counts().index
    active = set(whole["FEATURES"].query("TIMESTAMP == TIMESTAMP.max()")["CUSTOMER_ID"])
    who = next(c for c in talkative if c in active)
    with reading(url) as workspace:
        found = r.customer(workspace, who)
    sales = (
        whole["SALES"]
        .query("CUSTOMER_ID == @who")
        .assign(MONTH=lambda f: pd.to_datetime(f["TRANSACTION_DATE"]).dt.to_period("M").dt.start_time.dt.date)
    )
    since = add_months(found.as_of, -12)
    inside = sales[pd.to_datetime(sales["TRANSACTION_DATE"]).dt.date.between(since, found.as_of - dt.timedelta(days=1))]
    bought = found.purchases[found.purchases["ORDERS"] > 0].set_index("MONTH")
    assert bought["ORDERS"].to_dict() == inside.groupby("MONTH").size().to_dict()
    assert bought["AMOUNT"].to_dict() == pytest.approx(
        inside.groupby("MONTH")["TOTAL_AMOUNT"].sum().astype(float).to_dict()
    )
    assert len(found.purchases) == 12
    own = whole["FEEDBACK_SENTIMENT"].query("CUSTOMER_ID == @who")
    assert sorted(found.comments["COMMENT"]) == sorted(own["COMMENT"])
    assert found.comments["CHAT_DATE"].is_monotonic_decreasing
    said = " ".join(" ".join(text.split()) for text in own["COMMENT"])
    assert found.summary
    assert all(sentence in said for sentence in found.summary)
    with reading(url) as workspace, pytest.raises(NotFound, match="there is no customer X"):
        r.customer(workspace, "X")


def test_distributions_add_up_to_one(url: str) -> None:
    with reading(url) as workspace:
        day = r.loop_of(workspace).as_ofs()[-1]
        features = whole_features(workspace, day)
        for column in ("AGE", "SUM_TOTAL_AMOUNT_PAST_3MM", "GENDER"):
            found = r.distributions(workspace, column, day)
            assert found.groupby("WHICH")["SHARE"].sum().to_dict() == pytest.approx({"baseline": 1.0, "current": 1.0})
        shares = found[found["WHICH"] == "current"].set_index("VALUE")["SHARE"].to_dict()
        assert shares == pytest.approx(features["GENDER"].value_counts(normalize=True).to_dict())
        age = r.distributions(workspace, "AGE", day).query("WHICH == 'current'")
        middle = float((age["SHARE"] * (age["LOW"] + age["HIGH"]) / 2).sum())
        assert middle == pytest.approx(features["AGE"].mean(), abs=1.5)
        with pytest.raises(NotFound, match="AGE at 2000-01-01"):
            r.distributions(workspace, "AGE", dt.date(2000, 1, 1))


def whole_features(workspace: churnobs.Workspace, day: dt.date) -> pd.DataFrame:
    return workspace.sql(f"SELECT * FROM FEATURES WHERE CAST(TIMESTAMP AS DATE) = DATE '{day}'").to_pandas()


def test_the_drawing_gives_every_node_a_row_and_every_way_its_edges(whole: dict[str, pd.DataFrame]) -> None:
    edges = edges_of(whole["LINEAGE"])
    nodes = nodes_of(edges)
    places = placed(edges)
    assert sorted(p.row for p in places.values()) == list(range(len(nodes)))
    assert all(places[a].column < places[b].column for a, b in edges)
    for node in nodes:
        belongs = around(edges, node)
        assert set(belongs) <= set(edges)
        direct = {e for e in edges if node in e}
        assert direct <= set(belongs)
    monitor = next(n for n in nodes if n[0] == "monitor")
    assert {n[0] for n in nodes_of(around(edges, monitor))} >= {
        "table",
        "feature_view",
        "dataset",
        "model",
        "prediction",
    }


# -- while a run is writing

HOLD = """
import sys, churnobs
workspace = churnobs.connect(sys.argv[1])
print("open", flush=True)
sys.stdin.readline()
"""


def test_pages_show_what_is_published_while_a_run_writes(tmp_path: Path) -> None:
    files = write_world(tmp_path / "files", customers=300, months=7)
    url = build(tmp_path / "busy.duckdb", files)
    with reading(url) as workspace:
        free = r.risks(workspace, 25, ()), r.overview(workspace), r.drift(workspace), r.edges(workspace)
        customers = [r.customer(workspace, c) for c in free[0].customers["CUSTOMER_ID"]]
        day = r.loop_of(workspace).as_ofs()[-1]
        age = r.distributions(workspace, "AGE", day)
    writer = subprocess.Popen(
        [sys.executable, "-c", HOLD, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout is not None
    assert writer.stdout.readline() == "open\n"
    try:
        with reading(url) as workspace:
            assert workspace.is_partial
            busy = r.risks(workspace, 25, ()), r.overview(workspace), r.drift(workspace), r.edges(workspace)
            assert busy[0].customers.equals(free[0].customers)
            assert busy[0].segments == free[0].segments
            assert (busy[0].as_of, busy[0].version) == (free[0].as_of, free[0].version)
            assert busy[1].reports == free[1].reports
            assert busy[1].partial
            assert busy[2].equals(free[2])
            assert busy[3].equals(free[3])
            assert r.distributions(workspace, "AGE", day).equals(age)
            for known in customers:
                now = r.customer(workspace, known.customer_id)
                assert now.purchases.equals(known.purchases)
                assert now.comments.equals(known.comments.head(r.PUBLISHED_COMMENTS))
                assert now.pushes is None
                assert "a run is writing" in now.unexplained
            with pytest.raises(NotFound, match="X is not published"):
                r.customer(workspace, "X")
            assert r.watch(workspace).partial
    finally:
        writer.communicate("\n")
    assert writer.returncode == 0


def test_a_run_is_never_kept_waiting_by_readers(tmp_path: Path) -> None:
    """A reader in another process opens the file all the time; the run opens it to write again and again."""
    files = write_world(tmp_path / "files", customers=150, months=3)
    url = f"duckdb:{tmp_path / 'shared.duckdb'}"
    with churnobs.connect(url) as workspace:
        workspace.lifecycle(scripted(), source=files).run(1)
    read = (
        "import sys\nfrom churnobs.dashboard.opening import reading\nfrom churnobs.dashboard.reading import overview\n"
        "n = 0\nprint('reading', flush=True)\n"
        "while not sys.stdin.closed and n < 100000:\n"
        "    with reading(sys.argv[1]) as workspace:\n        overview(workspace)\n"
        "    n += 1\n    print(n, flush=True)\n"
    )
    reader = subprocess.Popen([sys.executable, "-c", read, url], stdout=subprocess.PIPE, text=True)
    assert reader.stdout is not None
    lines: list[str] = []
    follow = threading.Thread(target=lambda: lines.extend(reader.stdout or ()), daemon=True)
    follow.start()
    try:
        while len(lines) < 3:
            time.sleep(0.05)
            assert reader.poll() is None
        before = len(lines)
        for _ in range(10):
            with churnobs.connect(url, threads=1) as workspace:
                workspace.lifecycle(scripted(), source=files).run(1)
        with churnobs.connect(url, read_only=True) as workspace:
            assert len(workspace.lifecycle().history()) == 3
        while len(lines) < before + 3:
            time.sleep(0.05)
            assert reader.poll() is None
    finally:
        reader.kill()
        reader.wait()
        follow.join()
        reader.stdout.close()


def test_two_writers_are_still_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("churnobs.backends.duckdb.opening.PATIENCE", 0.1)
    url = f"duckdb:{tmp_path / 'one.duckdb'}"
    writer = subprocess.Popen(
        [sys.executable, "-c", HOLD, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout is not None
    writer.stdout.readline()
    try:
        with pytest.raises(DatabaseBusy, match=f"process {writer.pid}"):
            churnobs.connect(url)
    finally:
        writer.communicate("\n")
