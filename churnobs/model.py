"""Models and their versions as users hold them; what they know and change goes through the registry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, final

from churnobs.codec import to_json, whole_text
from churnobs.display import html_table
from churnobs.errors import BadConfig, NotFound
from churnobs.frame import Frame
from churnobs.records import (
    DropVersion,
    SetAlias,
    SetComment,
    SetDefault,
    SetMetrics,
    SetTags,
    VersionRecord,
    identifier,
)

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from churnobs.registry import Registry

SYSTEM_ALIASES: Final = ("DEFAULT", "FIRST", "LAST")


@final
class ModelVersion:
    """One version of a model. Its artefact never changes; metrics, alias and comment may."""

    def __init__(self, registry: Registry, record: VersionRecord) -> None:
        self._registry = registry
        self._record = record

    @property
    def record(self) -> VersionRecord:
        """What the registry knows of this version now."""
        return self._registry.record(self._record.model_name, self._record.version_name)

    @property
    def model_name(self) -> str:
        """The model's name."""
        return self._record.model_name

    @property
    def version_name(self) -> str:
        """The version's name."""
        return self._record.version_name

    @property
    def comment(self) -> str:
        """The comment; settable."""
        return self.record.comment

    @comment.setter
    def comment(self, text: str) -> None:
        self._registry.port.change(SetComment(self.model_name, self.version_name, whole_text(text)))

    def set_metric(self, metric_name: str, value: Any) -> None:
        """Keep a JSON-serialisable value under a name, over the old one."""
        try:
            to_json(value)
        except (TypeError, ValueError, RecursionError) as error:
            raise BadConfig(
                f"metric {metric_name} is no JSON value", hint="give numbers, texts, lists or dicts"
            ) from error
        self._set({**self.record.metrics, metric_name: value})

    def get_metric(self, metric_name: str) -> Any:
        """A metric; NotFound if there is none of this name."""
        metrics = self.record.metrics
        if metric_name not in metrics:
            raise NotFound(
                f"cannot find metric with name {metric_name}", hint=f"there are {', '.join(metrics) or 'none'}"
            )
        return metrics[metric_name]

    def show_metrics(self) -> dict[str, Any]:
        """All metrics."""
        return dict(self.record.metrics)

    def delete_metric(self, metric_name: str) -> None:
        """Forget a metric; NotFound if there is none of this name."""
        self.get_metric(metric_name)
        self._set({name: value for name, value in self.record.metrics.items() if name != metric_name})

    def _set(self, metrics: Mapping[str, Any]) -> None:
        self._registry.port.change(SetMetrics(self.model_name, self.version_name, metrics))

    def set_alias(self, alias_name: str) -> None:
        """Give this version its one alias; BadConfig when the name is taken in this model."""
        alias = identifier(alias_name)
        taken = {r.version_name for r in self._registry.records(self.model_name)} | set(SYSTEM_ALIASES)
        if alias in taken or any(r.alias == alias for r in self._registry.records(self.model_name)):
            raise BadConfig(
                f"{alias} is taken in model {self.model_name}", hint="unset it where it is, or choose another"
            )
        self._registry.port.change(SetAlias(self.model_name, self.version_name, alias))

    def unset_alias(self, version_or_alias: str | None = None) -> None:
        """Take the alias away."""
        target = (
            self if version_or_alias is None else self._registry.get_model(self.model_name).version(version_or_alias)
        )
        self._registry.port.change(SetAlias(target.model_name, target.version_name, None))

    def show_functions(self) -> list[dict[str, str]]:
        """The functions ``run`` takes: ``name`` and the Python ``target_method`` behind it."""
        return [
            {"name": f, "target_method": f.lower(), "target_method_function_type": "FUNCTION"}
            for f in self.record.functions
        ]

    def get_model_task(self) -> str:
        """The task, for example TABULAR_BINARY_CLASSIFICATION."""
        return self.record.task

    def load(self) -> Any:
        """The fitted model itself, after its checksum and types were checked.

        Raises:
            RefusedArtefact: the stored bytes were altered, or hold types that are not allowed.
        """
        return self._registry.port.load(self.record)

    def run(self, X: pd.DataFrame | Frame, *, function_name: str | None = None) -> pd.DataFrame:  # noqa: N803
        """Run a function of the model over rows.

        Args:
            X: the feature columns; for a Frame all input columns come back before the outputs, as on Snowflake.
            function_name: which function; may be left out only where there is exactly one.

        Returns:
            Outputs named output_feature_0 (class, or probability of class 0) and output_feature_1 (of class 1).
        """
        record = self.record
        name = self._function(function_name, record)
        rows = X.to_pandas() if isinstance(X, Frame) else X
        missing = [column for column in record.features if column not in rows.columns]
        if missing:
            raise BadConfig(f"feature {missing[0]} is missing", hint=f"the model reads {', '.join(record.features)}")
        model = self.load()
        try:
            result = np_array(getattr(model, name.lower())(rows[list(record.features)]))
        except (ValueError, TypeError) as error:
            why = str(error).partition("\n")[0]
            raise BadConfig(
                f"{self.version_name} cannot score these rows: {why}", hint="give rows like those it was fitted on"
            ) from error
        outputs = {f"output_feature_{i}": result[:, i] for i in range(result.shape[1])}
        import pandas as pd

        frame = pd.DataFrame(outputs, index=rows.index)
        return (
            pd.concat([rows.drop(columns=list(outputs), errors="ignore"), frame], axis=1)
            if isinstance(X, Frame)
            else frame
        )

    def _function(self, function_name: str | None, record: VersionRecord) -> str:
        if function_name is None:
            if len(record.functions) == 1:
                return record.functions[0]
            raise BadConfig(f"which of {', '.join(record.functions)}?", hint="give function_name=")
        if identifier(function_name) not in record.functions:
            raise BadConfig(
                f"there is no method with name {function_name}", hint=f"there are {', '.join(record.functions)}"
            )
        return identifier(function_name)

    def lineage(self, direction: str = "downstream") -> list[str]:
        """What this version was made of (upstream), or what was made with it (downstream), as DOMAIN NAME."""
        return self._registry.linked(f"{self.model_name}/{self.version_name}", direction)

    def __repr__(self) -> str:
        record = self.record
        return f"ModelVersion({record.model_name}, {record.version_name}{', default' if record.is_default else ''})"

    def _repr_html_(self) -> str:
        return self.record._repr_html_()


@final
class Model:
    """A model: its versions and which of them is the default."""

    def __init__(self, registry: Registry, name: str) -> None:
        self._registry = registry
        self.name = name

    @property
    def default(self) -> ModelVersion:
        """The version that serves; settable to a ModelVersion or a name."""
        return next(v for v in self.versions() if v.record.is_default)

    @default.setter
    def default(self, version: ModelVersion | str) -> None:
        name = version.version_name if isinstance(version, ModelVersion) else identifier(version)
        if name not in {r.version_name for r in self._registry.records(self.name)}:
            raise NotFound(
                f"you cannot set version {name} as default version as it does not exist", hint="versions() lists them"
            )
        self._registry.port.change(SetDefault(self.name, name))

    def versions(self) -> list[ModelVersion]:
        """All versions, oldest first."""
        return [ModelVersion(self._registry, record) for record in self._registry.records(self.name)]

    def first(self) -> ModelVersion:
        """The oldest version."""
        return self.versions()[0]

    def last(self) -> ModelVersion:
        """The newest version."""
        return self.versions()[-1]

    def version(self, version_or_alias: str) -> ModelVersion:
        """A version by alias or name, aliases first; NotFound if there is none."""
        wanted = identifier(version_or_alias)
        records = self._registry.records(self.name)
        system = {"DEFAULT": self.default, "FIRST": self.first(), "LAST": self.last()}
        if wanted in system:
            return system[wanted]
        for record in [r for r in records if r.alias == wanted] + [r for r in records if r.version_name == wanted]:
            return ModelVersion(self._registry, record)
        raise NotFound(
            f"unable to find version or alias with name {wanted} in model {self.name}",
            hint=f"it has {', '.join(r.version_name for r in records)}",
        )

    def show_versions(self) -> pd.DataFrame:
        """One row a version: name, aliases, comment, is_default_version, functions, metrics."""
        import pandas as pd

        return pd.DataFrame(
            [
                {
                    "name": r.version_name,
                    "aliases": [r.alias] if r.alias else [],
                    "comment": r.comment,
                    "model_name": r.model_name,
                    "is_default_version": "true" if r.is_default else "false",
                    "functions": list(r.functions),
                    "metadata": to_json({"metrics": r.metrics}),
                }
                for r in self._registry.records(self.name)
            ]
        )

    def delete_version(self, version_name: str) -> None:
        """Delete a version; the default cannot go while others exist.

        Raises:
            BadConfig: it is the default.
        """
        version = self.version(version_name)
        if version.record.is_default:
            raise BadConfig(
                f"{version.version_name} is the default version of {self.name} and cannot be deleted",
                hint="set another default first, or delete_model when it is the only version",
            )
        self._registry.port.change(DropVersion(self.name, version.version_name))

    def show_tags(self) -> dict[str, str]:
        """All tags of the model."""
        return dict(self._registry.port.tags(self.name))

    def get_tag(self, tag_name: str) -> str | None:
        """A tag, or None."""
        return self.show_tags().get(identifier(tag_name))

    def set_tag(self, tag_name: str, tag_value: str) -> None:
        """Set a tag of the model."""
        self._registry.port.change(
            SetTags(self.name, {**self.show_tags(), identifier(tag_name): whole_text(tag_value)})
        )

    def unset_tag(self, tag_name: str) -> None:
        """Take a tag away."""
        kept = {name: value for name, value in self.show_tags().items() if name != identifier(tag_name)}
        self._registry.port.change(SetTags(self.name, kept))

    def __repr__(self) -> str:
        return f"Model({self.name}, versions={len(self._registry.records(self.name))})"

    def _repr_html_(self) -> str:
        rows = [
            (
                r.version_name,
                "default" if r.is_default else "",
                r.alias,
                tuple(f.version for f in r.fitted_on),
                r.comment,
            )
            for r in self._registry.records(self.name)
        ]
        return html_table(("version", "", "alias", "fitted on", "comment"), rows, self.name)


def np_array(values: Any) -> np.ndarray[Any, Any]:
    """Model output as a table of columns."""
    import numpy as np

    result: np.ndarray[Any, Any] = np.asarray(values)
    return result.reshape(-1, 1) if result.ndim == 1 else result
