"""The facts that cross doorways: frozen, slotted, and shown well in a notebook."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from churnobs.display import Shown
from churnobs.errors import BadConfig
from churnobs.expressions.drift import Bins
from churnobs.monitoring.settings import MetricSettings
from churnobs.months import CENTURY, whole_number
from churnobs.names import LONGEST_NAME
from churnobs.names import identifier as identifier  # noqa: PLC0414  # where every door looks for it

Half = Literal["FIT", "JUDGE"]


@dataclass(frozen=True, slots=True)
class Entity(Shown):
    """What features describe, and the columns that identify one."""

    name: str
    join_keys: tuple[str, ...]
    desc: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", identifier(self.name))
        given: object = self.join_keys
        if isinstance(given, str):
            raise BadConfig(f"the join keys of {self.name} are one text", hint=f"write [{given!r}]")
        object.__setattr__(self, "join_keys", tuple(identifier(key) for key in self.join_keys))
        if not self.join_keys or len(set(self.join_keys)) != len(self.join_keys):
            raise BadConfig(f"entity {self.name} needs join keys, each once", hint='for example ["CUSTOMER_ID"]')


@dataclass(frozen=True, slots=True)
class FeatureView(Shown):
    """Features of entities, from an expression or SQL.

    Args:
        name: upper-cased.
        entities: whose join keys the rows carry.
        feature_df: what ``workspace.sql(...)`` or ``workspace.table(...)`` gives, or an Ibis expression.
        timestamp_col: the column that dates each row. A row counts from the day after its date (an event dated T is not
            known at T), unless ``known_at`` says that the column already holds the moment from which the row was known.
        desc: for people.
        known_at: the timestamp is an as-of: a row stamped T was made of what was known at T.
        version: set by registering.
        query: the SQL text, set by registering.
        features: the feature columns, set by registering.
        sources: tables of your own that the query reads, each with the column that dates its rows.
        ttl_days: rows older than so many days at an as-of are not known any more; None for no limit.
        unique: the query gives no two rows of the same keys and timestamp. A promise that is not checked: it makes joins
            cheaper, and where it is broken rows of a training set repeat.
    """

    name: str
    entities: tuple[Entity, ...]
    feature_df: Any = field(default=None, repr=False, compare=False)
    timestamp_col: str | None = None
    desc: str = ""
    known_at: bool = False
    version: str | None = None
    query: str = field(default="", repr=False)
    features: tuple[str, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict)
    ttl_days: int | None = None
    unique: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", identifier(self.name))
        object.__setattr__(self, "entities", tuple(self.entities))
        if self.timestamp_col is not None:
            object.__setattr__(self, "timestamp_col", identifier(self.timestamp_col))
        if self.ttl_days is not None:
            whole_number("ttl_days", self.ttl_days, 0, CENTURY)
        if "$" in self.name:
            raise BadConfig(f"feature view {self.name} has a $ in its name", hint="use letters, digits and _")

    @property
    def status(self) -> Literal["DRAFT", "STATIC"]:
        """DRAFT until registered."""
        return "DRAFT" if self.version is None else "STATIC"

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The feature columns: all but the join keys and the timestamp."""
        return self.features

    @property
    def join_keys(self) -> tuple[str, ...]:
        """The join keys of all entities, each once."""
        return tuple(dict.fromkeys(key for entity in self.entities for key in entity.join_keys))


@dataclass(frozen=True, slots=True)
class DatasetVersion(Shown):
    """One immutable version of a dataset.

    Args:
        as_ofs: the distinct spine timestamps, oldest first.
        label_cols: columns that are labels; exclude_cols: columns that are not for training.
        sources: the feature views (NAME/version) and tables it was made of.
        content_hash: of the definition and the files behind it.
        erased: how many rows it had when it was made and has no more, because customers were forgotten.
    """

    name: str
    version: str
    table: str
    rows: int
    as_ofs: tuple[dt.date, ...] = ()
    label_cols: tuple[str, ...] = ()
    exclude_cols: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    content_hash: str = ""
    desc: str = ""
    erased: int = 0


@dataclass(frozen=True, slots=True)
class FittedOn(Shown):
    """Rows a model was fitted on: a dataset version, or the FIT half of its customers."""

    dataset: str
    version: str
    as_of: dt.date
    half: Half | None = None
    split_seed: int = 0


@dataclass(frozen=True, slots=True)
class VersionRecord(Shown):
    """What the registry knows of a model version; ``fitted_on`` is how it refuses to measure a model on seen rows."""

    model_name: str
    version_name: str
    artefact: str = ""
    task: str = "TABULAR_BINARY_CLASSIFICATION"
    comment: str = ""
    features: tuple[str, ...] = ()
    functions: tuple[str, ...] = ("PREDICT", "PREDICT_PROBA")
    fitted_on: tuple[FittedOn, ...] = ()
    metrics: Mapping[str, Any] = field(default_factory=dict)
    alias: str | None = None
    is_default: bool = False
    linked_to: str | None = None
    recipe: str = ""

    def saw(self, as_of: dt.date, half: Half | None = None) -> bool:
        """Whether any row of an as-of (or of one half of its customers) was used to fit this version."""
        return any(f.as_of == as_of and (f.half is None or half is None or f.half == half) for f in self.fitted_on)


@dataclass(frozen=True, slots=True)
class SetDefault:
    """Make a version the default of its model."""

    model_name: str
    version_name: str


@dataclass(frozen=True, slots=True)
class SetAlias:
    """Give a version its one user alias, or take it away with None."""

    model_name: str
    version_name: str
    alias: str | None


@dataclass(frozen=True, slots=True)
class SetMetrics:
    """Replace a version's metrics."""

    model_name: str
    version_name: str
    metrics: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SetComment:
    """Replace a version's comment."""

    model_name: str
    version_name: str
    comment: str


@dataclass(frozen=True, slots=True)
class SetTags:
    """Replace a model's tags."""

    model_name: str
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class DropVersion:
    """Delete a version and, when no other uses it, its artefact."""

    model_name: str
    version_name: str


RegistryChange = SetDefault | SetAlias | SetMetrics | SetComment | SetTags | DropVersion


@dataclass(frozen=True, slots=True)
class ModelMonitorSourceConfig(Shown):
    """What a monitor watches; names and meaning as in snowflake-ml."""

    source: str
    timestamp_column: str
    id_columns: tuple[str, ...]
    prediction_score_columns: tuple[str, ...] = ()
    prediction_class_columns: tuple[str, ...] = ()
    actual_score_columns: tuple[str, ...] = ()
    actual_class_columns: tuple[str, ...] = ()
    baseline: str | None = None
    segment_columns: tuple[str, ...] = ()
    custom_metric_columns: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in (
            "id_columns",
            "prediction_score_columns",
            "prediction_class_columns",
            "actual_score_columns",
            "actual_class_columns",
            "segment_columns",
            "custom_metric_columns",
        ):
            value = getattr(self, name) or ()
            if isinstance(value, str):
                raise BadConfig(f"{name} is one text", hint=f"write {name}=[{value!r}]")
            object.__setattr__(self, name, tuple(identifier(column) for column in value))
        object.__setattr__(self, "timestamp_column", identifier(self.timestamp_column))
        for table in (self.source, *filter(None, (self.baseline,))):
            if not isinstance(table, str) or not table.strip('"') or '"' in table or len(table) > LONGEST_NAME:
                raise BadConfig(f"{table!r} is no table or view", hint="give its name, without quotes")


@dataclass(frozen=True, slots=True)
class ModelMonitorConfig(Shown):
    """Which version a monitor watches, and how often; names and defaults as in snowflake-ml.

    ``model_version`` is what ``registry.get_model(...).version(...)`` gives. The simulator needs no warehouse.
    """

    model_version: Any
    model_function_name: str = "predict"
    background_compute_warehouse_name: str = "SIMULATOR"
    refresh_interval: str = "1 hour"
    aggregation_window: str = "1 day"


Refresh = Literal["fresh", "snowflake"]


@dataclass(frozen=True, slots=True)
class CountedElsewhere:
    """Columns that several monitors share: features are counted once, and so is the baseline, under one subject.

    ``bins`` are those of the features and of the label.
    """

    subject: str
    bins: tuple[Bins, ...]


@dataclass(frozen=True, slots=True)
class MonitorRecord(Shown):
    """A model monitor as it is stored.

    Args:
        name: of the monitor.
        model_name, version_name, function_name: what it watches; empty where churnobs did not train the model.
        source: the columns and their roles.
        features: the source columns without another role.
        task: TABULAR_BINARY_CLASSIFICATION, TABULAR_MULTI_CLASSIFICATION or TABULAR_REGRESSION.
        bins: how each column is counted.
        settings: what the metric functions mean.
        horizon_days: a label is final so many days after its row; None where nobody knows.
        data_through: the first day that the data do not cover; None for the newest row.
        shared: a subject that counts the features for several monitors.
        refresh: "fresh" counts what changed whenever a metric is asked for; "snowflake" only when an interval has passed.
        state: ACTIVE or SUSPENDED; what was measured stays.
        refreshed_at: when a "snowflake" monitor was last due, by the clock of ``Monitor.advance``.
        failures: refreshes that failed, one after the other; five suspend the monitor.
        last_error: of the last refresh; empty when it worked.
    """

    name: str
    model_name: str
    version_name: str
    function_name: str
    source: ModelMonitorSourceConfig
    features: tuple[str, ...] = ()
    refresh_interval: str = "1 hour"
    aggregation_window: str = "1 day"
    state: Literal["ACTIVE", "SUSPENDED"] = "ACTIVE"
    task: str = "TABULAR_BINARY_CLASSIFICATION"
    bins: tuple[Bins, ...] = field(default=(), repr=False)
    settings: MetricSettings = field(default_factory=MetricSettings, repr=False)
    horizon_days: int | None = None
    data_through: dt.date | None = None
    shared: str | None = None
    refresh: Refresh = "fresh"
    refreshed_at: dt.datetime | None = None
    failures: int = 0
    last_error: str = ""


@dataclass(frozen=True, slots=True)
class Check(Shown):
    """One thing that must hold: what was found, and how to mend it. ``ok`` is None where nobody could tell."""

    name: str
    ok: bool | None
    found: str
    mend: str = ""


@dataclass(frozen=True, slots=True)
class Measurement(Shown):
    """How one role did at one as-of, on final labels.

    ``values`` holds the performance metrics, BASE_RATE, TRIVIAL_F1, RECENCY_F1 and RECENCY_AUC, and the gate's p-values:
    P_ABOVE_RECENCY (ROC AUC not above the recency rule's) and P_BELOW_BASE_RATE (log loss not below the base rate's).
    """

    as_of: dt.date
    role: Literal["BASE", "DEFAULT", "CHALLENGER"]
    version: str
    rows: int
    values: Mapping[str, float | None]

    def __getitem__(self, metric: str) -> float | None:
        return self.values.get(metric)

    def passes_gate(self, alpha: float = 0.05) -> bool:
        """Whether the model beat both floors, each at the given level (one-sided, paired)."""
        return all(p is not None and p < alpha for p in (self["P_ABOVE_RECENCY"], self["P_BELOW_BASE_RATE"]))


# the stage that month files are put on, where no other is named
INBOX: Final = "CHURNOBS_INBOX"


@dataclass(frozen=True, slots=True)
class TaskGraph(Shown):
    """What ``deploy_tasks`` makes.

    Args:
        name: of the root task; the others are named after it and their first step.
        groups: the first step of each task, in order; each waits for the one before.
        schedule: of the root, as Snowflake writes it; None where only new files start it.
        on_new_data: whether the root waits for files in the inbox.
        inbox: the stage that month files are put on.
        mapping: how the files are read; None for the demo's columns.
        error_integration: the notification integration that hears of a failure; None for nobody.
        suspend_after: failures in a row that suspend the graph; 0 for never.
        packages, imports, artifact_repository: as for ``InProcedure``.
    """

    name: str
    groups: tuple[str, ...]
    schedule: str | None
    on_new_data: bool
    inbox: str = INBOX
    mapping: object = None
    error_integration: str | None = None
    suspend_after: int = 3
    packages: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()
    artifact_repository: str | None = "snowflake.snowpark.pypi_shared_repository"
