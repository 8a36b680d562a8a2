"""Immutable dataset versions: made once, listed, read back; names as in snowflake-ml."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from churnobs.codec import content_hash
from churnobs.display import html_table
from churnobs.errors import NotFound
from churnobs.frame import Frame, quoted
from churnobs.records import DatasetVersion

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from churnobs.ports import EnginePort, FeatureStorePort


@final
class DatasetReader:
    """Reads the rows of one version."""

    def __init__(self, engine: EnginePort, version: DatasetVersion) -> None:
        self._engine = engine
        self._version = version

    def to_frame(self, *, only_feature_cols: bool = False) -> Frame:
        """The rows as a query; ``only_feature_cols`` leaves out labels and excluded columns."""
        left_out = {*self._version.label_cols, *self._version.exclude_cols} if only_feature_cols else set()
        source = quoted(self._version.table)
        kept = [c for c in self._engine.columns(f"SELECT * FROM {source}") if c not in left_out]
        return Frame(self._engine, f"SELECT {', '.join(map(quoted, kept))} FROM {source}")

    def to_pandas(self, limit: int | None = None) -> pd.DataFrame:
        """All columns, labels included; at most ``limit`` rows."""
        rows = self.to_arrow()
        frame: pd.DataFrame = (rows if limit is None else rows.slice(0, limit)).to_pandas()
        return frame

    def to_arrow(self) -> pa.Table:
        """All columns, labels included."""
        return self.to_frame().to_arrow()


@final
class Dataset:
    """A dataset with one of its versions selected."""

    def __init__(self, engine: EnginePort, port: FeatureStorePort, version: DatasetVersion) -> None:
        self._engine = engine
        self._port = port
        self.selected_version = version

    @property
    def name(self) -> str:
        """The dataset's name."""
        return self.selected_version.name

    @property
    def read(self) -> DatasetReader:
        """Readers of the selected version."""
        return DatasetReader(self._engine, self.selected_version)

    def list_versions(self) -> list[str]:
        """The names of all versions, sorted."""
        return sorted(d.version for d in self._port.datasets() if d.name == self.name)

    def select_version(self, version: str) -> Dataset:
        """The same dataset at another version; NotFound if there is none."""
        for known in self._port.datasets():
            if (known.name, known.version) == (self.name, version):
                return Dataset(self._engine, self._port, known)
        raise NotFound(
            f"dataset {self.name} has no version {version}", hint=f"it has {', '.join(self.list_versions())}"
        )

    def delete_version(self, version: str) -> None:
        """Delete a version and its rows."""
        self._port.drop_dataset(self.select_version(version).selected_version)

    def __repr__(self) -> str:
        v = self.selected_version
        return f"Dataset({v.name}, version={v.version!r}, rows={v.rows})"

    def _repr_html_(self) -> str:
        v = self.selected_version
        rows = [(d.version, d.rows, d.as_ofs, d.sources) for d in self._port.datasets() if d.name == v.name]
        return html_table(("version", "rows", "as-ofs", "sources"), rows, f"{v.name}, {v.version} selected")


def dataset_table(dataset: str, version: str) -> str:
    """The table of a dataset version; "v1" and "V1" are two, also where table names have no case.

    >>> dataset_table("CHURN", "2024_05_01")
    'CHURN$2024_05_01'
    """
    return f"{dataset}${version}" if version == version.upper() else f"{dataset}${version}${content_hash(version)[:6]}"
