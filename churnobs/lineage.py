"""Which object was made of which: one table of edges, read one hop at a time or whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from churnobs.errors import BadConfig

if TYPE_CHECKING:
    from collections.abc import Iterable

    from churnobs.ports import EnginePort

# (domain, name); domains are table, feature_view, dataset, model, prediction and monitor
Node = tuple[str, str]


def record_edges(engine: EnginePort, edges: Iterable[tuple[Node, Node]]) -> None:
    """Add edges source -> target; one that is there already is not added again."""
    known = {tuple(row.values()) for row in engine.read("LINEAGE").to_pylist()}
    fresh = [(*source, *target) for source, target in dict.fromkeys(edges) if (*source, *target) not in known]
    if fresh:
        names = ("SOURCE_DOMAIN", "SOURCE_NAME", "TARGET_DOMAIN", "TARGET_NAME")
        engine.write("LINEAGE", pa.table({name: [edge[i] for edge in fresh] for i, name in enumerate(names)}))


def neighbours(engine: EnginePort, name: str, direction: str) -> list[str]:
    """Objects one hop up or down of a name, each as ``domain NAME``.

    Raises:
        BadConfig: the direction is neither upstream nor downstream.
    """
    if direction not in {"upstream", "downstream"}:
        raise BadConfig(f"{direction!r} is no direction", hint='"upstream" or "downstream"')
    here, there = ("TARGET", "SOURCE") if direction == "upstream" else ("SOURCE", "TARGET")
    rows = engine.read("LINEAGE").to_pylist()
    return [f"{r[f'{there}_DOMAIN']} {r[f'{there}_NAME']}" for r in rows if r[f"{here}_NAME"] == name]
