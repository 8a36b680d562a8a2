"""What readers in other processes see: a small copy of the observability tables, written aside and renamed."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Final

from churnobs.backends.duckdb.schema import TABLES
from churnobs.errors import NotSupported
from churnobs.ports import LifetimePort, Spent
from churnobs.records import Check

if TYPE_CHECKING:
    from churnobs.backends.duckdb.database import Database

PUBLISHED: Final = (
    "JOURNAL",
    "MEASUREMENTS",
    "DRIFT",
    "BACKTESTS",
    "ESTIMATES",
    "ESTIMATE_GRADES",
    "ALERT_HISTORY",
    "ALERT_ACKNOWLEDGEMENTS",
    "RETRAIN_REQUESTS",
    "LINEAGE",
    "FILES_INGESTED",
    "ENTITIES",
    "FEATURE_VIEWS",
    "DATASETS",
    "MODEL_VERSIONS",
    "MODEL_TAGS",
    "MONITORS",
    "ALERTS",
    "CHURNOBS_SCHEMA",
)


def published_path(path: Path) -> Path:
    """Where the published copy of a database is."""
    return path.with_name(path.name + ".published")


class DuckDBLifetime(LifetimePort):
    """Publishes and closes one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def location(self) -> str:
        """The file, or memory."""
        return str(self._database.path or "memory")

    @property
    def own_tables(self) -> frozenset[str]:
        """The names of the simulator's tables."""
        return frozenset({*TABLES, "CHURNOBS_SCHEMA"})

    def publish(self) -> None:
        """Write the observability tables aside and rename them into place; nothing to do for a database in memory."""
        path = self._database.path
        if path is None:
            return
        aside = published_path(path).with_suffix(".writing")
        # what a process left that died here; its log would be replayed into the new file
        for left in (aside, aside.with_name(f"{aside.name}.wal")):
            left.unlink(missing_ok=True)
        self._database.execute(f"ATTACH '{str(aside).replace(chr(39), chr(39) * 2)}' AS PUBLISHED")
        try:
            with self._database.transaction():
                for name in PUBLISHED:
                    self._database.execute(f"CREATE TABLE PUBLISHED.{name} AS FROM {name}")
        finally:
            self._database.execute("DETACH PUBLISHED")
        aside.replace(published_path(path))

    def running(self, *, take_over: bool) -> AbstractContextManager[None]:  # noqa: ARG002  # a lock dies with its holder
        """DuckDB's lock on the file is that right: whoever could open it to write has it."""
        return nullcontext()

    def deployment(self) -> tuple[str, ...]:
        """Nothing: opening a database made its tables."""
        return ()

    def deploy(self, statements: Sequence[str]) -> None:
        """Run them."""
        for statement in statements:
            self._database.execute(statement)

    def examine(self) -> tuple[Check, ...]:
        """The database can be used, or it could not have been opened."""
        writable = not self._database.read_only
        return (
            Check("duckdb", ok=True, found=str(self._database.value("SELECT version()"))),
            Check("database", ok=True, found=f"{self.location}, {'to read and write' if writable else 'to read only'}"),
        )

    def spent(self, purpose: str) -> Spent:  # noqa: ARG002  # it would be asked for
        """Nothing: DuckDB keeps no history of statements."""
        raise NotSupported("the simulator keeps no history of statements", hint="time it: report.seconds has each step")

    def close(self) -> None:
        """Close the database."""
        self._database.close()
