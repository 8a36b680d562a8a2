"""The tables of the simulator: data, catalog, artefacts and journal in one file."""

from __future__ import annotations

from typing import Final

from churnobs import tables
from churnobs.tables import Columns

SCHEMA_VERSION: Final = 4

_RECORD: Final[Columns] = {"POSITION": "int64", "NAME": "string", "VERSION": "string", "RECORD": "string"}

TABLES: Final[dict[str, Columns]] = {
    **tables.ALL,
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
OWN_TABLES: Final = frozenset({*TABLES, "CHURNOBS_SCHEMA"})
