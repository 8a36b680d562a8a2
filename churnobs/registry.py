"""Models and their versions; names, arguments and rules as in snowflake-ml's Registry."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, final

from churnobs.codec import to_json
from churnobs.errors import AlreadyExists, BadConfig, NotFound, SeenRows
from churnobs.model import SYSTEM_ALIASES, Model, ModelVersion
from churnobs.ports import Scoring
from churnobs.records import (
    DropVersion,
    FittedOn,
    Half,
    VersionRecord,
    identifier,
)

if TYPE_CHECKING:
    import datetime as dt

    import pandas as pd
    import pyarrow as pa

    from churnobs.lifecycle.corrections import Rollback
    from churnobs.ports import EnginePort, Readable, RegistryPort


@final
class Registry:
    """Logs models, finds them, and refuses to measure a version on rows it was fitted on."""

    def __init__(self, engine: EnginePort, port: RegistryPort, roll_back: Callable[[str, str], Rollback]) -> None:
        self.engine = engine
        self.port = port
        self._roll_back = roll_back

    def log_model(
        self,
        model: Any,
        *,
        model_name: str,
        version_name: str,
        comment: str = "",
        metrics: Mapping[str, Any] | None = None,
        sample_input_data: pd.DataFrame | None = None,
        task: str | None = None,
        fitted_on: Sequence[FittedOn] = (),
        linked_to: str | None = None,
        recipe: str = "",
    ) -> ModelVersion:
        """Store a fitted model as a new version; the first version of a model becomes its default.

        Args:
            model: a fitted scikit-learn style estimator, or a ModelVersion to copy on the server.
            version_name: upper-cased.
            sample_input_data: a few rows of the feature columns; they fix which columns the version reads.
            task: TABULAR_BINARY_CLASSIFICATION, TABULAR_MULTI_CLASSIFICATION or TABULAR_REGRESSION; read off a scikit-learn
                style model, whatever is given.
            fitted_on: the dataset versions behind it; what they hold is refused as a measure of this version.
            linked_to: the version this one was refitted from.

        Raises:
            AlreadyExists: the version is there.
            BadConfig: a name that is none, no sample for a new model, or anything but a name with a copy.
            RefusedArtefact: the model holds types that are not data.
        """
        name, version = identifier(model_name), identifier(version_name)
        if any(r.version_name == version for r in self._records(name)):
            raise AlreadyExists(f"model {name} version {version} already existed", hint="choose another version_name")
        if version in SYSTEM_ALIASES:
            raise BadConfig(f"{version} names a version already", hint="choose another version_name")
        first = not self._records(name)
        if isinstance(model, ModelVersion):
            if comment or metrics or sample_input_data is not None or fitted_on:
                raise BadConfig(
                    "a copy takes model_name and version_name only", hint="set metrics on the copy afterwards"
                )
            source = model.record
            copy = dataclasses.replace(
                source, model_name=name, version_name=version, alias=None, is_default=first, metrics={}, comment=""
            )
            copy = dataclasses.replace(copy, linked_to=f"{source.model_name}/{source.version_name}")
            self.port.copy_version(source, copy)
            return ModelVersion(self, copy)
        if sample_input_data is None:
            raise BadConfig("log_model needs sample_input_data", hint="pass a few rows of the training features")
        if not hasattr(sample_input_data, "columns"):
            raise BadConfig("sample_input_data is no DataFrame", hint="pass a few rows of the training features")
        _check_fitted(model)
        try:
            to_json(metrics or {})
        except TypeError as error:
            raise BadConfig(
                f"the metrics are no JSON values: {error}", hint="give numbers, texts, lists or dicts"
            ) from error
        record = VersionRecord(
            model_name=name,
            version_name=version,
            task=_task_of(model, task),
            comment=comment,
            features=tuple(str(c) for c in sample_input_data.columns),
            functions=tuple(f.upper() for f in ("predict", "predict_proba") if hasattr(model, f)),
            fitted_on=tuple(fitted_on),
            metrics=dict(metrics or {}),
            is_default=first,
            linked_to=linked_to,
            recipe=recipe,
        )
        self.port.add_version(record, model, sample_input_data)
        return ModelVersion(self, record)

    def get_model(self, model_name: str) -> Model:
        """A model; NotFound if there is none."""
        name = identifier(model_name)
        self.records(name)
        return Model(self, name)

    def models(self) -> list[Model]:
        """All models."""
        return [Model(self, name) for name in dict.fromkeys(r.model_name for r in self.port.versions())]

    def show_models(self) -> pd.DataFrame:
        """One row a model: name, versions, default_version_name."""
        import pandas as pd

        rows = [(m.name, [v.version_name for v in m.versions()], m.default.version_name) for m in self.models()]
        return pd.DataFrame(rows, columns=["name", "versions", "default_version_name"])

    def delete_model(self, model_name: str) -> None:
        """Delete a model with all its versions."""
        for record in self.records(identifier(model_name)):
            self.port.change(DropVersion(record.model_name, record.version_name))

    def rollback(self, reason: str, *, model_name: str = "CHURN") -> Rollback:
        """Put a loop's former default back, as ``Lifecycle.rollback`` does; ``model_name`` is the name of the loop.

        Raises:
            NotFound, BadConfig, DatabaseBusy: as there.
        """
        return self._roll_back(identifier(model_name), reason)

    def records(self, model_name: str) -> list[VersionRecord]:
        """What is known of the versions of a model, oldest first; NotFound if there is none."""
        found = self._records(model_name)
        if not found:
            raise NotFound(f"unable to find model {model_name}", hint="models() lists what is registered")
        return found

    def record(self, model_name: str, version_name: str) -> VersionRecord:
        """What is known of one version now; NotFound if it was deleted."""
        for found in self._records(model_name):
            if found.version_name == version_name:
                return found
        raise NotFound(f"model {model_name} has no version {version_name}", hint="versions() lists what there is")

    def score(
        self,
        rows: Readable,
        keep: Sequence[str],
        versions: Mapping[str, VersionRecord],
        *,
        unseen: tuple[dt.date, Half | None] | None = None,
    ) -> Readable | pa.Table:
        """Run versions over rows, to be written or read by the engine.

        Args:
            rows: the feature columns and what is kept.
            keep: columns that come back as they are.
            versions: output prefix -> version; each gives PREFIX_VERSION, PREFIX_CLASS, PREFIX_PROBABILITY.
            unseen: the as-of (and half of its customers) that the scores are to measure.

        Raises:
            SeenRows: a version was fitted on any of the rows that are to measure it.
        """
        if unseen is not None:
            for record in versions.values():
                self.refuse_seen(record, *unseen)
        return self.port.score(rows, keep, [Scoring(p, r.model_name, r.version_name) for p, r in versions.items()])

    def score_text(self, rows: Readable, keep: Sequence[str], versions: Mapping[str, VersionRecord]) -> str | None:
        """The statement that would run versions over rows; None where models run outside the engine."""
        return self.port.score_text(rows, keep, [Scoring(p, r.model_name, r.version_name) for p, r in versions.items()])

    def refuse_seen(self, record: VersionRecord, as_of: dt.date, half: Half | None = None) -> None:
        """Raise SeenRows when a version was fitted on rows of an as-of."""
        if record.saw(as_of, half):
            raise SeenRows(
                f"version {record.version_name} was fitted on customers of {as_of}",
                hint="measure it on an as-of that became final after it was fitted",
            )

    def linked(self, name: str, direction: str) -> list[str]:
        """Neighbours of an object in the lineage."""
        from churnobs.lineage import neighbours

        return neighbours(self.engine, name, direction)

    def _records(self, model_name: str) -> list[VersionRecord]:
        return [record for record in self.port.versions() if record.model_name == model_name]


def _check_fitted(model: Any) -> None:
    """Refuse what could never score a row.

    Raises:
        BadConfig: it cannot predict, or is a scikit-learn estimator that was not fitted.
    """
    if not (callable(model) or hasattr(model, "predict") or hasattr(model, "predict_proba")):
        raise BadConfig(f"a {type(model).__name__} is no model", hint="give what has predict or predict_proba")
    if hasattr(model, "__sklearn_tags__"):
        from sklearn.exceptions import NotFittedError
        from sklearn.utils.validation import check_is_fitted

        try:
            check_is_fitted(model)
        except NotFittedError as error:
            raise BadConfig(f"the {type(model).__name__} is not fitted", hint="fit it first") from error


def _task_of(model: Any, given: str | None) -> str:
    """What a model does; what can be read off it wins over what is said of it, as in snowflake-ml."""
    classes = getattr(model, "classes_", None)
    if classes is not None:
        return "TABULAR_MULTI_CLASSIFICATION" if len(classes) > 2 else "TABULAR_BINARY_CLASSIFICATION"
    if hasattr(model, "__sklearn_tags__"):
        from sklearn.base import is_regressor

        if is_regressor(model):
            return "TABULAR_REGRESSION"
    return given or "TABULAR_BINARY_CLASSIFICATION"
