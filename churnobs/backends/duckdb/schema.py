"""The tables of the simulator: data, catalog, artefacts and journal in one file."""

from __future__ import annotations

from typing import Final

from churnobs import tables
from churnobs.tables import Columns

SCHEMA_VERSION: Final = 3

_RECORD: Final[Columns] = {"POSITION": "int64", "NAME": "string", "VERSION": "string", "RECORD": "string"}

TABLES: Final[dict[str, Columns]] = {
    "SALES": tables.SALES,
    "CUSTOMERS": tables.CUSTOMERS,
    "FEEDBACK_RAW": tables.FEEDBACK_RAW,
    "CUSTOMER_KEYS": tables.CUSTOMER_KEYS,
    "FILES_INGESTED": tables.FILES_INGESTED,
    "REJECTS": tables.REJECTS,
    "FEEDBACK_SENTIMENT": tables.FEEDBACK_SENTIMENT,
    "CUSTOMER_STATE": tables.CUSTOMER_STATE,
    "RECENT_FEEDBACK": tables.RECENT_FEEDBACK,
    "STATE_THROUGH": tables.STATE_THROUGH,
    "LABELS": tables.LABELS,
    "PREDICTIONS": tables.PREDICTIONS,
    "MONITOR_HISTOGRAMS": tables.MONITOR_HISTOGRAMS,
    "MONITOR_SCORES": tables.MONITOR_SCORES,
    "MONITOR_CONFUSION": tables.MONITOR_CONFUSION,
    "MONITOR_ERRORS": tables.MONITOR_ERRORS,
    "MONITOR_DAYS": tables.MONITOR_DAYS,
    "MEASUREMENTS": tables.MEASUREMENTS,
    "DRIFT": tables.DRIFT,
    "BACKTESTS": tables.BACKTESTS,
    "ESTIMATES": tables.ESTIMATES,
    "ESTIMATE_GRADES": tables.ESTIMATE_GRADES,
    "ALERT_HISTORY": tables.ALERT_HISTORY,
    "ALERT_ACKNOWLEDGEMENTS": tables.ALERT_ACKNOWLEDGEMENTS,
    "RETRAIN_REQUESTS": tables.RETRAIN_REQUESTS,
    "LINEAGE": tables.LINEAGE,
    "JOURNAL": tables.JOURNAL,
    # the simulator's own: how far the stream of feedback was read, and the catalog's records as JSON
    "STREAMS": {"NAME": "string", "TABLE_NAME": "string", "NEXT_ROW": "int64"},
    "SENTIMENT_CACHE": {"MODEL": "string", "TEXT_HASH": "string", "SENTIMENT": tables.SENTIMENT},
    "ENTITIES": _RECORD,
    "FEATURE_VIEWS": _RECORD,
    "DATASETS": _RECORD,
    "MODEL_VERSIONS": _RECORD,
    "MONITORS": _RECORD,
    "ALERTS": _RECORD,
    "MODEL_TAGS": {"MODEL_NAME": "string", "TAGS": "string"},
    "MODEL_ARTEFACTS": {"SHA256": "string", "CONTENT": "binary"},
}
