"""The point-in-time join, the records around it, and what the feature store refuses."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from retail import put

from churnobs import BadConfig, Entity, FeatureView, NotFound, Workspace
from churnobs.tables import PREDICTIONS

same_workspace = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
CUSTOMER = Entity("customer", ("customer_id",), desc="who buys")
SCORES = {"CUSTOMER_ID": "string", "SEEN": "timestamp(6)", "SCORE": "int64"}
SPINE = {"CUSTOMER_ID": "string", "AS_OF": "timestamp(6)", "LABEL": "int64", "N": "int64"}
DAY = dt.datetime(2024, 5, 1)


def at(days: int) -> dt.datetime:
    return DAY + dt.timedelta(days=days)


def own(
    workspace: Workspace,
    *,
    known_at: bool = False,
    unique: bool = False,
    ttl: int | None = None,
    name: str = "SCORES",
    timestamp: str | None = "SEEN",
) -> FeatureView:
    workspace.feature_store.register_entity(CUSTOMER)
    sql = "SELECT CUSTOMER_ID, SEEN, SCORE FROM SCORES" if timestamp else "SELECT CUSTOMER_ID, SCORE FROM SCORES"
    more: dict[str, Any] = {"known_at": known_at, "unique": unique, "ttl_days": ttl, "sources": {"SCORES": "SEEN"}}
    view = FeatureView(name, (CUSTOMER,), workspace.sql(sql), timestamp, **more)
    return workspace.feature_store.register_feature_view(view, "V1", overwrite=True)


def fill(workspace: Workspace, scores: list[tuple[Any, Any, Any]], spine: list[tuple[Any, Any]]) -> None:
    put(workspace, "SCORES", SCORES, [dict(zip(SCORES, row, strict=True)) for row in scores])
    put(
        workspace,
        "SPINE",
        SPINE,
        [{"CUSTOMER_ID": c, "AS_OF": t, "LABEL": 1, "N": n} for n, (c, t) in enumerate(spine)],
    )


def training_set(workspace: Workspace, view: FeatureView, **more: Any) -> list[dict[str, Any]]:
    found = workspace.feature_store.generate_training_set(
        workspace.table("SPINE"), [view], spine_timestamp_col="as_of", spine_label_cols=["LABEL"], **more
    )
    return sorted(found.collect(), key=lambda row: row["N"])


keys = st.none() | st.sampled_from(["C1", "C2", "C3"])
moments = st.integers(-3, 3).map(at) | st.integers(-60, 60).map(lambda h: DAY + dt.timedelta(hours=h))


@pytest.mark.parametrize(
    ("known_at", "unique", "ttl"),
    [
        (False, False, None),
        (True, False, None),
        (False, True, 1),
        (True, True, None),
        (True, True, 0),
        (True, False, 0),
    ],
)
@same_workspace
@given(
    scores=st.lists(st.tuples(keys, moments, st.none() | st.integers(0, 3)), max_size=12),
    spine=st.lists(st.tuples(keys, st.none() | moments), min_size=1, max_size=8),
)
def test_each_row_meets_the_newest_row_known(
    workspace: Workspace, known_at: bool, unique: bool, ttl: int | None, scores: list[Any], spine: list[Any]
) -> None:
    if unique:
        scores = list({(customer, seen): (customer, seen, score) for customer, seen, score in scores}.values())
    fill(workspace, scores, spine)
    if all(moment is None for _, moment in spine):
        return
    view = own(workspace, known_at=known_at, unique=unique, ttl=ttl)
    rows = training_set(workspace, view)
    assert [row["N"] for row in rows] == list(range(len(spine))), "every spine row stays one row"
    for row, (key, moment) in zip(rows, spine, strict=True):
        assert (row["CUSTOMER_ID"], row["AS_OF"], row["LABEL"]) == (key, moment, 1)
        as_of = None if moment is None else dt.datetime.combine(moment.date(), dt.time())
        known = [
            (seen, score)
            for customer, seen, score in scores
            if key is not None
            and customer == key
            and as_of is not None
            and (seen <= as_of if known_at else seen < as_of)
            and (ttl is None or seen >= as_of - dt.timedelta(days=ttl))
        ]
        newest = max((seen for seen, _ in known), default=None)
        assert row["SCORE"] in ({score for seen, score in known if seen == newest} or {None})


def test_ties_do_not_depend_on_the_order_of_the_rows(workspace: Workspace) -> None:
    rows = [("C1", at(-1), score) for score in (3, 1, 2)]
    seen = []
    for order in (rows, rows[::-1]):
        fill(workspace, order, [("C1", DAY)])
        view = workspace.feature_store.get_feature_view("SCORES", "V1") if seen else own(workspace)
        seen.append(training_set(workspace, view)[0]["SCORE"])
    assert seen[0] == seen[1]


def test_an_event_counts_from_the_next_day_and_a_known_row_from_its_moment(workspace: Workspace) -> None:
    fill(workspace, [("C1", at(-1), 1), ("C1", at(0), 2)], [("C1", DAY)])
    assert training_set(workspace, own(workspace))[0]["SCORE"] == 1
    assert training_set(workspace, own(workspace, known_at=True, name="KNOWN"))[0]["SCORE"] == 2


def test_a_view_without_a_timestamp_does_not_multiply_the_spine(workspace: Workspace) -> None:
    fill(workspace, [("C1", at(-2), 1), ("C1", at(-1), 2), ("C1", at(5), 9)], [("C1", DAY), ("C1", DAY), ("C2", DAY)])
    view = own(workspace, timestamp=None)
    assert [row["SCORE"] for row in training_set(workspace, view)] == [1, 1, None]
    now = workspace.feature_store.retrieve_feature_values(workspace.table("SPINE"), [view])
    assert now.count() == 3


def test_two_views_stand_side_by_side(workspace: Workspace) -> None:
    fill(workspace, [("C1", at(-1), 5)], [("C1", DAY), ("C9", DAY)])
    one = own(workspace)
    renamed = FeatureView(
        "TWICE",
        (CUSTOMER,),
        "SELECT CUSTOMER_ID, SEEN, SCORE * 2 AS DOUBLED FROM SCORES",
        "SEEN",
        sources={"SCORES": "SEEN"},
    )
    two = workspace.feature_store.register_feature_view(renamed, "V1")
    found = workspace.feature_store.generate_training_set(
        "SELECT * FROM SPINE", [one, two], spine_timestamp_col="AS_OF", exclude_columns=["n"]
    )
    assert found.columns == ["CUSTOMER_ID", "AS_OF", "LABEL", "SCORE", "DOUBLED"]
    assert Counter((r["SCORE"], r["DOUBLED"]) for r in found.collect()) == Counter({(5, 10): 1, (None, None): 1})
    clash = workspace.feature_store.register_feature_view(
        FeatureView(
            "CLASH", (CUSTOMER,), "SELECT CUSTOMER_ID, SEEN, 1 AS SCORE FROM SCORES", "SEEN", sources={"SCORES": "SEEN"}
        ),
        "V1",
    )
    with pytest.raises(BadConfig, match="two feature views have a column SCORE"):
        workspace.feature_store.generate_training_set("SELECT * FROM SPINE", [one, clash], spine_timestamp_col="AS_OF")


def test_a_saved_training_set_is_a_table(workspace: Workspace) -> None:
    fill(workspace, [("C1", at(-1), 5)], [("C1", DAY)])
    training_set(workspace, own(workspace), save_as="training")
    assert workspace.table("TRAINING").collect()[0]["SCORE"] == 5


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"spine_timestamp_col": "NOPE"}, "no column NOPE"),
        ({"spine_timestamp_col": "AS_OF", "exclude_columns": ["NOPE"]}, "NOPE not in the training set"),
        ({"spine_timestamp_col": "AS_OF", "spine_label_cols": ["NOPE"]}, "NOPE not in the training set"),
    ],
)
def test_unknown_columns_are_named(workspace: Workspace, arguments: dict[str, Any], words: str) -> None:
    fill(workspace, [], [("C1", DAY)])
    view = own(workspace)
    with pytest.raises(BadConfig, match=words):
        workspace.feature_store.generate_training_set(workspace.table("SPINE"), [view], **arguments)


def test_what_a_spine_must_have(workspace: Workspace) -> None:
    fill(workspace, [], [("C1", None)])
    view = own(workspace)
    store = workspace.feature_store
    with pytest.raises(BadConfig, match="no row with a timestamp"):
        store.generate_training_set(workspace.table("SPINE"), [view], spine_timestamp_col="AS_OF")
    with pytest.raises(BadConfig, match="a join key of SCORES"):
        store.generate_training_set("SELECT AS_OF FROM SPINE", [view], spine_timestamp_col="AS_OF")
    with pytest.raises(BadConfig, match="no feature views"):
        store.generate_training_set("SELECT AS_OF FROM SPINE", [])
    with pytest.raises(BadConfig, match="has not been registered"):
        store.generate_training_set(workspace.table("SPINE"), [FeatureView("DRAFT", (CUSTOMER,), "SELECT 1")])


def test_without_an_as_of_a_view_of_one_moment_gives_its_newest_rows(workspace: Workspace) -> None:
    fill(workspace, [("C1", at(-1), 5), ("C1", at(1), 6), ("C2", at(-2), 7)], [("C1", at(0)), ("C2", at(0))])
    view = own(workspace, known_at=True, unique=True, ttl=0)
    found = workspace.feature_store.retrieve_feature_values(workspace.table("SPINE"), [view]).collect()
    assert sorted((row["CUSTOMER_ID"], row["SCORE"]) for row in found) == [("C1", 6), ("C2", 7)]


def test_entities_are_registered_once(workspace: Workspace) -> None:
    store = workspace.feature_store
    assert (
        store.register_entity(CUSTOMER)
        == store.get_entity("Customer")
        == Entity("CUSTOMER", ("CUSTOMER_ID",), "who buys")
    )
    assert store.register_entity(CUSTOMER) == CUSTOMER
    with pytest.warns(UserWarning, match="registered already"):
        assert store.register_entity(Entity("CUSTOMER", ("OTHER",))).join_keys == ("CUSTOMER_ID",)
    assert store.list_entities().to_dict("list") == {
        "NAME": ["CUSTOMER"], "JOIN_KEYS": [["CUSTOMER_ID"]], "DESC": ["who buys"]}  # fmt: skip
    with pytest.raises(NotFound):
        store.get_entity("SHOP")
    fill(workspace, [], [])
    view = own(workspace)
    with pytest.raises(BadConfig, match="SCORES/V1 use it"):
        store.delete_entity("CUSTOMER")
    store.delete_feature_view(view)
    store.delete_entity("CUSTOMER")
    assert store.list_entities().empty


def test_feature_views_have_versions(workspace: Workspace) -> None:
    fill(workspace, [("C1", at(-1), 5), ("C1", at(1), 6)], [])
    store, first = workspace.feature_store, own(workspace)
    assert (first.status, first.name, first.feature_names, first.timestamp_col) == (
        "STATIC",
        "SCORES",
        ("SCORE",),
        "SEEN",
    )
    other = FeatureView(
        "scores",
        (CUSTOMER,),
        "SELECT CUSTOMER_ID, SEEN, -SCORE AS LESS FROM SCORES",
        "SEEN",
        sources={"SCORES": "SEEN"},
    )
    with pytest.warns(UserWarning, match="registered already"):
        assert store.register_feature_view(other, "V1") == first
    assert store.register_feature_view(other, "v1").features == ("LESS",), "the case of a version is kept"
    assert store.register_feature_view(other, "V1", overwrite=True).features == ("LESS",)
    assert store.get_feature_view("SCORES", "V1").features == ("LESS",)
    listed = store.list_feature_views(entity_name="CUSTOMER", feature_view_name="sc")
    assert listed[["NAME", "VERSION"]].values.tolist() == [["SCORES", "V1"], ["SCORES", "v1"]]
    assert store.list_feature_views(feature_view_name="X").empty
    assert store.list_feature_views(entity_name="SHOP").empty
    assert store.read_feature_view("SCORES", "V1").count() == 2
    store.delete_feature_view("SCORES", "V1")
    with pytest.raises(NotFound):
        store.get_feature_view("SCORES", "V1")


def test_what_a_view_must_have(workspace: Workspace) -> None:
    fill(workspace, [], [])
    store = workspace.feature_store
    with pytest.raises(NotFound, match="CUSTOMER"):
        store.register_feature_view(FeatureView("X", (CUSTOMER,), "SELECT CUSTOMER_ID FROM SCORES"), "V1")
    store.register_entity(CUSTOMER)
    for view, words in (
        (
            FeatureView("X", (CUSTOMER,), "SELECT SCORE FROM SCORES", sources={"SCORES": "SEEN"}),
            "no column CUSTOMER_ID",
        ),
        (
            FeatureView("X", (CUSTOMER,), "SELECT CUSTOMER_ID FROM SCORES", "SEEN", sources={"SCORES": "SEEN"}),
            "no column SEEN",
        ),
        (FeatureView("X", (CUSTOMER,), "SELECT CUSTOMER_ID FROM SCORES"), "which column dates its rows"),
        (FeatureView("X", (CUSTOMER,), 5), "is no query"),
    ):
        with pytest.raises(BadConfig, match=words):
            store.register_feature_view(view, "V1")
    with pytest.raises(BadConfig):
        FeatureView("A$B", (CUSTOMER,))
    with pytest.raises(BadConfig):
        Entity("CUSTOMER", ("ID", "id"))


def test_a_stamp_of_the_day_counts_only_where_it_says_when_a_row_was_known(workspace: Workspace) -> None:
    rows = [{"CUSTOMER_ID": "C1", "TIMESTAMP": at(d), "BASE_PROBABILITY": d / 10} for d in (-1, 0, 1)]
    put(workspace, "PREDICTIONS", PREDICTIONS, rows)
    fill(workspace, [], [("C1", DAY)])
    workspace.feature_store.register_entity(CUSTOMER)
    sql = "SELECT CUSTOMER_ID, TIMESTAMP, BASE_PROBABILITY AS FORMER FROM PREDICTIONS"
    for known_at, former in ((False, -0.1), (True, 0.0)):
        view = FeatureView(f"FORMER_{known_at}", (CUSTOMER,), sql, "TIMESTAMP", known_at=known_at)
        registered = workspace.feature_store.register_feature_view(view, "V1")
        assert [row["FORMER"] for row in training_set(workspace, registered)] == [former]
