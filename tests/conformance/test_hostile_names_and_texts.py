"""SQL, HTML and halves of characters in names and texts: refused or stored literally, on every backend alike."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hostile_cases import HEADER, HOSTILE, HTML, SQL
from sklearn.linear_model import LogisticRegression

from churnobs import Alert, Entity, FeatureView, ModelMonitorSourceConfig, Workspace
from churnobs.errors import BadConfig, BadFile, ChurnobsError, NotFound

pytestmark = [
    pytest.mark.long,
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning"),
]
HALF = "half \ud83d"
X = pd.DataFrame({"A": [0.0, 1.0, 2.0, 3.0]})
MODEL = LogisticRegression().fit(X, [0, 1, 0, 1])
IDS = (f"C{SQL}", HTML, '"; DROP TABLE SALES; --', "C%_\\", "🛒\u202e")


def _csv(*cells: str) -> str:
    return ",".join('"' + cell.replace('"', '""') + '"' for cell in cells) + "\n"


@pytest.fixture
def shop(workspace: Workspace, tmp_path: Path) -> Workspace:
    """January, with hostile ids and texts."""
    rows = [_csv(f"T{n}", who, f"2024-01-0{n + 1}", "false", "1", HOSTILE, "5") for n, who in enumerate(IDS)]
    (tmp_path / "sales_2024_1.csv").write_text(HEADER + "".join(rows), encoding="utf-8")
    head = "CHAT_DATE,COMMENT,CUSTOMER_ID,FEEDBACK_ID,INTERNAL_ID\n"
    said = [_csv("2024-01-05", HOSTILE, who, f"F{n}", str(n)) for n, who in enumerate(IDS)]
    (tmp_path / "feedback_raw_2024_1.csv").write_text(head + "".join(said), encoding="utf-8")
    assert workspace.ingest(tmp_path).rows_loaded == 2 * len(IDS)
    return workspace


def _whole(workspace: Workspace) -> None:
    """All sales are there, each with its own customer."""
    assert sorted(row["CUSTOMER_ID"] for row in workspace.table("SALES").collect()) == sorted(IDS)


def test_texts_of_files_are_stored_as_they_are(shop: Workspace) -> None:
    _whole(shop)
    assert {row["PAYMENT_METHOD"] for row in shop.table("SALES").collect()} == {HOSTILE}
    assert {row["COMMENT"] for row in shop.table("FEEDBACK_RAW").collect()} == {HOSTILE}
    assert sorted(row["CUSTOMER_ID"] for row in shop.table("CUSTOMER_KEYS").collect()) == sorted(IDS)
    assert "<script" not in shop.table("SALES")._repr_html_()


def test_a_month_of_hostile_texts_runs(shop: Workspace) -> None:
    (report,) = shop.lifecycle().run()
    assert (report.month, report.active) == ("2024-01", len(IDS))
    assert sorted(row["CUSTOMER_ID"] for row in shop.table("FEATURES").collect()) == sorted(IDS)
    assert "<script" not in shop.lifecycle().history()._repr_html_()


@pytest.mark.parametrize("who", ["' OR '1'='1", "C%", "%"])
def test_nobody_else_is_forgotten(shop: Workspace, who: str) -> None:
    with pytest.raises(NotFound, match="no row is of customer"):
        shop.forget(who)
    _whole(shop)


def test_one_hostile_customer_is_forgotten_alone(shop: Workspace) -> None:
    assert shop.forget(IDS[0]).rows["SALES"] == 1
    assert sorted(row["CUSTOMER_ID"] for row in shop.table("SALES").collect()) == sorted(IDS[1:])


def _view(workspace: Workspace, query: str, version: str = "v1") -> Any:
    entity = workspace.feature_store.register_entity(Entity("WHO", ("CUSTOMER_ID",)))
    return workspace.feature_store.register_feature_view(
        FeatureView("OWN", (entity,), feature_df=workspace.sql(query), desc=HOSTILE), version
    )


def _spine(workspace: Workspace) -> Any:
    return workspace.sql("SELECT DISTINCT CUSTOMER_ID FROM SALES")


ACTS: dict[str, Callable[[Workspace], Any]] = {
    "a table with a quote": lambda ws: ws.table('SALES" WHERE 1 = 0; DROP TABLE SALES; --'),
    "two statements": lambda ws: ws.sql("SELECT 1 AS A; DROP TABLE SALES").collect(),
    "a view that drops": lambda ws: _view(ws, "SELECT CUSTOMER_ID FROM SALES) AS q; DROP TABLE SALES; --"),
    "a view of two statements": lambda ws: _view(ws, "SELECT CUSTOMER_ID FROM SALES; DROP TABLE SALES"),
    "a view version with SQL": lambda ws: _view(ws, "SELECT CUSTOMER_ID, 1 AS ONE FROM CUSTOMERS", f"v{SQL}"),
    "a spine that drops": lambda ws: ws.feature_store.retrieve_feature_values(
        "SELECT 'a' AS CUSTOMER_ID) AS q; DROP TABLE SALES; --", [_view(ws, "SELECT CUSTOMER_ID, 1 AS ONE FROM CUSTOMERS")]
    ).collect(),
    "a training set over sales": lambda ws: ws.feature_store.generate_training_set(
        _spine(ws), [_view(ws, "SELECT CUSTOMER_ID, 1 AS ONE FROM CUSTOMERS")], save_as="SALES"
    ),
    "rows for the journal": lambda ws: ws.write_pandas(X, "JOURNAL"),
    "a view over sales": lambda ws: ws.sql("SELECT 1 AS A").create_or_replace_view("SALES"),
    "a model with SQL": lambda ws: ws.registry.log_model(
        MODEL, model_name=f"M{SQL}", version_name="V1", sample_input_data=X
    ),
    "half a character": lambda ws: ws.registry.log_model(
        MODEL, model_name="M", version_name="V1", sample_input_data=X, comment=HALF
    ),
    "a monitor of a table with SQL": lambda ws: ws.monitor.attach(
        "W", ModelMonitorSourceConfig('SALES"; DROP TABLE SALES; --', "TS", ("ID",), prediction_score_columns=("P",))
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", list(ACTS))
def test_sql_at_the_doors_is_refused(shop: Workspace, name: str) -> None:
    with pytest.raises(ChurnobsError) as caught:
        ACTS[name](shop)
    assert caught.value.hint
    _whole(shop)


def test_texts_of_the_registry_are_stored_as_they_are(workspace: Workspace) -> None:
    version = workspace.registry.log_model(
        MODEL, model_name="M", version_name="V1", sample_input_data=X, comment=HOSTILE, metrics={HOSTILE: HOSTILE}
    )
    model = workspace.registry.get_model("M")
    model.set_tag("T", f"it's {HTML} {SQL}")
    assert (version.comment, version.show_metrics()) == (HOSTILE, {HOSTILE: HOSTILE})
    assert model.show_tags() == {"T": f"it's {HTML} {SQL}"}
    assert "<script" not in version._repr_html_()


def test_texts_of_alerts_are_stored_as_they_are(workspace: Workspace) -> None:
    workspace.alerts.create_alert(Alert("LOW", "ROC_AUC", below=0.5, comment=HOSTILE, runbook=HOSTILE))
    found = workspace.alerts.get_alert("LOW")
    assert (found.comment, found.runbook) == (HOSTILE, HOSTILE)


def test_files_that_are_no_text_are_refused(shop: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "sales_2024_2.csv"
    path.write_bytes((HEADER + _csv("A", "B", "2024-02-01", "true", "1", "x", "1")).encode("utf-16"))
    with pytest.raises(BadFile, match="is UTF-16 text, expected CSV in UTF-8; export it as UTF-8"):
        shop.ingest(path)
    loop = shop.lifecycle(source=tmp_path)
    path.unlink()
    with pytest.raises(BadFile, match="is gone since the files were looked at"):
        loop.door.ingest(loop.source)
    with pytest.raises(BadConfig, match="half a character"):
        shop.sql(f"SELECT '{HALF}'")
    _whole(shop)
