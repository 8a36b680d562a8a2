"""Lineage: which object was made from which, asked for with SYSTEM$DGQL as Snowpark does."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from churnobs.testing import inference, queries
from churnobs.testing.failures import SqlError, not_supported
from churnobs.testing.names import Name, fold, quoted_if_needed, split_name
from churnobs.testing.proof import client_source
from churnobs.testing.rewriting import Rewriter, scalar
from churnobs.testing.session import Session
from churnobs.testing.trees import value_of


@dataclass(frozen=True, slots=True)
class Node:
    """An object in the graph: its domain, its name and, for datasets and models, its version."""

    domain: str
    name: Name
    version: str = ""


def edges(session: Session) -> list[tuple[Node, Node]]:
    """All edges, from source to target, as they are now."""
    catalog = session.account.catalog
    made: list[tuple[Node, Node]] = []
    for view in catalog.views:
        made += [(_table(s), _table(view.name)) for s in sorted(session.account.sources.get(view.name, set()))]
    for dataset in catalog.shelf("Dataset"):
        for version in dataset.versions.values():
            made += [(_table(s), Node("DATASET", dataset.name, version.name)) for s in sorted(version.sources)]
    for model in catalog.shelf("Model"):
        for held in model.versions:
            target = Node("MODULE", model.name, held.name)
            for source in inference.manifest(held.folder).get("lineage_sources") or []:
                if source["type"] == "DATASET":
                    made.append(
                        (Node("DATASET", session.resolve(split_name(source["entity"])), str(source["version"])), target)
                    )
                elif source["type"] == "EXPERIMENT":
                    run = fold(str(source["version"]))
                    made.append((Node("EXPERIMENT", session.resolve(split_name(source["entity"])), run), target))
                elif source["type"] == "QUERY":
                    made += [(_table(s), target) for s in sorted(_read_by(session, str(source["entity"])))]
    return made


def _table(name: Name) -> Node:
    return Node("TABLE", name)


def _read_by(session: Session, query: str) -> set[Name]:
    rewriter = Rewriter(session, (), describe_only=True)
    try:
        rewriter.query(queries.parse(query))
        return set(rewriter.sources)
    except SqlError:
        return set()
    finally:
        rewriter.release()


def _id(node: Node) -> str:
    return f"{node.domain}|{node.name}|{node.version}".encode().hex()


def _entity(session: Session, node: Node) -> dict[str, Any]:
    name = node.name
    view = session.account.catalog.views.get(name)
    entity: dict[str, Any] = {
        "domain": node.domain, "refinedDomain": "VIEW" if view is not None else node.domain,
        "name": node.version or quoted_if_needed(name.name),
        "userDomain": {"MODULE": "MODEL"}.get(node.domain, node.domain), "db": quoted_if_needed(name.database),
        "schema": quoted_if_needed(name.schema), "createdOn": str(int(session.account.clock.now().timestamp() * 1000)),
        "id": _id(node), "properties": {},
    }  # fmt: skip
    tags = session.account.catalog.tagged.get(("TABLE", str(name)), {})
    if node.domain == "TABLE" and any(
        t.name == "SNOWML_FEATURE_STORE_OBJECT" and "FEATURE_VIEW" in v for t, v in tags.items()
    ):
        entity["userDomain"] = "FEATURE_VIEW"
    if node.version:
        entity["properties"] = {"parentName": quoted_if_needed(name.name), "parentId": entity["id"]}
    entity["status"] = "ACTIVE" if _alive(session, node) else "DELETED"
    return entity


def _alive(session: Session, node: Node) -> bool:
    from churnobs.testing.tables import has_table

    catalog = session.account.catalog
    if node.domain == "EXPERIMENT":
        experiment = catalog.shelf("Experiment").get(node.name)
        return experiment is not None and node.version in experiment.runs
    if node.domain == "DATASET":
        found = catalog.shelf("Dataset").get(node.name)
        return found is not None and node.version in found.versions
    if node.domain == "MODULE":
        model = catalog.shelf("Model").get(node.name)
        return model is not None and any(v.name == node.version for v in model.versions)
    return catalog.views.get(node.name) is not None or has_table(session, node.name)


@scalar("SYSTEM$DGQL", proof=client_source("snowpark/lineage.py"))
def dgql(rewriter: Rewriter, args: list[Any], _named: dict[str, Any]) -> exp.Expr:
    """SYSTEM$DGQL: the edges of one object, in the form that Snowpark's lineage asks for."""
    text = str(rewriter.evaluate(args[0]))
    head = re.match(
        r'\{V\(domain: (\w+), (name|id):"((?:[^"\\]|\\.)*)"(?:, parent(?:Name|Id):"((?:[^"\\]|\\.)*)")?\)', text
    )
    if head is None:
        raise not_supported("this SYSTEM$DGQL query", "use session.lineage.trace")
    domain, key, value, parent = head.group(1), head.group(2), _plain(head.group(3)), _plain(head.group(4) or "")
    session = rewriter.session
    if key == "id":
        domain, name, version = bytes.fromhex(value).decode().split("|")
        node = Node(domain, Name(*split_name(name)), version)
    elif parent:
        node = Node(domain, session.resolve(split_name(parent)), value)
    else:
        node = Node({"VIEW": "TABLE"}.get(domain, domain), session.resolve(split_name(value)))
    found = edges(session)
    answer: dict[str, Any] = {}
    for direction, at in (("upstream", 1), ("downstream", 0)):
        if f"{direction}:" in text:
            answer[direction] = [
                {"S": _entity(session, pair[0]), "T": _entity(session, pair[1]), "properties": {}}
                for pair in found
                if pair[at] == node
                or (
                    pair[at].domain == node.domain
                    and pair[at].name == node.name
                    and pair[at].version.upper() == node.version.upper()
                )
            ]
    return value_of(json.dumps({"data": {"V": answer}}))


def _plain(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)
