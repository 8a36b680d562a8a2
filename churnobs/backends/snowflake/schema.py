"""The tables of churnobs in Snowflake: data, catalog and journal in one schema."""

from __future__ import annotations

from typing import Final

from churnobs import tables
from churnobs.tables import Columns

SCHEMA_VERSION: Final = 4
STAGE: Final = "CHURNOBS_FILES"
FEEDBACK_STREAM: Final = "FEEDBACK_STREAM"
# rows of a file as text, from COPY to the end of the transaction that checks and loads them: nobody else sees any
STAGED: Final = "CHURNOBS_STAGED"
STAGED_WIDTH: Final = 40

TABLES: Final[dict[str, Columns]] = {
    **tables.ALL,
    # the catalog, append-only: of one (SHELF, NAME, VERSION) the newest row counts, and a NULL record is gone
    "RECORDS": {
        "POSITION": "int64",
        "SHELF": "string",
        "NAME": "string",
        "VERSION": "string",
        "RECORD": "string",
    },
    "SENTIMENT_CACHE": {"MODEL": "string", "TEXT_HASH": "string", "SENTIMENT": tables.SENTIMENT},
    STAGED: {"FILE": "string", "RECORD": "int64", **{f"C{n}": "string" for n in range(1, STAGED_WIDTH + 1)}},
    # which alarms the native alerts have told; they write it, the loop does not
    "ALERTS_TOLD": {
        "NAME": "string",
        "POSITION": "int64",
        "MONTH": "string",
        "WORDS": "string",
        "TOLD_AT": "timestamp(6)",
    },
    # who runs the loop now
    "RUN_LOCK": {"HOLDER": "string", "WHO": "string", "SINCE": "timestamp(6)", "BEAT": "timestamp(6)"},
}
OWN_TABLES: Final = frozenset({*TABLES, "CHURNOBS_SCHEMA"})

# tables of few rows that no view stands on: their rows may wait for the end of the transaction
GATHERED: Final = frozenset(
    {
        *(
            "JOURNAL",
            "RECORDS",
            "LINEAGE",
            "FILES_INGESTED",
            "REJECTS",
            "FORGOTTEN",
            "STATE_THROUGH",
            "MEASUREMENTS",
            "MEASUREMENTS_REVISED",
            "DRIFT",
            "BACKTESTS",
        ),
        *("ESTIMATES", "ESTIMATE_GRADES", "ALERT_HISTORY", "ALERT_ACKNOWLEDGEMENTS", "RETRAIN_REQUESTS"),
        *("MONITOR_BINS", "MONITOR_NULLS", "MONITOR_DAYS"),
    }
)
