"""The registry in Snowflake: versions as records, and native models that follow them; rows are scored where they are."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, assert_never

from churnobs.artefacts import checked, checksum, dumped, loaded
from churnobs.backends.snowflake.catalog import Shelf
from churnobs.backends.snowflake.ddl import literal, quoted
from churnobs.backends.snowflake.native_models import Called, NativeModels
from churnobs.errors import BadConfig
from churnobs.expressions.render import Text
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

    from churnobs.backends.snowflake.engine import SnowflakeEngine
    from churnobs.ports import Readable

_TAG_LENGTH: Final = 256


class SnowflakeRegistry(RegistryPort):
    """Models of one schema. A loaded artefact is kept in memory under its checksum."""

    def __init__(self, engine: SnowflakeEngine) -> None:
        self._engine = engine
        self._shelf = Shelf(engine, "MODEL_VERSIONS", VersionRecord)
        self._calls = Shelf(engine, "MODEL_CALLS", Called)
        self._tags = Shelf(engine, "MODEL_TAGS", SetTags)
        self._native = NativeModels(engine)
        self._loaded: dict[str, Any] = {}
        # copies whose native version waits for rows to be kept
        self._waiting: set[tuple[str, str]] = set()

    def versions(self) -> list[VersionRecord]:
        """All versions of all models, oldest first."""
        return self._shelf.all()

    def tags(self, model_name: str) -> Mapping[str, str]:
        """A model's tags."""
        found = [kept.tags for kept in self._tags.all() if kept.model_name == model_name]
        return found[0] if found else {}

    def add_version(self, record: VersionRecord, model: object, sample: pd.DataFrame) -> None:
        """Log a fitted model natively, and record it: what is logged and not recorded is replaced when it comes again."""
        content = dumped(model)
        called = self._native.log(record, model, content, sample)
        with self._engine.transaction():
            self._put(dataclasses.replace(record, artefact=checksum(content)))
            self._calls.put(record.model_name, record.version_name, called)

    def copy_version(self, source: VersionRecord, record: VersionRecord) -> None:
        """Record a version that shares another's artefact, and copy it on the server."""
        key = (record.model_name, record.version_name)
        self._waiting.add(key)

        def now() -> None:
            self._native.copy(source, record)
            self._waiting.discard(key)

        with self._engine.transaction():
            self._put(dataclasses.replace(record, artefact=source.artefact))
            self._calls.put(*key, self._calls.get(source.model_name, source.version_name))
            self._engine.outside(now)

    def change(self, change: RegistryChange) -> None:
        """Record one change; the native model follows once that is kept."""
        with self._engine.transaction():
            model, native = change.model_name, self._native
            match change:
                case SetDefault(version_name=version):
                    for record in self._of(model):
                        if record.is_default != (record.version_name == version):
                            self._put(dataclasses.replace(record, is_default=record.version_name == version))
                    self._engine.after_commit(lambda: native.set_default(model, version))
                case SetAlias(version_name=version, alias=alias):
                    former = self._one(model, version)
                    self._put(dataclasses.replace(former, alias=alias))
                    self._engine.after_commit(lambda: native.set_alias(model, version, alias, former.alias))
                case SetMetrics(version_name=version, metrics=metrics):
                    self._put(dataclasses.replace(self._one(model, version), metrics=metrics))
                    self._engine.after_commit(lambda: native.set_metrics(model, version, metrics))
                case SetComment(version_name=version, comment=comment):
                    self._put(dataclasses.replace(self._one(model, version), comment=comment))
                    self._engine.after_commit(lambda: native.set_comment(model, version, comment))
                case SetTags(tags=tags):
                    self._set_tags(change, self.tags(model), tags)
                case DropVersion(version_name=version):
                    self._drop(self._one(model, version))
                case _:
                    assert_never(change)

    def load(self, record: VersionRecord) -> Any:
        """The fitted model of a version, from the bytes that its native version keeps."""
        if record.artefact not in self._loaded:
            self._loaded[record.artefact] = loaded(checked(self._native.artefact(record), record))
        return self._loaded[record.artefact]

    def score(self, rows: Readable, keep: Sequence[str], scorings: Sequence[Scoring]) -> Text:
        """The query that runs versions over rows; versions that share an artefact are called once."""
        with self._engine.transaction():
            text = self._scored(self._engine.text(rows), keep, scorings)
        parts = ("VERSION", "CLASS", "PROBABILITY")
        return Text(text, (*keep, *(f"{scoring.prefix}_{part}" for scoring in scorings for part in parts)))

    def score_text(self, rows: Readable, keep: Sequence[str], scorings: Sequence[Scoring]) -> str:
        """The query that runs versions over rows."""
        return self.score(rows, keep, scorings).text

    def _scored(self, rows: str, keep: Sequence[str], scorings: Sequence[Scoring]) -> str:
        columns = [quoted(name) for name in keep]
        outer, inner = list(columns), list(columns)
        numbers: dict[tuple[str, tuple[str, ...]], int] = {}
        for scoring in scorings:
            record = self._one(scoring.model_name, scoring.version_name)
            called, positive = self._called(record)
            same = (record.artefact, record.features)
            if same not in numbers:
                numbers[same] = len(numbers)
                inner += self._calls_of(record, called, numbers[same])
            said, scored = f"CHURNOBS_CLASS_{numbers[same]}", f"CHURNOBS_SCORE_{numbers[same]}"
            said, scored = called.output(said, "PREDICT", 0), called.output(scored, "PREDICT_PROBA", positive)
            outer.append(f"{literal(record.version_name)} AS {quoted(f'{scoring.prefix}_VERSION')}")
            outer.append(f"CAST({said} AS NUMBER(38,0)) AS {quoted(f'{scoring.prefix}_CLASS')}")
            outer.append(f"CAST({scored} AS FLOAT) AS {quoted(f'{scoring.prefix}_PROBABILITY')}")
        return f"SELECT {', '.join(outer)} FROM (SELECT {', '.join(inner)} FROM ({rows}))"

    def _called(self, record: VersionRecord) -> tuple[Called, int]:
        """How a version is called, and which of its probabilities is that of class 1.

        Raises:
            BadConfig: it gives none.
        """
        called: Called = self._calls.get(record.model_name, record.version_name)
        if not {"PREDICT", "PREDICT_PROBA"} <= called.outputs.keys() or called.positive is None:
            raise BadConfig(
                f"{record.version_name} gives no probability of class 1",
                hint="score with a classifier of classes 0 and 1",
            )
        return called, called.positive

    def _calls_of(self, record: VersionRecord, called: Called, number: int) -> tuple[str, str]:
        """The calls of a version, by the oldest native version of the same artefact."""
        alike = (r for r in self.versions() if (r.artefact, r.features) == (record.artefact, record.features))
        there = next((r for r in alike if (r.model_name, r.version_name) not in self._waiting), record)
        version = self._native.call(there)
        return (
            f"{called.call(version, 'PREDICT')} AS CHURNOBS_CLASS_{number}",
            f"{called.call(version, 'PREDICT_PROBA')} AS CHURNOBS_SCORE_{number}",
        )

    def _set_tags(self, change: SetTags, former: Mapping[str, str], tags: Mapping[str, str]) -> None:
        long = [name for name, value in tags.items() if len(value) > _TAG_LENGTH]
        if long:
            raise BadConfig(
                f"the value of tag {long[0]} is longer than {_TAG_LENGTH}", hint="Snowflake takes no longer ones"
            )
        self._tags.put(change.model_name, "", change)
        self._engine.after_commit(lambda: self._native.set_tags(change.model_name, tags, former))

    def _drop(self, record: VersionRecord) -> None:
        model, version = record.model_name, record.version_name
        self._shelf.remove(model, version)
        self._calls.remove(model, version)
        left = self._of(model)
        if not left:
            self._tags.remove(model, "")
        if all(other.artefact != record.artefact for other in self.versions()):
            self._loaded.pop(record.artefact, None)
        default = next((r.version_name for r in left if r.is_default), None)
        self._engine.after_commit(lambda: self._native.drop(model, version, default))

    def _of(self, model: str) -> list[VersionRecord]:
        return [record for record in self.versions() if record.model_name == model]

    def _one(self, model: str, version: str) -> VersionRecord:
        return next(record for record in self._of(model) if record.version_name == version)

    def _put(self, record: VersionRecord) -> None:
        self._shelf.put(record.model_name, record.version_name, record)
