"""Models as Snowflake's registry holds them: logged with their bytes beside them, called in SQL, and kept as the records say."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from churnobs.artefacts import packages
from churnobs.backends.snowflake import plain_types
from churnobs.backends.snowflake.catalog import Shelf
from churnobs.backends.snowflake.ddl import literal, quoted
from churnobs.backends.snowflake.native import Native, clients, closed, version_rows
from churnobs.errors import ChurnobsError, NotFound, RefusedArtefact
from churnobs.records import DatasetVersion

if TYPE_CHECKING:
    import pandas as pd

    from churnobs.backends.snowflake.engine import SnowflakeEngine
    from churnobs.records import VersionRecord

# where a version keeps the bytes of its model: churnobs reads these and never unpickles
_FOLDER: Final = "churnobs"
_FILE: Final = "model.skops"
_DOLLARS: Final = "$$"
_PLATFORMS: Final = ("WAREHOUSE", "SNOWPARK_CONTAINER_SERVICES")


@dataclass(frozen=True, slots=True)
class Called:
    """How a version is called in SQL.

    Args:
        inputs: the arguments in order: feature and SQL type.
        outputs: function -> the fields of what it gives; none where it gives the value itself.
        positive: which of the probabilities is that of class 1; None where there is no such class.
    """

    inputs: tuple[tuple[str, str], ...]
    outputs: Mapping[str, tuple[str, ...]]
    positive: int | None = None

    def call(self, version: str, function: str) -> str:
        """The call of a function of a version."""
        arguments = ", ".join(f"CAST({quoted(name)} AS {kind})" for name, kind in self.inputs)
        return f"{version}!{function}({arguments})"

    def output(self, column: str, function: str, number: int) -> str:
        """One output of a function, of the column that holds what the function gave."""
        fields = self.outputs[function]
        return f"{column}[{literal(fields[number])}]" if fields else column


class NativeModels:
    """The native versions of one schema."""

    def __init__(self, engine: SnowflakeEngine) -> None:
        self._engine = engine

    @property
    def _native(self) -> Native:
        return Native.of(self._engine)

    def log(self, record: VersionRecord, model: Any, content: bytes, sample: pd.DataFrame) -> Called:
        """Log a fitted model as a new version; one of the same name that nobody recorded is replaced."""
        closed(self._engine, f"logging {record.model_name}/{record.version_name}")
        rows = _samples(sample)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / _FILE
            path.write_bytes(content)
            try:
                made = self._log(record, model, content, rows, path)
            except Exception:
                # a run that died before it recorded what it had logged
                if record.version_name not in version_rows(self._engine, record.model_name):
                    raise
                self.drop(record.model_name, record.version_name, None)
                made = self._log(record, model, content, rows, path)
        if _DOLLARS in record.comment:
            self.set_comment(record.model_name, record.version_name, record.comment)
        if record.is_default:
            self.set_default(record.model_name, record.version_name)
        return Called(_inputs(rows), made, _positive(model))

    def copy(self, source: VersionRecord, record: VersionRecord) -> None:
        """Copy a version on the server; one of the same name that nobody recorded is replaced."""
        try:
            self._copy(source, record)
        except ChurnobsError:
            if record.version_name not in version_rows(self._engine, record.model_name):
                raise
            self.drop(record.model_name, record.version_name, None)
            self._copy(source, record)
        if record.is_default:
            self.set_default(record.model_name, record.version_name)
        if source.metrics:
            self.set_metrics(record.model_name, record.version_name, record.metrics)

    def _copy(self, source: VersionRecord, record: VersionRecord) -> None:
        with clients():
            registry = self._native.registry
            made = registry.log_model(
                registry.get_model(quoted(source.model_name)).version(quoted(source.version_name)),
                model_name=quoted(record.model_name),
                version_name=quoted(record.version_name),
            )
            if source.comment != record.comment:
                made.comment = record.comment

    def artefact(self, record: VersionRecord) -> bytes:
        """The bytes that a version keeps.

        Raises:
            RefusedArtefact: it keeps none.
        """
        name = self._native.qualified(record.model_name)
        where = f"snow://model/{name}/versions/{record.version_name}/user_files/{_FOLDER}/{_FILE}"
        with tempfile.TemporaryDirectory() as folder:
            try:
                with clients():
                    self._engine.link.session.file.get(where, folder)
                return (Path(folder) / _FILE).read_bytes()
            except (NotFound, FileNotFoundError) as error:
                raise RefusedArtefact(
                    f"the artefact of {record.version_name} is gone",
                    hint="train again: the version was changed by hand",
                ) from error

    def call(self, record: VersionRecord) -> str:
        """A version in SQL."""
        return f"MODEL({self._native.qualified(record.model_name)}, {quoted(record.version_name)})"

    def set_default(self, model: str, version: str) -> None:
        """Make a version the default."""
        with clients():
            self._native.registry.get_model(quoted(model)).default = quoted(version)

    def set_alias(self, model: str, version: str, alias: str | None, former: str | None) -> None:
        """Give a version its alias, in the place of its former one."""
        if former is not None:
            with suppress(NotFound):
                self._alter(model, f"VERSION {quoted(former)} UNSET ALIAS")
        if alias is not None:
            self._alter(model, f"VERSION {quoted(version)} SET ALIAS = {quoted(alias)}")

    def set_comment(self, model: str, version: str, comment: str) -> None:
        """Set a version's comment."""
        self._alter(model, f"MODIFY VERSION {quoted(version)} SET COMMENT = {literal(comment)}")

    def set_metrics(self, model: str, version: str, metrics: Mapping[str, Any]) -> None:
        """Make a version's metrics these and no others."""
        with clients():
            held = self._native.registry.get_model(quoted(model)).version(quoted(version))
            shown = held.show_metrics()
            for name in shown.keys() - metrics.keys():
                held.delete_metric(name)
            for name, value in json_metrics(metrics).items():
                if name not in shown or shown[name] != value:
                    held.set_metric(name, value)

    def set_tags(self, model: str, tags: Mapping[str, str], former: Mapping[str, str]) -> None:
        """Make a model's tags these, knowing what they were."""
        for name in former.keys() - tags.keys():
            with suppress(NotFound):
                self._alter(model, f"UNSET TAG {self._native.qualified(name)}")
        for name, value in tags.items():
            if former.get(name) != value:
                self._engine.ddl(f"CREATE TAG IF NOT EXISTS {self._native.qualified(name)}")
                self._alter(model, f"SET TAG {self._native.qualified(name)} = {literal(value)}")

    def drop(self, model: str, version: str, default: str | None) -> None:
        """Drop a version if it is there, and its model with the last one; the default moves on first."""
        there = version_rows(self._engine, model)
        if version not in there:
            return
        others = [name for name in there if name != version]
        if not others:
            self._engine.ddl(f"DROP MODEL IF EXISTS {self._native.qualified(model)}")
            return
        if str(there[version]["is_default_version"]).lower() == "true":
            self.set_default(model, default if default in others else others[-1])
        self._alter(model, f"DROP VERSION {quoted(version)}")

    def sample(self, record: VersionRecord, rows: pd.DataFrame) -> Any:
        """Rows to log a version with: of the newest dataset that it was fitted on, so that lineage is kept."""
        known = {(d.name, d.version) for d in Shelf(self._engine, "DATASETS", DatasetVersion).all()}
        seen = [f for f in record.fitted_on if (f.dataset, f.version) in known]
        # the client leaves the path of a dataset without quotes, and cannot read one with a space in it
        if not seen or " " in self._native.qualified(""):
            return rows
        from snowflake.ml.dataset import load_dataset
        from snowflake.snowpark import functions, types

        kinds = {"FLOAT": (types.DoubleType(), 0.0), "BOOLEAN": (types.BooleanType(), False)}
        newest = max(seen, key=lambda f: f.as_of)
        found = load_dataset(self._engine.link.session, self._native.qualified(newest.dataset), newest.version)
        frame = found.read.to_snowpark_dataframe(only_feature_cols=True)
        if not {quoted(name) for name in rows.columns} <= {
            quoted(field.column_identifier.name) for field in frame.schema
        }:
            return rows
        columns = []
        for name, kind in _inputs(rows):
            as_type, filled = kinds.get(kind, (types.StringType(), ""))
            column = functions.col(quoted(name)).cast(as_type)
            columns.append(functions.coalesce(column, functions.lit(filled)).alias(quoted(name)))
        # the client looks at the sample many times: a small table of its own is read faster than the dataset's files
        return frame.limit(len(rows)).select(columns).cache_result()

    def _log(
        self, record: VersionRecord, model: Any, content: bytes, rows: pd.DataFrame, path: Path
    ) -> dict[str, tuple[str, ...]]:
        from sklearn.pipeline import Pipeline
        from sklearn.preprocessing import FunctionTransformer
        from snowflake.ml.model import type_hints

        functions = [name.lower() for name in record.functions]
        with clients():
            made = self._native.registry.log_model(
                Pipeline([("types", FunctionTransformer(plain_types.plain_types)), ("model", model)]),
                model_name=quoted(record.model_name),
                version_name=quoted(record.version_name),
                # the client puts it between dollars
                comment=None if _DOLLARS in record.comment else record.comment or None,
                metrics=json_metrics(record.metrics) or None,
                conda_dependencies=_requirements(content),
                target_platforms=list(_PLATFORMS),
                sample_input_data=self.sample(record, rows),
                user_files={_FOLDER: [str(path)]},
                ext_modules=[plain_types],
                task=type_hints.Task(record.task),
                options={"target_methods": functions, "enable_explainability": False},
            )
            shown = made.show_functions()
        return {
            str(f["name"]).strip('"'): tuple(o.name for o in f["signature"].outputs) if f["is_object_output"] else ()
            for f in shown
        }

    def _alter(self, model: str, what: str) -> None:
        self._engine.ddl(f"ALTER MODEL {self._native.qualified(model)} {what}")


def json_metrics(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Metrics as JSON takes them: what is no number is a text."""

    def plain(value: Any) -> Any:
        if isinstance(value, float) and not abs(value) < float("inf"):
            return str(value)
        if isinstance(value, Mapping):
            return {str(k): plain(v) for k, v in value.items()}
        return [plain(v) for v in value] if isinstance(value, Sequence) and not isinstance(value, str) else value

    return {name: plain(value) for name, value in metrics.items()}


def _samples(sample: pd.DataFrame) -> pd.DataFrame:
    """Rows from which the types of the arguments are read: numbers are doubles, and nothing is missing."""
    import pandas as pd
    from pandas.api import types

    columns: dict[str, Any] = {}
    for name in sample.columns:
        values = sample[name]
        known = values.dropna()
        if len(known) and all(isinstance(v, bool) or types.is_bool(v) for v in known):
            columns[str(name)] = [bool(v) if k else False for v, k in zip(values, values.notna(), strict=True)]
        elif types.is_numeric_dtype(values.dtype) or (len(known) and not known.map(lambda v: isinstance(v, str)).any()):
            columns[str(name)] = pd.to_numeric(values.astype(float), errors="raise").fillna(0.0)
        else:
            columns[str(name)] = values.astype(object).where(values.notna(), "").astype(str).astype(object)
    return pd.DataFrame(columns).reset_index(drop=True)


def _inputs(rows: pd.DataFrame) -> tuple[tuple[str, str], ...]:
    kinds = {"f": "FLOAT", "b": "BOOLEAN"}
    return tuple((str(name), kinds.get(rows[name].dtype.kind, "VARCHAR")) for name in rows.columns)


def _positive(model: Any) -> int | None:
    classes = list(getattr(model, "classes_", ()))
    return classes.index(1) if 1 in classes else None


def _requirements(content: bytes) -> list[str] | None:
    """Packages that a model is made of and that the client does not find by itself inside another estimator."""
    if "xgboost" not in packages(content):
        return None
    import xgboost

    return [f"xgboost=={xgboost.__version__}"]
