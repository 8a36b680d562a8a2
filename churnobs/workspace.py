"""The workspace: what ``churnobs.connect`` returns, and the door to everything else."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, final

from churnobs.alerts.door import Alerts
from churnobs.codec import whole_text
from churnobs.errors import BadConfig, NotSupported
from churnobs.feature_store import FeatureStore
from churnobs.frame import Frame, free_name, quoted, rows_of
from churnobs.ingest import Ingest, IngestReport
from churnobs.monitor import Monitor
from churnobs.registry import Registry

if TYPE_CHECKING:
    import pandas as pd

    from churnobs.forgetting import Forgetting
    from churnobs.lifecycle.config import LifecycleConfig
    from churnobs.lifecycle.corrections import Rollback
    from churnobs.lifecycle.run import Lifecycle
    from churnobs.ports import Backend
    from churnobs.records import Check, Refresh


@final
class Workspace:
    """One database with everything in it: data, features, models, monitors, alerts and the loop."""

    def __init__(self, backend: Backend, *, refresh: Refresh = "fresh") -> None:
        self._backend = backend
        self.feature_store = FeatureStore(backend.engine, backend.feature_store)
        self.registry = Registry(backend.engine, backend.registry, self._roll_back)
        self.monitor = Monitor(backend.engine, backend.monitors, refresh=refresh)
        self.alerts = Alerts(backend.engine, backend.alerts, self.monitor)

    @property
    def is_partial(self) -> bool:
        """Whether another process is writing the database, so that only what it has published can be read."""
        return self._backend.partial

    def ingest(
        self,
        source: str | Path,
        *,
        mapping: Any = None,
        on_error: Literal["raise", "quarantine"] = "raise",
        period_end: dt.date | None = None,
    ) -> IngestReport:
        """Load month files, or one file of any schema through a mapping; a file is loaded once.

        Args:
            source: a folder of month files (``sales_2024_5.csv``, ``feedback_raw_2024_5.csv``, ``customers.csv``; CSV or
                Parquet), or one file.
            mapping: a ``Mapping``, a dict of the same shape, or the path of a TOML file.
            on_error: "quarantine" puts bad rows with their reason into REJECTS and loads the rest.
            period_end: the first day that the data do not cover, where that is not the first of a month.

        Raises:
            BadFile: a file cannot be loaded; nothing of it was. Says file, line, column and what was expected.
            DatabaseBusy: another process runs the loop.
        """
        with self._backend.lifetime.running(take_over=False):
            door = Ingest(self._backend.loader)
            return door.ingest(source, mapping=mapping, on_error=on_error, period_end=period_end)

    def forget(self, customer_id: str) -> Forgetting:
        """Erase a customer from every table, dataset and published file, and keep on record that it was done.

        Erased are all rows with the id: sales, customers, feedback, features, labels, predictions, datasets and baselines,
        rejected rows, tables of your own with a column CUSTOMER_ID, and sentiments of texts that nobody else wrote; alarms
        that name the customer are kept without the name. What was measured and counted before stays as it was reported;
        whatever is counted later does not know the customer, and rows of the id in files that are ingested later are
        dropped and counted. The table FORGOTTEN and the next month's report tell that it happened, not to whom.

        On DuckDB the file is written anew, so that free blocks hold nothing; if the process dies before that, call it
        again. On Snowflake staged files go, and Time Travel and Fail-safe keep rows for as long as the account says.
        Doing it again does nothing.

        Raises:
            NotFound: no row is of this customer, and none ever was.
            DatabaseBusy: another process runs the loop.
        """
        from churnobs.forgetting import Forget

        with self._backend.lifetime.running(take_over=False):
            return Forget(self._backend, self._backend.eraser).forget(customer_id)

    def beside(self) -> Workspace:
        """An empty workspace of the simulator that nobody else sees, in memory; close it after use.

        Raises:
            NotSupported: there is none on this backend.
        """
        if self._backend.beside is None:
            raise NotSupported(
                "there is no workspace beside this one", hint="run the files on the simulator: churnobs.connect()"
            )
        return Workspace(self._backend.beside())

    def lifecycle(
        self,
        config: LifecycleConfig | None = None,
        *,
        source: str | Path | None = None,
        mapping: Any = None,
        period_end: dt.date | None = None,
        load: bool = True,
    ) -> Lifecycle:
        """The monthly loop over what is ingested, and over the files of a source that are not yet.

        Args:
            config: what churn means, how to train and when to retrain; the defaults are the design's.
            source, mapping, period_end: as for ``ingest``; files are loaded month by month as the loop gets to them, a
                file that covers many months at once.
            load: whether such a file is loaded now; False for a loop that is only to be looked at.
        """
        from churnobs.lifecycle.config import LifecycleConfig
        from churnobs.lifecycle.run import Lifecycle

        door = Ingest(self._backend.loader)
        files = None if source is None else door.open(source, mapping=mapping, period_end=period_end)
        return Lifecycle(self, self._backend, config or LifecycleConfig(), files, load=load)

    def _roll_back(self, name: str, reason: str) -> Rollback:
        from churnobs.lifecycle.config import LifecycleConfig

        return self.lifecycle(LifecycleConfig(name=name)).rollback(reason)

    def sql(self, text: str) -> Frame:
        """One query; it runs when its rows are asked for."""
        return Frame(self._backend.engine, whole_text(text))

    def write_pandas(self, df: pd.DataFrame, table_name: str, *, overwrite: bool = False) -> Frame:
        """Put rows into a table, which is made when it is not there; columns become upper case.

        Args:
            df: the rows; missing values become NULL.
            table_name: upper-cased; not one of churnobs' own tables.
            overwrite: replace the table instead of appending to it.

        Raises:
            BadConfig: the table is churnobs' own, two columns differ in case only, or a column has no one type.
        """
        name = free_name(self._backend.engine, table_name, self._backend.feature_store.datasets())
        if name in {f"{record.model_name}_BASELINE" for record in self._backend.registry.versions()}:
            raise BadConfig(f"{name} is what a model was first trained on", hint="choose another name")
        rows = rows_of(df)
        with self._backend.engine.transaction():
            if overwrite:
                self._backend.engine.drop(name)
            self._backend.engine.write(name, rows)
        return self.table(name)

    def table(self, name: str) -> Frame:
        """A table or view; ``.expr`` is its Ibis expression.

        Raises:
            NotFound: there is none of this name.
        """
        import ibis

        columns = self._backend.engine.columns(f"SELECT * FROM {quoted(name.upper())}")
        return Frame(self._backend.engine, ibis.table(dict(columns), name=name.upper()))

    def deployment(self) -> tuple[str, ...]:
        """The statements that make what churnobs needs here and does not find; nothing is done.

        Raises:
            BadConfig: the schema belongs to somebody else, or to another version of churnobs.
        """
        return tuple(self._backend.lifetime.deployment())

    def deploy(self, *, show: Callable[[str], None] | None = print) -> tuple[str, ...]:
        """Make what churnobs needs here: schema, tables, stage and stream; what is there stays as it is.

        A simulator has everything from the start. Doing it again does nothing.

        Args:
            show: is given each statement before any of them is run; None for silence.

        Returns:
            The statements that were run.

        Raises:
            BadConfig: the schema belongs to somebody else, or a grant is missing.
        """
        statements = self.deployment()
        for statement in statements:
            if show is not None:
                show(statement)
        self._backend.lifetime.deploy(statements)
        return statements

    def doctor(self) -> tuple[Check, ...]:
        """Look at everything that must hold for churnobs to work here: versions, role, warehouse, grants, time."""
        return tuple(self._backend.lifetime.examine())

    def close(self) -> None:
        """Let go of the database."""
        self._backend.lifetime.close()

    def __enter__(self) -> Workspace:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Workspace({self._backend.lifetime.location})"
