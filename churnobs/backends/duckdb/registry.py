"""The simulator's registry: versions as records, artefacts as skops bytes whose checksum and types are checked."""

from __future__ import annotations

import dataclasses
import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, assert_never

import pyarrow as pa

from churnobs.artefacts import checked, checksum, dumped, loaded
from churnobs.backends.duckdb.catalog import Shelf
from churnobs.errors import RefusedArtefact
from churnobs.ports import RegistryPort, Scoring
from churnobs.records import (
    DropVersion,
    RegistryChange,
    SetAlias,
    SetComment,
    SetDefault,
    SetMetrics,
    SetTags,
    VersionRecord,
)

if TYPE_CHECKING:
    import pandas as pd

    from churnobs.backends.duckdb.database import Database
    from churnobs.ports import Readable

# rows that are scored at a time
_AT_A_TIME: Final = 50_000


class DuckDBRegistry(RegistryPort):
    """Models of one database. A loaded artefact is kept in memory under its checksum."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._shelf = Shelf(database, "MODEL_VERSIONS", VersionRecord)
        self._loaded: dict[str, Any] = {}

    def versions(self) -> list[VersionRecord]:
        """All versions of all models, oldest first."""
        return self._shelf.all()

    def tags(self, model_name: str) -> Mapping[str, str]:
        """A model's tags."""
        text = self._database.value("SELECT TAGS FROM MODEL_TAGS WHERE MODEL_NAME = ?", [model_name])
        tags: dict[str, str] = json.loads(text) if text else {}
        return tags

    def add_version(self, record: VersionRecord, model: object, sample: pd.DataFrame) -> None:  # noqa: ARG002
        """Store a fitted model under a new version; its bytes are all that is needed."""
        content = dumped(model)
        name = checksum(content)
        with self._database.transaction():
            self._database.execute(
                "INSERT INTO MODEL_ARTEFACTS SELECT ?, ? WHERE NOT EXISTS (FROM MODEL_ARTEFACTS WHERE SHA256 = ?)",
                [name, content, name],
            )
            self._put(dataclasses.replace(record, artefact=name))

    def copy_version(self, source: VersionRecord, record: VersionRecord) -> None:
        """Store a version that shares another's artefact."""
        self._put(dataclasses.replace(record, artefact=source.artefact))

    def change(self, change: RegistryChange) -> None:
        """Apply one change."""
        with self._database.transaction():
            match change:
                case SetDefault(model_name=model, version_name=version):
                    for record in self._of(model):
                        if record.is_default != (record.version_name == version):
                            self._put(dataclasses.replace(record, is_default=record.version_name == version))
                case SetAlias(model_name=model, version_name=version, alias=alias):
                    self._put(dataclasses.replace(self._one(model, version), alias=alias))
                case SetMetrics(model_name=model, version_name=version, metrics=metrics):
                    self._put(dataclasses.replace(self._one(model, version), metrics=metrics))
                case SetComment(model_name=model, version_name=version, comment=comment):
                    self._put(dataclasses.replace(self._one(model, version), comment=comment))
                case SetTags(model_name=model, tags=tags):
                    self._database.execute("DELETE FROM MODEL_TAGS WHERE MODEL_NAME = ?", [model])
                    self._database.execute("INSERT INTO MODEL_TAGS VALUES (?, ?)", [model, json.dumps(dict(tags))])
                case DropVersion(model_name=model, version_name=version):
                    self._drop(self._one(model, version))
                case _:
                    assert_never(change)

    def load(self, record: VersionRecord) -> Any:
        """The fitted model of a version."""
        if record.artefact not in self._loaded:
            stored = self._database.value("SELECT CONTENT FROM MODEL_ARTEFACTS WHERE SHA256 = ?", [record.artefact])
            if stored is None:
                raise RefusedArtefact(
                    f"the artefact of {record.version_name} is gone", hint="restore the database file"
                )
            self._loaded[record.artefact] = loaded(checked(bytes(stored), record))
        return self._loaded[record.artefact]

    def score(self, rows: Readable, keep: Sequence[str], scorings: Sequence[Scoring]) -> pa.Table:
        """Run versions over rows, some at a time: a month may be larger than memory."""
        records = {s.prefix: self._one(s.model_name, s.version_name) for s in scorings}
        # versions that share an artefact say the same
        models = {record.artefact: (self.load(record), list(record.features)) for record in records.values()}
        used = list(dict.fromkeys(name for _, names in models.values() for name in names))

        def scored(part: pa.Table) -> pa.Table:
            frame, size = part.select(used).to_pandas(), part.num_rows
            said = {artefact: _outputs(model, frame[names]) for artefact, (model, names) in models.items()}
            # one column as it came would keep all of its part in memory
            columns: dict[str, Any] = {name: part[name].take(pa.array(range(size), pa.int64())) for name in keep}
            for prefix, record in records.items():
                columns[f"{prefix}_VERSION"] = _named(record.version_name, size)
                columns[f"{prefix}_CLASS"], columns[f"{prefix}_PROBABILITY"] = said[record.artefact]
            return pa.table(columns)

        parts = self._database.batches(rows, _AT_A_TIME)
        return pa.concat_tables(list(_in_turn(scored, parts, self._database.threads)))

    def score_text(self, rows: Readable, keep: Sequence[str], scorings: Sequence[Scoring]) -> None:
        """Models run in this process."""

    def _of(self, model: str) -> list[VersionRecord]:
        return [record for record in self.versions() if record.model_name == model]

    def _one(self, model: str, version: str) -> VersionRecord:
        return next(record for record in self._of(model) if record.version_name == version)

    def _put(self, record: VersionRecord) -> None:
        self._shelf.put(record.model_name, record.version_name, record)

    def _drop(self, record: VersionRecord) -> None:
        self._shelf.remove(record.model_name, record.version_name)
        if all(other.artefact != record.artefact for other in self.versions()):
            self._database.execute("DELETE FROM MODEL_ARTEFACTS WHERE SHA256 = ?", [record.artefact])
            self._loaded.pop(record.artefact, None)


def _in_turn(work: Callable[[pa.Table], pa.Table], parts: Iterator[pa.Table], workers: int) -> Iterator[pa.Table]:
    """What becomes of each part, in their order; so many are worked on at once, and no more are read ahead."""
    first = next(parts)
    if first.num_rows < _AT_A_TIME or workers < 2:
        yield work(first)
        yield from map(work, parts)
        return
    with ThreadPoolExecutor(workers) as pool:
        waiting = deque([pool.submit(work, first)])
        for part in parts:
            waiting.append(pool.submit(work, part))
            if len(waiting) > workers:
                yield waiting.popleft().result()
        yield from (task.result() for task in waiting)


def _outputs(model: Any, features: Any) -> tuple[pa.Array, pa.Array]:
    """Classes and probabilities of class 1; a pipeline prepares the rows once for both."""
    if not len(features):
        return pa.array([], pa.int64()), pa.array([], pa.float64())
    from sklearn.model_selection import FixedThresholdClassifier
    from sklearn.pipeline import Pipeline

    if isinstance(model, Pipeline) and len(model) > 1:
        model, features = model[-1], model[:-1].transform(features)
    probabilities = model.predict_proba(features)
    if type(model) is FixedThresholdClassifier and model.response_method == "predict_proba" and model.pos_label is None:
        # what its predict does, without asking the model a second time
        least = 0.5 if model.threshold == "auto" else model.threshold
        classes = model.classes_[(probabilities[:, 1] >= least).astype(int)]
    else:
        classes = model.predict(features)
    probability = probabilities[:, list(model.classes_).index(1)]
    return pa.array(classes.astype("int64")), pa.array(probability.astype("float64"))


def _named(version: str, rows: int) -> pa.Array:
    """A version's name in every row, kept once."""
    return pa.DictionaryArray.from_arrays(
        pa.Array.from_buffers(pa.int8(), rows, [None, pa.py_buffer(bytes(rows))]), pa.array([version])
    )
