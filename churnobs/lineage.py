"""Which object was made of which: one table of edges, read one hop at a time or whole, and how it is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from churnobs.errors import BadConfig

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

    from churnobs.ports import EnginePort

# (domain, name); domains are table, feature_view, dataset, model, prediction and monitor
Node = tuple[str, str]
# from what came first to what was made last, one column each
DOMAINS: Final = ("table", "feature_view", "dataset", "model", "prediction", "monitor")

Edge = tuple[Node, Node]


@dataclass(frozen=True, slots=True)
class Placed:
    """A node of the drawing: column by domain, and a row of its own, so that its name has the row to itself."""

    domain: str
    name: str
    column: int
    row: int


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


def edges_of(rows: pd.DataFrame) -> tuple[Edge, ...]:
    """The edges of the table LINEAGE."""
    names = ("SOURCE_DOMAIN", "SOURCE_NAME", "TARGET_DOMAIN", "TARGET_NAME")
    return tuple(((a, b), (c, d)) for a, b, c, d in rows[list(names)].itertuples(index=False, name=None))


def nodes_of(edges: Iterable[Edge]) -> tuple[Node, ...]:
    """Every node, by domain and name."""
    found = {node for edge in edges for node in edge}
    return tuple(sorted(found, key=lambda n: (_column(n[0]), n[1])))


def around(edges: tuple[Edge, ...], node: Node) -> tuple[Edge, ...]:
    """The edges on any way to a node, and on any way from it."""
    return tuple(
        e for e in edges if e in _reached(edges, node, forward=True) or e in _reached(edges, node, forward=False)
    )


def _reached(edges: tuple[Edge, ...], node: Node, *, forward: bool) -> frozenset[Edge]:
    here, there = (0, 1) if forward else (1, 0)
    by_end: dict[Node, list[Edge]] = {}
    for edge in edges:
        by_end.setdefault(edge[here], []).append(edge)
    found: set[Edge] = set()
    front = [node]
    while front:
        for edge in by_end.get(front.pop(), []):
            if edge not in found:
                found.add(edge)
                front.append(edge[there])
    return frozenset(found)


def placed(edges: Iterable[Edge]) -> dict[Node, Placed]:
    """Each node's place."""
    nodes = nodes_of(edges)
    domains = list(dict.fromkeys(domain for domain, _ in nodes))
    return {node: Placed(*node, domains.index(node[0]), row) for row, node in enumerate(nodes)}


def _column(domain: str) -> int:
    return DOMAINS.index(domain) if domain in DOMAINS else len(DOMAINS)
