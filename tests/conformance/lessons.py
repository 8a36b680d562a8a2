"""Rows to learn from, and lessons on them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from churnobs import DefaultTrainer, Workspace
from churnobs.artefacts import checksum, dumped
from churnobs.fitting import Lesson
from churnobs.training import as_trainer

ROWS = {
    "CUSTOMER_KEY": "int64",
    "TIMESTAMP": "timestamp(6)",
    "SPEND": "float64",
    "ORDERS": "int64",
    "KIND": "string",
    "CHURNED": "int64",
}
FEATURES = ("SPEND", "ORDERS", "KIND")
QUERY = 'SELECT * FROM LESSONS ORDER BY "TIMESTAMP", "CUSTOMER_KEY"'


def rows(kinds: int = 3, count: int = 400) -> list[dict[str, Any]]:
    rng = np.random.default_rng(5)
    made = []
    for number in range(count):
        spend = float(rng.gamma(2.0, 30.0))
        made.append(
            {
                "CUSTOMER_KEY": number,
                "TIMESTAMP": pd.Timestamp(2024, 4 + number % 2, 1).to_pydatetime(),
                "SPEND": spend,
                "ORDERS": int(rng.poisson(3)),
                "KIND": "abc"[number % kinds] if number % 7 else None,
                "CHURNED": int(rng.random() < 1 / (1 + spend / 40)),
            }
        )
    return made


def engine_of(workspace: Workspace) -> Any:
    return workspace._backend.engine


def sql(workspace: Workspace, statement: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in engine_of(workspace).link.session.sql(statement).collect()]


def lesson(trainer: Any = None, query: str = QUERY) -> Lesson:
    return Lesson(query, FEATURES, as_trainer(trainer or DefaultTrainer()), 7)


def sha(model: Any) -> str:
    return checksum(dumped(model))
