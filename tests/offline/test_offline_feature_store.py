"""The feature store, datasets and lineage of snowflake-ml, checked by value."""

from __future__ import annotations

import pandas as pd
import pytest

pytest.importorskip("fakesnow", reason="needs churnobs[offline]")

from snowflake.ml.dataset import create_from_dataframe, load_dataset
from snowflake.ml.feature_store import CreationMode, Entity, FeatureStore, FeatureView


@pytest.fixture
def store(snowflake_session, sql):
    database = snowflake_session.get_current_database().strip('"')
    made = FeatureStore(snowflake_session, database, "FS", "COMPUTE_WH", creation_mode=CreationMode.CREATE_IF_NOT_EXIST)
    snowflake_session.use_schema(f"{database}.PUBLIC")
    sql("CREATE TABLE feats (customer_id VARCHAR, ts TIMESTAMP_NTZ, f1 FLOAT, f2 INT)")
    sql("INSERT INTO feats VALUES ('a', '2024-01-01', 1, 1), ('a', '2024-01-10', 2, 2), ('b', '2024-01-05', 3, 3)")
    sql("CREATE TABLE spine (customer_id VARCHAR, ts TIMESTAMP_NTZ, label INT)")
    sql(
        "INSERT INTO spine VALUES ('a', '2024-01-05', 1), ('a', '2024-01-10', 0), ('b', '2024-01-01', 1), ('c', '2024-01-01', 0)"
    )
    return made


@pytest.fixture
def view(store, snowflake_session):
    entity = Entity("CUSTOMER", ["CUSTOMER_ID"], desc="a customer's")
    store.register_entity(entity)
    source = snowflake_session.table(f"{snowflake_session.get_current_database()}.PUBLIC.FEATS")
    draft = FeatureView("SALES_FV", [entity], source, timestamp_col="TS", desc="it's sales").attach_feature_desc(
        {"F1": "the first"}
    )
    return store.register_feature_view(draft, "v1")


EXPECTED = [
    ("a", "2024-01-05", 1, 1.0, 1),
    ("a", "2024-01-10", 0, 2.0, 2),
    ("b", "2024-01-01", 1, None, None),
    ("c", "2024-01-01", 0, None, None),
]


def rows(frame) -> list[tuple]:
    return [
        (r[0], r[1].date().isoformat(), *r[2:]) for r in (tuple(r) for r in frame.sort("CUSTOMER_ID", "TS").collect())
    ]


def test_entities(store, view) -> None:
    assert [tuple(r) for r in store.list_entities().collect()] == [
        ("CUSTOMER", '["CUSTOMER_ID"]', "a customer's", "ACCOUNTADMIN")
    ]
    with pytest.warns(UserWarning, match="already exists"):
        store.register_entity(Entity("CUSTOMER", ["OTHER"]))
    assert store.get_entity("CUSTOMER").join_keys == ["CUSTOMER_ID"]
    with pytest.raises(ValueError, match="Cannot delete Entity CUSTOMER"):
        store.delete_entity("CUSTOMER")
    with pytest.raises(ValueError, match="Cannot find Entity"):
        store.get_entity("NOBODY")


def test_a_feature_view_comes_back_as_it_was_made(store, view) -> None:
    got = store.get_feature_view("SALES_FV", "v1")
    assert (got.desc, got.timestamp_col, dict(got.feature_descs)) == ("it's sales", "TS", {"F1": "the first", "F2": ""})
    assert [(r["NAME"], r["VERSION"], r["DESC"]) for r in store.list_feature_views().collect()] == [
        ("SALES_FV", "v1", "it's sales")
    ]
    assert store.read_feature_view("SALES_FV", "v1").count() == 3
    with pytest.raises(ValueError, match="Failed to find FeatureView"):
        store.get_feature_view("SALES_FV", "v2")


def test_registering_again_keeps_the_old_and_overwrite_replaces(store, view, snowflake_session, sql) -> None:
    entity = store.get_entity("CUSTOMER")
    sql("CREATE TABLE other AS SELECT 'z' AS customer_id, '2024-01-01'::TIMESTAMP_NTZ AS ts, 9.0::FLOAT AS f1, 9 AS f2")
    draft = FeatureView(
        "SALES_FV",
        [entity],
        snowflake_session.table(f"{snowflake_session.get_current_database()}.PUBLIC.OTHER"),
        timestamp_col="TS",
    )
    with pytest.warns(UserWarning, match="already exists"):
        store.register_feature_view(draft, "v1")
    assert store.read_feature_view("SALES_FV", "v1").count() == 3
    store.register_feature_view(draft, "v1", overwrite=True)
    assert store.read_feature_view("SALES_FV", "v1").count() == 1


def test_a_training_set_is_an_as_of_join(store, view, snowflake_session) -> None:
    made = store.generate_training_set(
        snowflake_session.table("SPINE"), [view], spine_timestamp_col="TS", spine_label_cols=["LABEL"]
    )
    assert rows(made) == EXPECTED
    saved = store.generate_training_set(
        snowflake_session.table("SPINE"), [view], spine_timestamp_col="TS", save_as="TRAIN"
    )
    assert rows(saved) == EXPECTED
    plain = store.generate_training_set(snowflake_session.table("SPINE"), [view])
    assert plain.count() == 6  # without a timestamp a customer meets all of his rows


def test_a_dataset_is_a_snapshot_that_every_reader_reads(store, view, snowflake_session, sql) -> None:
    made = store.generate_dataset(
        "MYDS",
        snowflake_session.table("SPINE"),
        [view],
        version="v1",
        spine_timestamp_col="TS",
        spine_label_cols=["LABEL"],
    )
    sql("DELETE FROM feats")
    frame = made.read.to_pandas().sort_values(["CUSTOMER_ID", "TS"])
    assert [
        (r.CUSTOMER_ID, r.TS.date().isoformat(), r.LABEL, *(None if pd.isna(v) else v for v in (r.F1, r.F2)))
        for r in frame.itertuples()
    ] == EXPECTED
    assert rows(made.read.to_snowpark_dataframe()) == EXPECTED
    assert made.read.to_snowpark_dataframe(only_feature_cols=True).columns == ["CUSTOMER_ID", "F1", "F2"]
    assert len(made.read.files()) == 1
    with made.read.filesystem().open(made.read.files()[0]) as file:
        assert file.read(4) == b"PAR1"
    again = load_dataset(snowflake_session, f"{snowflake_session.get_current_database()}.FS.MYDS", "v1")
    assert again.selected_version.label_cols == ["LABEL"]
    assert [v.name for v in store.load_feature_views_from_dataset(made)] == ["SALES_FV"]
    with pytest.raises(RuntimeError, match="already exists"):
        store.generate_dataset("MYDS", snowflake_session.table("SPINE"), [view], version="v1", spine_timestamp_col="TS")


def test_versions_of_datasets(snowflake_session, sql) -> None:
    sql("CREATE TABLE s AS SELECT 1 AS a, 1.5 AS b")
    made = create_from_dataframe(snowflake_session, "DS", "x1", snowflake_session.table("S"))
    more = made.create_version("X1", snowflake_session.sql("SELECT 2 AS a, 2.5 AS b"))
    assert made.list_versions() == ["X1", "x1"]
    assert more.read.to_pandas().iloc[0].tolist() == [2, 2.5]
    made.delete_version("x1")
    assert more.list_versions() == ["X1"]
    with pytest.raises(Exception, match="does not exist"):
        made.select_version("x1")
    more.delete()
    assert sql("SHOW DATASETS") == []


def test_lineage_goes_both_ways(store, view, snowflake_session) -> None:
    made = store.generate_dataset(
        "MYDS", snowflake_session.table("SPINE"), [view], version="v1", spine_timestamp_col="TS"
    )
    up = {type(n).__name__: n for n in made.lineage("upstream")}
    assert up["FeatureView"].name == "SALES_FV"
    assert up["LineageNode"]._lineage_node_name.endswith("SPINE")
    assert [(d.fully_qualified_name.split(".")[-1], d.selected_version.name) for d in view.lineage("downstream")] == [
        ("MYDS", "v1")
    ]
    assert [n._lineage_node_name.split(".")[-1] for n in view.lineage("upstream")] == ["FEATS"]
    traced = snowflake_session.lineage.trace(
        made.fully_qualified_name, "DATASET", object_version="v1", direction="upstream", distance=2
    )
    assert traced.count() == 3


def test_a_managed_view_is_joined_as_of_the_spine(store, snowflake_session) -> None:
    entity = Entity("CUSTOMER", ["CUSTOMER_ID"])
    store.register_entity(entity)
    source = snowflake_session.table(f"{snowflake_session.get_current_database()}.PUBLIC.FEATS")
    view = FeatureView("M", [entity], source, timestamp_col="TS", refresh_freq="1 day")
    made = store.register_feature_view(view, "v1")
    assert sorted(map(tuple, store.read_feature_view(made).collect())) == sorted(map(tuple, source.collect()))
    spine = snowflake_session.table("SPINE")
    found = store.generate_training_set(spine, [made], spine_timestamp_col="TS")
    static = store.register_feature_view(FeatureView("N", [entity], source, timestamp_col="TS"), "v1")
    expected = store.generate_training_set(spine, [static], spine_timestamp_col="TS")
    assert sorted(map(repr, map(tuple, found.collect()))) == sorted(map(repr, map(tuple, expected.collect())))


def test_retrieving_with_prefixes_groups_and_slices(store, view, snowflake_session, sql) -> None:
    spine = snowflake_session.table("SPINE")
    prefixed = store.retrieve_feature_values(
        spine, [view], spine_timestamp_col="TS", auto_prefix=True, include_feature_view_timestamp_col=True
    )
    assert (
        prefixed.columns == ["CUSTOMER_ID", "TS", "LABEL", "SALES_FV_V1_TS", "SALES_FV_V1_F1", "SALES_FV_V1_F2"]
        or len(prefixed.columns) == 6
    )
    sliced = store.retrieve_feature_values(
        spine, [view.slice(["F2"])], spine_timestamp_col="TS", exclude_columns=["LABEL"]
    )
    assert sliced.columns == ["CUSTOMER_ID", "TS", "F2"]
    assert sorted(tuple(r) for r in sliced.select("CUSTOMER_ID", "F2").collect() if r[1] is not None) == [
        ("a", 1),
        ("a", 2),
    ]
    by_cte = store.generate_training_set(
        spine, [view], spine_timestamp_col="TS", spine_label_cols=["LABEL"], join_method="cte"
    )
    assert rows(by_cte) == EXPECTED
    assert store.read_feature_view("SALES_FV", "v1", keys=[["a"]], feature_names=["F1"]).count() == 2
    store.update_feature_view("SALES_FV", "v1", desc="new words")
    assert store.get_feature_view("SALES_FV", "v1").desc == "new words"
    store.delete_feature_view("SALES_FV", "v1")
    assert store.list_feature_views().count() == 0


def test_a_second_store_object_finds_what_the_first_made(store, view, snowflake_session) -> None:
    database = snowflake_session.get_current_database().strip('"')
    again = FeatureStore(snowflake_session, database, "FS", "COMPUTE_WH", creation_mode=CreationMode.FAIL_IF_NOT_EXIST)
    assert again.get_feature_view("SALES_FV", "v1").name == "SALES_FV"
    with pytest.raises(ValueError, match="does not exist"):
        FeatureStore(snowflake_session, database, "NOWHERE", "COMPUTE_WH", creation_mode=CreationMode.FAIL_IF_NOT_EXIST)
    with pytest.raises(ValueError, match="Cannot find warehouse"):
        FeatureStore(snowflake_session, database, "FS", "NO_WH", creation_mode=CreationMode.FAIL_IF_NOT_EXIST)
