"""What readers in other processes see: a small copy of the observability tables, written aside and renamed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Final

from churnobs.backends.duckdb.opening import remove
from churnobs.errors import NotSupported
from churnobs.expressions.customers import at_risk, comments, purchases
from churnobs.expressions.datasets import KEY_TYPES
from churnobs.expressions.portable import REFUNDS, Refunds
from churnobs.expressions.render import Query
from churnobs.lifecycle.journal import CONFIG
from churnobs.months import add_months
from churnobs.ports import LifetimePort, Spent
from churnobs.records import Check
from churnobs.tables import FEATURES_SUBJECT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from churnobs.backends.duckdb.database import Database

PUBLISHED: Final = (
    "JOURNAL",
    "MEASUREMENTS",
    "MEASUREMENTS_REVISED",
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


# of so many customers readers see what they bought in a year and said last
AT_RISK: Final = 100
_COMMENTS: Final = 5
# the columns of what is published, where there is nobody yet
_RISK: Final = {"CUSTOMER_KEY": "INTEGER", "CUSTOMER_ID": "VARCHAR", "PROBABILITY": "DOUBLE", "VERSION": "VARCHAR"}
_BOUGHT: Final = {"CUSTOMER_ID": "VARCHAR", "MONTH": "DATE", "ORDERS": "BIGINT", "AMOUNT": "DOUBLE"}
_SAID: Final = {"CUSTOMER_ID": "VARCHAR", "CHAT_DATE": "DATE", "COMMENT": "VARCHAR", "SENTIMENT": "DOUBLE"}


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

    def publish(self) -> None:
        """Write the observability tables aside and rename them into place; nothing to do for a database in memory."""
        path = self._database.path
        if path is None:
            return
        aside = published_path(path).with_suffix(".writing")
        # what a process left that died here; its log would be replayed into the new file
        remove(aside)
        self._database.execute(f"ATTACH '{str(aside).replace(chr(39), chr(39) * 2)}' AS PUBLISHED")
        try:
            try:
                with self._database.transaction():
                    for name in PUBLISHED:
                        self._database.execute(f"CREATE TABLE PUBLISHED.{name} AS FROM {name}")
                    for name, query in self._looks().items():
                        self._database.execute(f"CREATE TABLE PUBLISHED.{name} AS {query}")
            finally:
                self._database.execute("DETACH PUBLISHED")
        except BaseException:
            # on a full disk half a copy would take what room is left
            remove(aside)
            raise
        aside.replace(published_path(path))

    def _looks(self) -> dict[str, str]:
        """What people look at while a run goes on, as queries: whom to call, and how the newest features are spread."""
        newest = self._database.value("SELECT max(TIMESTAMP) FROM PREDICTIONS WHERE DEFAULT_PROBABILITY IS NOT NULL")
        looks = {
            "AT_RISK": f"SELECT {_listed(_RISK)} LIMIT 0",
            "AT_RISK_PURCHASES": f"SELECT {_listed(_BOUGHT)} LIMIT 0",
            "AT_RISK_COMMENTS": f"SELECT {_listed(_SAID)} LIMIT 0",
            "FEATURE_HISTOGRAMS": (
                f"FROM MONITOR_HISTOGRAMS WHERE SUBJECT = '{FEATURES_SUBJECT}' AND SEGMENT_COLUMN IS NULL AND "
                f"(DAY IS NULL OR DAY = (SELECT max(DAY) FROM MONITOR_HISTOGRAMS WHERE SUBJECT = '{FEATURES_SUBJECT}'))"
            ),
        }
        if newest is None:
            return looks
        as_of = newest.date()
        features = self._database.columns("SELECT * FROM FEATURES")
        segments = tuple(n for n, kind in features.items() if kind.lstrip("!") == "string" and n not in KEY_TYPES)
        risk = self._database.read(Query(at_risk, (as_of, segments, (), AT_RISK)))
        keys = tuple(risk["CUSTOMER_KEY"].to_pylist())
        looks["AT_RISK"] = Query(at_risk, (as_of, segments, (), AT_RISK)).sql("duckdb")
        bought = Query(purchases, (keys, add_months(as_of, -12), as_of, self._refunds()))
        looks["AT_RISK_PURCHASES"] = bought.sql("duckdb")
        looks["AT_RISK_COMMENTS"] = Query(comments, (keys, as_of, _COMMENTS)).sql("duckdb")
        return looks

    def _refunds(self) -> Refunds:
        """The rule of the loop that wrote this database."""
        settings = self._database.value("SELECT RESULT FROM JOURNAL WHERE MONTH = '' AND STEP = ?", [CONFIG])
        found: Refunds = json.loads(settings or "{}").get("refunds", REFUNDS[0])
        return found

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


def _listed(columns: Mapping[str, str]) -> str:
    return ", ".join(f"CAST(NULL AS {kind}) AS {name}" for name, kind in columns.items())
