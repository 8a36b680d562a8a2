"""What a backend implements: a handful of small abstract classes, and nothing else of a backend is seen by the core.

The interfaces users see (workspace, feature store, registry, monitor) validate, document and raise; a port only does.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Collection, Mapping, Sequence

    import ibis.expr.types as ir
    import pandas as pd
    import pyarrow as pa

    from churnobs.alerts.alert import AlertRecord
    from churnobs.expressions.render import Dialect, Rendered
    from churnobs.fitting import Learnt, Lesson
    from churnobs.forgetting import ForgetPort
    from churnobs.ingest import LoadPort
    from churnobs.places import Place
    from churnobs.records import (
        Check,
        DatasetVersion,
        Entity,
        FeatureView,
        MonitorRecord,
        RegistryChange,
        TaskGraph,
        VersionRecord,
    )
    from churnobs.sentiment import SentimentModel

    Readable: TypeAlias = Rendered | ir.Table | str


class EnginePort(ABC):
    """Runs queries and keeps tables."""

    # whether nothing can be written, for example because another process does
    read_only: bool = False
    # churnobs' own tables, which nobody else writes
    own_tables: Collection[str] = frozenset()
    # what is being done, for the records that the engine itself keeps of its statements
    purpose: str = ""

    @property
    @abstractmethod
    def dialect(self) -> Dialect:
        """The SQL this engine speaks."""

    @abstractmethod
    def text(self, query: Readable) -> str:
        """The SQL of a query.

        Raises:
            BadConfig: a text is not one query.
        """

    @abstractmethod
    def read(self, query: Readable, named: Mapping[str, Readable | pa.Table] | None = None) -> pa.Table:
        """Run a query and fetch its rows; ``named`` are tables that it reads and that are there for this query alone."""

    @abstractmethod
    def write(self, name: str, data: Readable | pa.Table, *, replace: bool = False) -> int:
        """Append rows to a table, or replace what it holds; a new table takes the columns of the data. Counts rows."""

    @abstractmethod
    def make(self, name: str, query: Readable) -> None:
        """Make a table with the columns of a query and no rows, unless it is there."""

    @abstractmethod
    def view(self, name: str, query: Readable) -> None:
        """Create a view, or replace it."""

    @abstractmethod
    def drop(self, name: str) -> None:
        """Drop a table or view if it is there."""

    @abstractmethod
    def columns(self, source: Readable) -> Mapping[str, str]:
        """Names and Ibis types of a query's result, or of a table when given its bare name; NotFound if it is not there."""

    @abstractmethod
    def transaction(self) -> AbstractContextManager[None]:
        """All or nothing; a transaction inside another joins it."""

    @property
    def parts(self) -> int:
        """In how many parts, by customer, the largest statements are to run: more than one where memory is short."""
        return 1

    def held(self, name: str, query: Readable) -> AbstractContextManager[str]:  # noqa: ARG002  # who holds takes the query
        """What to read the rows of a query from while the block reads them again and again.

        Args:
            name: a view or table that has those rows, and perhaps more.
            query: the rows.

        Returns:
            ``name``, or a table that the engine holds them in until the block ends.
        """
        return nullcontext(name)

    def agrees_with(self, other: EnginePort) -> bool:
        """Whether another engine computes the same numbers, to the last digit."""
        return type(other) is type(self)

    def resting(self) -> AbstractContextManager[None]:
        """What to be in while something else needs memory and nothing is asked of the engine."""
        return nullcontext()

    @property
    @abstractmethod
    def sent(self) -> int:
        """How many statements were sent so far."""


class SentimentPort(ABC):
    """Scores the feedback that has not been scored yet."""

    @abstractmethod
    def score_unread(self, model: SentimentModel) -> tuple[int, int]:
        """Consume the stream of new feedback into FEEDBACK_SENTIMENT; gives rows consumed and texts sent to the model."""


class FeatureStorePort(ABC):
    """Keeps entities, feature views and dataset versions."""

    @abstractmethod
    def entities(self) -> Sequence[Entity]:
        """All registered entities, oldest first."""

    @abstractmethod
    def feature_views(self) -> Sequence[FeatureView]:
        """All registered feature views, oldest first."""

    @abstractmethod
    def put(self, item: Entity | FeatureView) -> None:
        """Store an entity or a feature view; one of the same name (and version) is replaced."""

    @abstractmethod
    def remove(self, item: Entity | FeatureView) -> None:
        """Forget an entity or a feature view."""

    @abstractmethod
    def datasets(self) -> Sequence[DatasetVersion]:
        """All dataset versions, oldest first."""

    @abstractmethod
    def add_dataset(self, dataset: DatasetVersion, rows: Readable) -> DatasetVersion:
        """Materialise a dataset version, once; gives it with its row count."""

    @abstractmethod
    def put_dataset(self, dataset: DatasetVersion) -> None:
        """Store what is known of a dataset version after rows of its table were erased."""

    @abstractmethod
    def drop_dataset(self, dataset: DatasetVersion) -> None:
        """Delete a dataset version and its rows."""


@dataclass(frozen=True, slots=True)
class Scoring:
    """One version's part in a scoring: its outputs are named PREFIX_VERSION, PREFIX_CLASS and PREFIX_PROBABILITY."""

    prefix: str
    model_name: str
    version_name: str


class RegistryPort(ABC):
    """Keeps models and runs them."""

    @abstractmethod
    def versions(self) -> Sequence[VersionRecord]:
        """All versions of all models, oldest first."""

    @abstractmethod
    def tags(self, model_name: str) -> Mapping[str, str]:
        """A model's tags."""

    @abstractmethod
    def add_version(self, record: VersionRecord, model: object, sample: pd.DataFrame) -> None:
        """Store a fitted model under a new version, with nothing but data in its artefact.

        ``sample`` are a few rows of the features; they tell the types of the columns.
        """

    @abstractmethod
    def copy_version(self, source: VersionRecord, record: VersionRecord) -> None:
        """Store a version that shares another's artefact."""

    @abstractmethod
    def change(self, change: RegistryChange) -> None:
        """Apply one change of default, alias, metrics, tags or comment, or drop a version."""

    @abstractmethod
    def load(self, record: VersionRecord) -> object:
        """The fitted model of a version."""

    @abstractmethod
    def score(self, rows: Readable, keep: Sequence[str], scorings: Sequence[Scoring]) -> Readable | pa.Table:
        """Run versions over rows: the kept columns, then each version's outputs; the engine can write what comes back."""

    @abstractmethod
    def score_text(self, rows: Readable, keep: Sequence[str], scorings: Sequence[Scoring]) -> str | None:
        """The statement that ``score`` would have the engine run; None where models run outside the engine."""


# what a monitor counts of a day: predictions beside what came true, and the values of columns
Part = Literal["OUTCOMES", "HISTOGRAMS"]


@dataclass(frozen=True, slots=True)
class WatchedDay:
    """One day of a monitored source: its rows, its newest moment, and a text that differs when what is watched does."""

    day: dt.date
    rows: int
    newest: dt.datetime
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Look:
    """A question for the days of a source: all of them, or some.

    Args:
        together: groups of columns; a fingerprint stays the same as long as the rows of each group do.
    """

    source: str
    timestamp: str
    together: tuple[tuple[str, ...], ...]
    days: tuple[dt.date, ...] = ()


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What is to be deleted of what was counted of a subject: both parts or one, some days or all with the baseline."""

    subject: str
    days: tuple[dt.date, ...] | None = None
    part: Part | None = None


class MonitorPort(ABC):
    """Keeps model monitors."""

    @abstractmethod
    def monitors(self) -> Sequence[MonitorRecord]:
        """All monitors, oldest first."""

    @abstractmethod
    def put(self, monitor: MonitorRecord) -> None:
        """Store a monitor, or its new state."""

    @abstractmethod
    def remove(self, monitor: MonitorRecord) -> None:
        """Drop a monitor; its source stays."""

    @abstractmethod
    def days(self, looks: Sequence[Look]) -> Sequence[Sequence[WatchedDay]]:
        """What the days of each source look like now, oldest first; rows without a date are left out."""

    @abstractmethod
    def sample(self, source: str, rows: int, period: tuple[str, dt.date, dt.date] | None = None) -> str:
        """A query for about so many rows of a source (all when it has no more), the same for the same rows in their order.

        ``period`` is a timestamp column with its first and last day.
        """

    @abstractmethod
    def forget(self, what: Sequence[Forgotten]) -> None:
        """Delete what was counted."""


class AlertPort(ABC):
    """Keeps alerts."""

    # whether the account sends messages by a notification integration
    sends_messages: bool = False

    @abstractmethod
    def alerts(self) -> Sequence[AlertRecord]:
        """All alerts, oldest first."""

    @abstractmethod
    def put(self, alert: AlertRecord) -> None:
        """Store an alert, or where it stands now."""

    @abstractmethod
    def remove(self, alert: AlertRecord) -> None:
        """Forget an alert; its history stays."""


class WorkshopPort(ABC):
    """Trains near the data, in one kind of place."""

    @abstractmethod
    def check(self, place: Place) -> None:
        """Raise BadConfig where it cannot work, before anything is done."""

    @abstractmethod
    def fit(self, place: Place, lesson: Lesson) -> Learnt:
        """Run a lesson there, and bring the model back as data."""


class TaskPort(ABC):
    """Runs the loop by itself, as a graph of tasks."""

    @abstractmethod
    def plan(self, graph: TaskGraph, config: object) -> Sequence[str]:
        """The statements that make the graph and start it; nothing is done."""

    @abstractmethod
    def deploy(self, graph: TaskGraph, config: object, statements: Sequence[str]) -> None:
        """Send what the procedure needs, and run the statements."""

    @abstractmethod
    def undeploy(self, name: str, groups: Sequence[str]) -> Sequence[str]:
        """Drop a graph and what it runs; gives the statements."""

    @abstractmethod
    def history(self, name: str) -> pd.DataFrame:
        """What the tasks of a graph did, newest first."""


@dataclass(frozen=True, slots=True)
class Backend:
    """Everything one backend brings."""

    engine: EnginePort
    loader: LoadPort
    sentiment: SentimentPort
    feature_store: FeatureStorePort
    registry: RegistryPort
    monitors: MonitorPort
    alerts: AlertPort
    lifetime: LifetimePort
    eraser: ForgetPort
    # kind of place -> who trains there; every backend trains in this process
    workshops: Mapping[type, WorkshopPort] = field(default_factory=dict)
    # another one, empty and seen by nobody else; None where there is no such thing
    beside: Callable[[], Backend] | None = None
    # who runs a loop by itself; None where nobody does
    tasks: TaskPort | None = None
    # whether this is but what a writer has published, because it writes just now
    partial: bool = False
    # sums up comments in words of theirs; None where the engine has no language model
    summarize: Callable[[Sequence[str]], str] | None = None


@dataclass(frozen=True, slots=True)
class Spent:
    """What statements took, as an engine's history counts it; ``keeps`` says in words how far that reaches."""

    statements: int
    bytes_scanned: int
    rows_produced: int
    warehouse_seconds: float
    keeps: str


class LifetimePort(ABC):
    """Opens no more, closes once, and lets readers see what is finished."""

    @property
    @abstractmethod
    def location(self) -> str:
        """Where the data are, for people."""

    @abstractmethod
    def publish(self) -> None:
        """Let readers in other processes see the observability tables as they are now."""

    @abstractmethod
    def running(self, *, take_over: bool) -> AbstractContextManager[None]:
        """The right to run the loop, for one process at a time; inside it, it joins itself.

        Args:
            take_over: take the right from a run that died with it; whatever that run still tries to write is refused.

        Raises:
            DatabaseBusy: another process runs the loop.
        """

    @abstractmethod
    def deployment(self) -> Sequence[str]:
        """The statements that make what is missing for churnobs to work here; nothing is done."""

    @abstractmethod
    def deploy(self, statements: Sequence[str]) -> None:
        """Run them."""

    @abstractmethod
    def examine(self) -> Sequence[Check]:
        """Look at everything that must hold for churnobs to work here, and change nothing."""

    @abstractmethod
    def spent(self, purpose: str) -> Spent:
        """What the engine's own history says of the statements whose purpose begins so.

        Raises:
            NotSupported: it keeps none, or does not show it.
        """

    @abstractmethod
    def close(self) -> None:
        """Let go of the engine."""
