"""Files to load, and a look round the back of the door that they go through."""

from __future__ import annotations

import datetime as dt
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from retail import put

from churnobs import Workspace, tables
from churnobs.ingest import Ingest

HEADER = "TRANSACTION_ID,CUSTOMER_ID,TRANSACTION_DATE,DISCOUNT_APPLIED,NUM_ITEMS,PAYMENT_METHOD,TOTAL_AMOUNT\n"
GOOD = "t1,c2,2024-05-03,true,2,CARD,10.5\nt2,c1,2024-05-01,false,1,CASH,3\n"
ROW = "t9,c9,2024-05-09,true,1,CARD,9.9\n"
OWN = {"CUSTOMER_ID": "who", "TRANSACTION_DATE": "day", "TOTAL_AMOUNT": "paid"}
TABLES = ("SALES", "CUSTOMERS", "FEEDBACK_RAW", "CUSTOMER_KEYS", "FILES_INGESTED", "REJECTS")


class House:
    """A workspace, its door for files, and what is in its tables."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.engine: Any = workspace._backend.engine
        self.door = Ingest(workspace._backend.loader)

    def transaction(self) -> AbstractContextManager[None]:
        return self.engine.transaction()

    def rows(self, query: str) -> list[tuple]:
        return [tuple(row.values()) for row in self.engine.read(query).to_pylist()]

    def counts(self) -> dict[str, int]:
        listed = ", ".join(f"(SELECT count(*) FROM {name}) AS {name}" for name in TABLES)
        return dict(zip(TABLES, self.rows(f"SELECT {listed}")[0], strict=True))

    def clear(self) -> None:
        for name in TABLES:
            put(self.workspace, name, getattr(tables, name), [])

    def empty(self) -> bool:
        return set(self.counts().values()) == {0}


def sales(folder: Path, text: str | bytes, name: str = "sales_2024_5.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def parquet(folder: Path, name: str = "sales_2024_5.parquet", **columns: object) -> Path:
    table = {
        "TRANSACTION_ID": ["t1", "t2"],
        "CUSTOMER_ID": ["c1", "c2"],
        "TRANSACTION_DATE": [dt.date(2024, 5, 1), dt.date(2024, 5, 2)],
        "DISCOUNT_APPLIED": [True, None],
        "NUM_ITEMS": [1, 2],
        "PAYMENT_METHOD": ["CARD", None],
        "TOTAL_AMOUNT": [1.5, 2.25],
    } | columns
    pq.write_table(pa.table({name: values for name, values in table.items() if values is not None}), folder / name)
    return folder / name
