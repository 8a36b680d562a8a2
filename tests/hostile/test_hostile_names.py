"""Names, settings and SQL that users give, at every door: 100 hostile inputs, part three."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hostile_cases import HOSTILE, HTML, SQL, Case, Cases, Shop, examine
from sklearn.linear_model import LogisticRegression

from churnobs import Alert, Entity, FeatureView, LifecycleConfig, ModelMonitorSourceConfig, ToTable
from churnobs.errors import AlreadyExists, BadConfig, NotFound, RefusedArtefact, SeenRows

cases = Cases()
X = pd.DataFrame({"A": [0.0, 1.0, 2.0, 3.0]})
MODEL = LogisticRegression().fit(X, [0, 1, 0, 1])
HALF = "half \ud83d"  # of an emoji, as a cut leaves it
ANY: Any = None


def _log(shop: Shop, name: Any = "OTHER", version: Any = "V1", model: Any = MODEL, **more: Any) -> Any:
    return shop.ws.registry.log_model(model, model_name=name, version_name=version, **{"sample_input_data": X, **more})


def _view(
    shop: Shop, query: str = "SELECT CUSTOMER_ID, 1 AS ONE FROM CUSTOMERS", version: str = "v1", **more: Any
) -> Any:
    entity = shop.ws.feature_store.register_entity(Entity("WHO", ("CUSTOMER_ID",)))
    view = FeatureView("OWN", (entity,), feature_df=shop.ws.sql(query), **more)
    return shop.ws.feature_store.register_feature_view(view, version)


def _watch(shop: Shop, name: str = "WATCHED", **changes: Any) -> Any:
    rows = pd.DataFrame(
        {"ID": ["a", "b"], "TS": pd.to_datetime(["2024-01-01", "2024-01-02"]), "P": [0.2, 0.9], "Y": [0, 1],
         "SEG": [HOSTILE, "b"]}
    )  # fmt: skip
    if "PREDS" not in {r["T"] for r in shop.ws.sql("SELECT table_name AS T FROM information_schema.tables").collect()}:
        shop.ws.write_pandas(rows, "PREDS")
    how = {"source": "PREDS", "timestamp_column": "TS", "id_columns": ["ID"], "prediction_score_columns": ["P"],
           "actual_class_columns": ["Y"], "segment_columns": ["SEG"]}  # fmt: skip
    options = {
        key: changes.pop(key)
        for key in ("task", "labels", "horizon_days", "refresh_interval", "refresh")
        if key in changes
    }
    return shop.ws.monitor.attach(name, ModelMonitorSourceConfig(**{**how, **changes}), **options)


def _spine(shop: Shop, moment: str = "2024-02-01") -> Any:
    return shop.ws.sql(f"SELECT DISTINCT CUSTOMER_ID, TIMESTAMP '{moment}' AS TS FROM SALES")


# what is done -> class, words; what may have been made on the way there
REFUSED: dict[str, tuple[Any, Any, tuple[str, ...], tuple[str, ...]]] = {
    # -- SQL at the doors
    "a table with a quote": (lambda s: s.ws.table(f'X"{SQL}'), NotFound, ("X", "does not exist"), ()),
    "a table of no name": (lambda s: s.ws.table(""), BadConfig, ("zero-length", "spelling"), ()),
    "two statements": (lambda s: s.ws.sql("SELECT 1 AS A; DROP TABLE SALES").collect(), BadConfig, ("not one query",), ()),
    "no statement": (lambda s: s.ws.sql("-- nothing").collect(), BadConfig, ("not one query", "one SELECT"), ()),
    "no text for a query": (lambda s: s.ws.sql(ANY), BadConfig, ("None is no text",), ()),
    "half a character in a query": (lambda s: s.ws.sql(f"SELECT '{HALF}'"), BadConfig, ("half a character",), ()),
    "the end of a transaction": (lambda s: s.ws.sql("ROLLBACK;").collect(), BadConfig, ("not one query",), ()),
    "a query that leaves its brackets": (
        lambda s: s.ws.sql("SELECT 1 AS A) AS q; DROP TABLE SALES; --").columns, BadConfig, ("syntax error",), (),
    ),
    "a view over a table of churnobs": (
        lambda s: s.ws.sql("SELECT 1 AS A").create_or_replace_view("sales"), BadConfig, ("SALES is churnobs' own",), (),
    ),
    "a view with SQL for a name": (
        lambda s: s.ws.sql("SELECT 1 AS A").create_or_replace_view(f"V{SQL}"), BadConfig, ("is not a name", "letter"), (),
    ),
    # -- tables of one's own
    "rows for a table of churnobs": (
        lambda s: s.ws.write_pandas(X, "journal"), BadConfig, ("JOURNAL is churnobs' own table", "another name"), (),
    ),
    "rows over what a model was trained on": (
        lambda s: (_log(s, "M"), s.ws.write_pandas(X, "m_baseline", overwrite=True)), BadConfig,
        ("M_BASELINE", "trained on"), ("MODEL_VERSIONS", "MODEL_ARTEFACTS"),
    ),
    "a name of 300 letters": (lambda s: s.ws.write_pandas(X, "x" * 300), BadConfig, ("300 letters", "at most 255"), ()),
    "a name in quotes": (lambda s: s.ws.write_pandas(X, '"x"'), BadConfig, ("is not a name",), ()),
    "an empty name": (lambda s: s.ws.write_pandas(X, ""), BadConfig, ("'' is not a name",), ()),
    "columns that differ in case": (
        lambda s: s.ws.write_pandas(pd.DataFrame({"a": [1], "A": [2]}), "T"), BadConfig, ("differ in case only",), (),
    ),
    "a column of no name": (lambda s: s.ws.write_pandas(pd.DataFrame({"": [1]}), "T"), BadConfig, ("no name",), ()),
    "no columns": (lambda s: s.ws.write_pandas(pd.DataFrame(), "T"), BadConfig, ("there are no columns",), ()),
    "a column of numbers and texts": (
        lambda s: s.ws.write_pandas(pd.DataFrame({"A": [1, "a"]}), "T"), BadConfig, ("column A", "one type"), (),
    ),
    "a number of 40 digits": (
        lambda s: s.ws.write_pandas(pd.DataFrame({"A": [10**40]}), "T"), BadConfig, ("too large", "one type"), (),
    ),
    "half a character in a cell": (
        lambda s: s.ws.write_pandas(pd.DataFrame({"A": [HALF]}), "T"), BadConfig, ("cannot be stored",), (),
    ),
    # -- the feature store
    "an entity with SQL for a name": (lambda s: Entity(f"E{SQL}", ("A",)), BadConfig, ("is not a name",), ()),
    "join keys that are one text": (lambda s: Entity("E", ANY or "CUSTOMER_ID"), BadConfig, ("one text", "['CUSTOMER_ID']"), ()),
    "a view that drops a table": (
        lambda s: _view(s, "SELECT CUSTOMER_ID FROM SALES) AS q; DROP TABLE SALES; --"), BadConfig, ("syntax error",),
        ("ENTITIES",),
    ),
    "a view that is no SELECT": (lambda s: _view(s, "DROP TABLE SALES"), BadConfig, ("spelling",), ("ENTITIES",)),
    "a view of two statements": (
        lambda s: _view(s, "SELECT CUSTOMER_ID FROM SALES; SELECT 1"), BadConfig, ("not one query",), ("ENTITIES",),
    ),
    "a view of the present": (
        lambda s: _view(s, "SELECT CUSTOMER_ID, now() AS N FROM SALES"), BadConfig, ("present time", "as-of"), ("ENTITIES",),
    ),
    "a view of a stranger's table": (
        lambda s: (s.ws.write_pandas(pd.DataFrame({"CUSTOMER_ID": ["a"]}), "ODD"), _view(s, "SELECT CUSTOMER_ID FROM ODD")),
        BadConfig, ("reads ODD", "sources="), ("ODD", "ENTITIES"),
    ),
    "a view without its key": (
        lambda s: _view(s, "SELECT 1 AS ONE"), BadConfig, ("no column CUSTOMER_ID", "its columns are ONE"), ("ENTITIES",),
    ),
    "a version of a view with SQL": (lambda s: _view(s, version=f"v{SQL}"), BadConfig, ("is not a version",), ("ENTITIES",)),
    "a view that expires in a billion days": (
        lambda s: _view(s, ttl_days=10**9), BadConfig, ("ttl_days is 1000000000",), ("ENTITIES",),
    ),
    "a training set over sales": (
        lambda s: s.ws.feature_store.generate_training_set(_spine(s), [_view(s)], save_as="SALES"), BadConfig,
        ("SALES is churnobs' own",), ("ENTITIES", "FEATURE_VIEWS"),
    ),
    "a spine that drops a table": (
        lambda s: s.ws.feature_store.retrieve_feature_values(
            "SELECT 'a' AS CUSTOMER_ID) AS q; DROP TABLE SALES; --", [_view(s)]).collect(),
        BadConfig, ("syntax error",), ("ENTITIES", "FEATURE_VIEWS"),
    ),
    "a spine at the end of time": (
        lambda s: s.ws.feature_store.retrieve_feature_values(
            _spine(s, "infinity"), [_view(s)], spine_timestamp_col="TS"),
        BadConfig, ("TS", "outside the years 1 to 9999"), ("ENTITIES", "FEATURE_VIEWS"),
    ),
    "a dataset version with SQL": (
        lambda s: s.ws.feature_store.generate_dataset("D", _spine(s), [_view(s)], version='v"; DROP TABLE SALES; --'),
        BadConfig, ("is not a version", "letters"), ("ENTITIES", "FEATURE_VIEWS"),
    ),
    # -- the registry
    "a model with SQL for a name": (lambda s: _log(s, f"M{SQL}"), BadConfig, ("is not a name",), ()),
    "a model with dots in its name": (lambda s: _log(s, "A.B.C"), BadConfig, ("'A.B.C' is not a name",), ()),
    "a model without a name": (lambda s: _log(s, None), BadConfig, ("None is not a name",), ()),
    "a model named in another script": (lambda s: _log(s, "ÇHURN"), BadConfig, ("'ÇHURN' is not a name",), ()),
    "a version named LAST": (lambda s: _log(s, version="last"), BadConfig, ("LAST names a version already",), ()),
    "a version that differs in case only": (
        lambda s: (_log(s, version="v1"), _log(s, version="V1")), AlreadyExists, ("V1 already existed", "another"),
        ("MODEL_VERSIONS", "MODEL_ARTEFACTS"),
    ),
    "a model that is None": (lambda s: _log(s, model=None), BadConfig, ("NoneType is no model", "predict"), ()),
    "a model that was not fitted": (lambda s: _log(s, model=LogisticRegression()), BadConfig, ("is not fitted",), ()),
    "a model that is code": (lambda s: _log(s, model=lambda x: x), RefusedArtefact, ("not allowed", "lambda"), ()),
    "a sample that is a list": (lambda s: _log(s, sample_input_data=[1]), BadConfig, ("is no DataFrame",), ()),
    "metrics that are no JSON": (lambda s: _log(s, metrics={"a": {1, 2}}), BadConfig, ("no JSON values",), ()),
    "half a character in a comment": (lambda s: _log(s, comment=HALF), BadConfig, ("half a character",), ()),
    "half a character in a metric": (
        lambda s: _log(s).set_metric(HALF, HALF), BadConfig, ("is no JSON value",), ("MODEL_VERSIONS", "MODEL_ARTEFACTS"),
    ),
    "half a character in a tag": (
        lambda s: (_log(s), s.ws.registry.get_model("OTHER").set_tag("T", HALF)), BadConfig, ("half a character",),
        ("MODEL_VERSIONS", "MODEL_ARTEFACTS"),
    ),
    "rows that are texts": (
        lambda s: _log(s).run(pd.DataFrame({"A": ["x"]}), function_name="predict"), BadConfig, ("cannot score", "'x'"),
        ("MODEL_VERSIONS", "MODEL_ARTEFACTS"),
    ),
    "rows that are infinite": (
        lambda s: _log(s).run(pd.DataFrame({"A": [math.inf]}), function_name="predict"), BadConfig, ("infinity",),
        ("MODEL_VERSIONS", "MODEL_ARTEFACTS"),
    ),
    "a function with SQL": (
        lambda s: _log(s).run(X, function_name=f"predict{SQL}"), BadConfig, ("is not a name",),
        ("MODEL_VERSIONS", "MODEL_ARTEFACTS"),
    ),
    # -- monitors
    "a monitor with SQL for a name": (lambda s: _watch(s, f"M{SQL}"), BadConfig, ("is not a name",), ("PREDS",)),
    "a monitor of a table with SQL": (
        lambda s: _watch(s, source='PREDS"; DROP TABLE SALES; --'), BadConfig, ("is no table or view",), ("PREDS",),
    ),
    "a monitor of a table that is not there": (lambda s: _watch(s, source="NONE"), NotFound, ("NONE",), ("PREDS",)),
    "a monitor of a column with SQL": (lambda s: _watch(s, id_columns=[f"ID{SQL}"]), BadConfig, ("is not a name",), ("PREDS",)),
    "a monitor with labels with SQL": (lambda s: _watch(s, labels=f"L{SQL}"), BadConfig, ("is not a name",), ("PREDS",)),
    "a monitor with a baseline with SQL": (lambda s: _watch(s, baseline=f'B"{SQL}'), BadConfig, ("is no table",), ("PREDS",)),
    "a monitor of a task that is none": (lambda s: _watch(s, task=SQL), BadConfig, ("is no task", "one of"), ("PREDS",)),
    "a monitor that waits for ever": (
        lambda s: _watch(s, refresh_interval="9" * 40 + " days"), BadConfig, ("no refresh interval", "1 hour"), ("PREDS",),
    ),
    "a monitor of labels in a billion days": (
        lambda s: _watch(s, horizon_days=10**9), BadConfig, ("horizon_days is 1000000000",), ("PREDS",),
    ),
    "a metric with SQL": (
        lambda s: (_watch(s), s.ws.monitor.model_monitor_performance_metric("WATCHED", f"ROC_AUC{SQL}")), BadConfig,
        ("is no metric",), ("PREDS", "MONITORS", "MONITOR_DAYS", "MONITOR_SCORES", "MONITOR_HISTOGRAMS"),
    ),
    "a granularity without end": (
        lambda s: (_watch(s), s.ws.monitor.model_monitor_performance_metric("WATCHED", "ROC_AUC", "99999999999 days")),
        BadConfig, ("is no granularity",), ("PREDS", "MONITORS", "MONITOR_DAYS", "MONITOR_SCORES", "MONITOR_HISTOGRAMS"),
    ),
    "a period that ends before it starts": (
        lambda s: (_watch(s), s.ws.monitor.performance("WATCHED", start=dt.date.max, end=dt.date.min)), BadConfig,
        ("before start", "swap"), ("PREDS", "MONITORS", "MONITOR_DAYS", "MONITOR_SCORES", "MONITOR_HISTOGRAMS"),
    ),
    # -- settings
    "a loop with SQL for a name": (lambda s: s.loop(name=f"C{SQL}"), BadConfig, ("is not a name",), ()),
    "a horizon of no days": (lambda s: s.loop(horizon_days=0), BadConfig, ("horizon_days is 0", "from 1"), ()),
    "a horizon of a billion days": (lambda s: s.loop(horizon_days=10**9), BadConfig, ("horizon_days is 1000000000",), ()),
    "a horizon that is no number": (lambda s: s.loop(horizon_days=math.nan), BadConfig, ("horizon_days is nan",), ()),
    "a horizon that is a text": (lambda s: s.loop(horizon_days="30"), BadConfig, ("horizon_days is '30'",), ()),
    "a seed below zero": (lambda s: s.loop(seed=-1), BadConfig, ("seed is -1",), ()),
    "a trainer that cannot train": (lambda s: LifecycleConfig(trainer=5), BadConfig, ("int cannot train",), ()),
    "segments that are one text": (lambda s: s.loop(segment_columns="GENDER"), BadConfig, ("one text", "('GENDER',)"), ()),
    "a feature view that is half a pair": (lambda s: s.loop(feature_views=("A",)), BadConfig, ("names no feature view",), ()),
    "an alert that is none": (lambda s: LifecycleConfig(alerts=ANY), BadConfig, ("None is no Alert",), ()),
    "other settings than the months were made with": (
        lambda s: s.loop(s.template.folder, horizon_days=60).run(1), BadConfig, ("horizon_days=30, not 60", "same"), (),
    ),
    "months that are a text": (lambda s: s.loop().run(ANY or "1"), BadConfig, ("1 months cannot be processed",), ()),
    # -- alerts, corrections
    "an alert with SQL for a name": (lambda s: Alert(f"A{SQL}", "ROC_AUC", below=0.5), BadConfig, ("is not a name",), ()),
    "an alert with no number": (lambda s: Alert("A", "ROC_AUC", below=math.nan), BadConfig, ("threshold nan", "finite"), ()),
    "an alert on a metric with SQL": (lambda s: Alert("A", f"F1{SQL}", below=1), BadConfig, ("is no metric here",), ()),
    "an alert into a table of churnobs": (
        lambda s: s.ws.alerts.create_alert(Alert("A", "ROC_AUC", below=0.5, action=ToTable("SALES"))), BadConfig,
        ("alert A writes into SALES",), (),
    ),
    "an acknowledgement by nobody": (lambda s: s.ws.alerts.acknowledge("LOW", "2024-01", by=" "), BadConfig, ("nobody",), ()),
    "an alarm that never was": (
        lambda s: s.ws.alerts.acknowledge("LOW", f"2024-01{SQL}", by="me"), NotFound, ("did not fire", "it fired"), (),
    ),
    "everybody forgotten": (lambda s: s.ws.forget("' OR '1'='1"), NotFound, ("no row is of customer ' OR '1'='1",), ()),
    "a pattern forgotten": (lambda s: s.ws.forget("C%"), NotFound, ("no row is of customer C%",), ()),
    "nobody forgotten": (lambda s: s.ws.forget("  "), BadConfig, ("empty customer_id",), ()),
    "None forgotten": (lambda s: s.ws.forget(ANY), BadConfig, ("None is no text",), ()),
    "a rollback without a reason": (lambda s: s.loop().rollback("\n"), BadConfig, ("needs a reason",), ()),
    "a rollback of the first month": (lambda s: s.loop().rollback(HTML), NotFound, ("no former default", "no model"), ()),
    "a replay of a month with SQL": (
        lambda s: s.loop(s.template.folder).replay(f"2024-01{SQL}"), BadConfig, ("is not a month", "2024-05"), (),
    ),
    "a replay of a month to come": (
        lambda s: s.loop(s.template.folder).replay("2199-12"), NotFound, ("2199-12 is not finished", "2024-01"), (),
    ),
    "a revision from nowhere": (lambda s: s.loop().revise(s.tmp / "none"), NotFound, ("there is no file or folder",), ()),
    "customers at risk without a model": (lambda s: s.loop().at_risk(5), NotFound, ("no predictions",), ()),
}  # fmt: skip

cases.extend(Case(name, act, error, says, frozenset(changes)) for name, (act, error, says, changes) in REFUSED.items())


@cases.right("SELECT")
def a_reserved_word_is_a_name(shop: Shop) -> None:
    assert shop.ws.write_pandas(pd.DataFrame({"select": [1], "FROM": [2]}), "select").collect() == [
        {"SELECT": 1, "FROM": 2}
    ]


@cases.right("ODD")
def columns_with_quotes_and_sql(shop: Shop) -> None:
    rows = pd.DataFrame({'a"b': [1], f"X{SQL}": [2], HTML: [3]})
    stored = shop.ws.write_pandas(rows, "odd")
    assert list(stored.collect()[0].values()) == [1, 2, 3]
    assert "<script" not in stored._repr_html_().lower()
    assert shop.ws.table("odd").count() == 1


@cases.right("ODD")
def numbers_at_the_edges(shop: Shop) -> None:
    given = [math.inf, -1e308, 5e-324, -0.0]
    found = shop.ws.write_pandas(pd.DataFrame({"A": given}), "odd").to_pandas()["A"]
    assert np.array_equal(found.to_numpy(), np.array(given))


@cases.right("MODEL_VERSIONS", "MODEL_ARTEFACTS", "MODEL_TAGS")
def hostile_texts_in_the_registry(shop: Shop) -> None:
    version = _log(shop, comment=HOSTILE, metrics={HOSTILE: [HOSTILE, math.nan]})
    model = shop.ws.registry.get_model("other")
    model.set_tag("T", HOSTILE)
    version.set_alias("select")
    shop.close()
    model = shop.ws.registry.get_model("OTHER")
    again = model.version("SELECT")
    assert (again.comment, model.show_tags()) == (HOSTILE, {"T": HOSTILE})
    assert again.show_metrics()[HOSTILE][0] == HOSTILE
    assert math.isnan(again.show_metrics()[HOSTILE][1])
    for shown in (again, model):
        assert "<script" not in shown._repr_html_()
    again.comment = "x" * 1_000_000
    assert len(shop.ws.registry.get_model("OTHER").version("V1").comment) == 1_000_000


@cases.right("ENTITIES", "FEATURE_VIEWS", "DATASETS", "D$2024.02-X")
def hostile_texts_in_the_feature_store(shop: Shop) -> None:
    store = shop.ws.feature_store
    view = _view(
        shop, f'SELECT CUSTOMER_ID, \'{SQL.replace(chr(39), chr(39) * 2)}\' AS "a""b" FROM CUSTOMERS', desc=HOSTILE
    )
    assert view.features == ('A"B',)
    dataset = store.generate_dataset(
        "D", _spine(shop), [view], version="2024.02-X", spine_timestamp_col="TS", desc=HOSTILE
    )
    assert {row['A"B'] for row in dataset.read.to_arrow().to_pylist()} == {SQL}
    assert "<script" not in dataset._repr_html_() + view._repr_html_()
    table = dataset.selected_version.table
    with pytest.raises(BadConfig):
        shop.ws.write_pandas(X, table, overwrite=True)
    assert store.load_dataset("D", "2024.02-X").selected_version.desc == HOSTILE


@cases.right("PREDS", "MONITORS", "MONITOR_DAYS", "MONITOR_SCORES", "MONITOR_HISTOGRAMS", "MONITOR_BINS")
def a_segment_that_is_hostile(shop: Shop) -> None:
    monitor = _watch(shop)
    named = '{"SEGMENTS": [{"column": "SEG", "value": %s}]}'
    import json

    for value, rows in ((HOSTILE, 1.0), ("b' OR '1'='1", 0.0)):
        found = shop.ws.monitor.model_monitor_stat_metric(
            "WATCHED", "COUNT", "P", "ALL", extra_args=named % json.dumps(value)
        )
        assert found["METRIC_VALUE"].fillna(0).sum() == rows
    assert "<script" not in monitor._repr_html_() if hasattr(monitor, "_repr_html_") else True


@cases.right("ALERTS", "ALERT_HISTORY")
def hostile_texts_in_an_alert(shop: Shop) -> None:
    class Sure:
        words = HOSTILE

        def look(self, observed: Any) -> Any:
            from churnobs.alerts import Finding

            return Finding(
                "M", 1.0, 0.0, fired=True, derived=HOSTILE, words=HOSTILE, proposed=HOSTILE, columns=(HOSTILE,)
            )

    def fails(event: Any) -> None:
        raise ValueError(f"{HTML} at https://hooks.example.com/SECRET")

    shop.ws.alerts.create_alert(Alert("SURE", Sure(), comment=HOSTILE, runbook=HOSTILE, action=fails))
    from churnobs.alerts import Observed

    (row,) = shop.ws.alerts.execute_alert("SURE", Observed(month="2024-01", as_of=dt.date(2024, 2, 1)))
    assert row["STATE"] == "ACTION_FAILED", row
    assert "SECRET" not in row["SQL_ERROR_MESSAGE"]
    assert HTML in row["SQL_ERROR_MESSAGE"]
    (event,) = shop.ws.alerts.alarms("SURE")
    for page in (event.html_page(), event._repr_html_(), shop.ws.alerts.get_alert("SURE")._repr_html_()):
        assert "<script" not in page
        assert "<img" not in page


def test_seen_rows_are_no_measure_is_tested_elsewhere() -> None:
    assert issubclass(SeenRows, ValueError)


@pytest.mark.parametrize("case", cases.params(share=3))
def test_hostile_names(case: Case, shop: Shop) -> None:
    examine(case, shop)
