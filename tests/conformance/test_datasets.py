"""Dataset versions: made once, never changed, listed and read back."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from retail import put, rows_of

from churnobs import AlreadyExists, Entity, FeatureView, NotFound, Workspace

CUSTOMER = Entity("CUSTOMER", ("CUSTOMER_ID",))
SCORES = {"CUSTOMER_ID": "string", "SEEN": "timestamp(6)", "SCORE": "int64"}
SPINE = {"CUSTOMER_ID": "string", "AS_OF": "timestamp(6)", "CHURNED": "int64"}
MAY, JUNE = dt.datetime(2024, 5, 1), dt.datetime(2024, 6, 1)


@pytest.fixture
def view(workspace: Workspace) -> FeatureView:
    scores = [("C1", dt.datetime(2024, 4, 1), 1), ("C1", dt.datetime(2024, 5, 10), 2)]
    put(workspace, "SCORES", SCORES, [dict(zip(SCORES, row, strict=True)) for row in scores])
    spine = [("C1", MAY, 0), ("C1", JUNE, 1), ("C2", JUNE, 1)]
    put(workspace, "SPINE", SPINE, [dict(zip(SPINE, row, strict=True)) for row in spine])
    workspace.feature_store.register_entity(CUSTOMER)
    made = FeatureView("SCORES", (CUSTOMER,), "SELECT * FROM SCORES", "SEEN", sources={"SCORES": "SEEN"})
    return workspace.feature_store.register_feature_view(made, "V1")


def make(workspace: Workspace, view: FeatureView, version: str = "v1", **more: Any) -> Any:
    return workspace.feature_store.generate_dataset(
        "churn", workspace.table("SPINE"), [view], version=version, spine_timestamp_col="as_of",
        spine_label_cols=["churned"], **more,
    )  # fmt: skip


def test_a_dataset_is_what_was_known(workspace: Workspace, view: FeatureView) -> None:
    dataset = make(workspace, view, desc="first")
    rows = sorted(dataset.read.to_arrow().to_pylist(), key=lambda r: (r["AS_OF"], r["CUSTOMER_ID"]))
    assert [r["SCORE"] for r in rows] == [1, 2, None]
    version = dataset.selected_version
    assert (version.name, version.version, version.rows, version.desc) == ("CHURN", "v1", 3, "first")
    assert version.as_ofs == (MAY.date(), JUNE.date())
    assert (version.label_cols, version.exclude_cols, version.sources) == (("CHURNED",), ("AS_OF",), ("SCORES/V1",))
    assert workspace.feature_store.load_feature_views_from_dataset(dataset) == [view]


def test_readers_leave_out_labels_and_times(workspace: Workspace, view: FeatureView) -> None:
    read = make(workspace, view).read
    assert read.to_frame().columns == ["CUSTOMER_ID", "AS_OF", "CHURNED", "SCORE"]
    assert read.to_frame(only_feature_cols=True).columns == ["CUSTOMER_ID", "SCORE"]
    assert list(read.to_pandas(limit=2).columns) == ["CUSTOMER_ID", "AS_OF", "CHURNED", "SCORE"]
    assert len(read.to_pandas(limit=2)) == 2


def test_a_version_never_changes(workspace: Workspace, view: FeatureView) -> None:
    dataset = make(workspace, view)
    before = dataset.read.to_arrow()
    with pytest.raises(AlreadyExists, match="CHURN has a version v1"):
        make(workspace, view)
    put(workspace, "SPINE", SPINE, [])
    put(workspace, "SCORES", SCORES, [])
    workspace.feature_store.delete_feature_view(view)
    again = workspace.feature_store.load_dataset("churn", "v1")
    assert again.read.to_arrow().equals(before)
    assert again.selected_version == dataset.selected_version
    assert workspace.feature_store.load_feature_views_from_dataset(again) == []


def test_versions_are_listed_selected_and_deleted(workspace: Workspace, view: FeatureView) -> None:
    first = make(workspace, view, "v2")
    second = make(workspace, view, "V2", exclude_columns=["score"])
    assert first.list_versions() == ["V2", "v2"], "versions are case-sensitive"
    assert second.read.to_frame().columns == ["CUSTOMER_ID", "AS_OF", "CHURNED"]
    assert [d.version for d in workspace.feature_store.datasets("CHURN")] == ["v2", "V2"]
    assert workspace.feature_store.datasets("OTHER") == ()
    assert second.select_version("v2").selected_version == first.selected_version
    second.delete_version("V2")
    assert first.list_versions() == ["v2"]
    with pytest.raises(NotFound, match="it has v2"):
        first.select_version("V2")
    with pytest.raises(NotFound):
        workspace.feature_store.load_dataset("CHURN", "V2")
    assert first.read.to_arrow().num_rows == 3
    assert make(workspace, view, "V2").selected_version.rows == 3, "a deleted name is free again"


def test_a_dataset_that_fails_leaves_nothing(workspace: Workspace, view: FeatureView) -> None:
    spine = "SELECT CUSTOMER_ID, AS_OF, CAST(CUSTOMER_ID AS INTEGER) AS CHURNED FROM SPINE"
    from churnobs import ChurnobsError

    with pytest.raises(ChurnobsError):
        workspace.feature_store.generate_dataset("churn", spine, [view], version="v1", spine_timestamp_col="AS_OF")
    assert workspace.feature_store.datasets() == ()
    assert make(workspace, view).selected_version.rows == 3


def test_names_are_upper_cased_and_hashes_follow_the_content(workspace: Workspace, view: FeatureView) -> None:
    one, two = make(workspace, view, "a", content="x"), make(workspace, view, "b", content="y")
    again = make(workspace, view, "c", content="x")
    assert one.name == "CHURN"
    assert one.selected_version.content_hash == again.selected_version.content_hash != two.selected_version.content_hash
    assert "CHURN" in repr(one)
    assert "<table>" in one._repr_html_()
    assert rows_of(workspace, "SPINE"), "the spine is not touched"
