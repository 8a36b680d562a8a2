"""Tags: CREATE, SHOW, DROP, and the functions that read them."""

from __future__ import annotations

import json
from typing import Any

from sqlglot import exp

from churnobs.testing.catalog import OWNER, Tag
from churnobs.testing.failures import missing, not_supported
from churnobs.testing.lexer import Parser
from churnobs.testing.names import Name, split_name
from churnobs.testing.proof import client_source, document
from churnobs.testing.results import Result, of_rows, status
from churnobs.testing.rewriting import Rewriter, scalar, table_function
from churnobs.testing.session import Session
from churnobs.testing.statements import command, created, creation, dropped
from churnobs.testing.trees import value_of

_DOMAINS = {"VIEW": "TABLE", "DYNAMIC TABLE": "TABLE", "MODEL": "MODULE"}


@command("CREATE TAG", proof=document("sql/create-tag"))
def create(session: Session, parser: Parser) -> Result:
    """CREATE TAG [ALLOWED_VALUES] [COMMENT]."""
    head = creation(session, parser, "TAG")
    allowed: list[str] = []
    comment = ""
    while not parser.done():
        if parser.accept("ALLOWED_VALUES"):
            allowed.append(parser.string())
            while parser.accept(","):
                allowed.append(parser.string())
        elif parser.accept("COMMENT", "="):
            comment = parser.string()
        else:
            raise parser.wrong()
    made = Tag(name=head.name, allowed=allowed, comment=comment)
    done = session.account.catalog.tags.add(made, replace=head.replace, if_not_exists=head.if_not_exists)
    return created("Tag", head.name.name, made=done)


@command("ALTER TAG", proof=document("sql/alter-tag"))
def alter(session: Session, parser: Parser) -> Result:
    """ALTER TAG: comment and allowed values."""
    parser.expect("ALTER", "TAG")
    if_exists = parser.accept("IF", "EXISTS")
    name = session.resolve(parser.parts())
    tag = session.account.catalog.tags.get(name)
    if tag is None:
        if if_exists:
            return status("Statement executed successfully.")
        raise missing("Tag", name)
    if parser.accept("SET", "COMMENT", "="):
        tag.comment = parser.string()
    elif (verb := parser.accept_any("ADD", "DROP")) is not None:
        parser.expect("ALLOWED_VALUES")
        values = [parser.string()]
        while parser.accept(","):
            values.append(parser.string())
        tag.allowed = [*tag.allowed, *values] if verb == "ADD" else [v for v in tag.allowed if v not in values]
    else:
        raise not_supported("this ALTER TAG", "CREATE OR REPLACE the tag")
    return status("Statement executed successfully.")


@command("DROP TAG", proof=document("sql/drop-tag"))
def drop(session: Session, parser: Parser) -> Result:
    """DROP TAG [IF EXISTS]."""
    parser.expect("DROP", "TAG")
    if_exists = parser.accept("IF", "EXISTS")
    name = session.resolve(parser.parts())
    found = session.account.catalog.tags.drop(name, if_exists=if_exists)
    for held in session.account.catalog.tagged.values():
        held.pop(name, None)
    return dropped(name.name, found=found is not None)


@command("SHOW TAGS", reads=True, proof=document("sql/show-tags"))
def show(session: Session, parser: Parser) -> Result:
    """SHOW TAGS [LIKE] [IN]."""
    from churnobs.testing.show import filters

    parser.expect("SHOW", "TAGS")
    found = filters(session, parser)
    columns = {"created_on": "timestamp_ltz"} | dict.fromkeys(
        (
            "name",
            "database_name",
            "schema_name",
            "owner",
            "comment",
            "allowed_values",
            "owner_role_type",
            "propagate",
            "on_conflict",
        ),
        "text",
    )
    rows = [
        (
            t.created_on,
            t.name.name,
            t.name.database,
            t.name.schema,
            OWNER,
            t.comment,
            json.dumps(t.allowed) if t.allowed else None,
            "ROLE",
            None,
            None,
        )
        for t in session.account.catalog.tags
        if found.holds(t.name)
    ]
    return found.shown(columns, rows)


def _tagged(session: Session, domain: str, name: str) -> dict[Name, str]:
    domain = _DOMAINS.get(domain.upper(), domain.upper())
    full = session.resolve(split_name(name))
    return session.account.catalog.tagged.get((domain, str(full)), {})


@scalar("SYSTEM$GET_TAG", proof=document("functions/system_get_tag"))
def get_tag(rewriter: Rewriter, args: list[Any], _named: dict[str, Any]) -> exp.Expr:
    """SYSTEM$GET_TAG(tag, object, domain)."""
    tag, name, domain = (str(rewriter.evaluate(a)) for a in args)
    found = _tagged(rewriter.session, domain, name)
    return value_of(found.get(rewriter.session.resolve(split_name(tag))))


@table_function("TAG_REFERENCES", proof=document("functions/tag_references"))
def references(rewriter: Rewriter, args: list[Any], _named: dict[str, Any]) -> Result:
    """INFORMATION_SCHEMA.TAG_REFERENCES(object, domain)."""
    rewriter.dynamic = True
    name, domain = (str(rewriter.evaluate(a)) for a in args)
    full = rewriter.session.resolve(split_name(name))
    columns = dict.fromkeys(
        (
            "TAG_DATABASE",
            "TAG_SCHEMA",
            "TAG_NAME",
            "TAG_VALUE",
            "LEVEL",
            "OBJECT_DATABASE",
            "OBJECT_SCHEMA",
            "OBJECT_NAME",
            "DOMAIN",
        ),
        "text",
    )
    rows = [
        (t.database, t.schema, t.name, value, domain.upper(), full.database, full.schema, full.name, domain.upper())
        for t, value in sorted(_tagged(rewriter.session, domain, name).items())
    ]
    return of_rows(columns, rows)


@scalar("ENTITY_DETAIL", proof=client_source("ml/feature_store/feature_store.py"))
def entity_detail(rewriter: Rewriter, args: list[Any], _named: dict[str, Any]) -> exp.Expr:
    """ENTITY_DETAIL('TAG', name, '["TAG_REFERENCES_INTERNAL"]'): undocumented; what the feature store's client asks."""
    kind, name, what = (str(rewriter.evaluate(a)) for a in args)
    if kind.upper() != "TAG" or "TAG_REFERENCES_INTERNAL" not in what:
        raise not_supported(f"ENTITY_DETAIL('{kind}')", "use SHOW")
    session = rewriter.session
    tag = session.resolve(split_name(name))
    found = []
    for (domain, text), held in sorted(session.account.catalog.tagged.items()):
        if tag in held:
            full = Name(*split_name(text))
            found.append({
                "tagDatabase": tag.database, "tagSchema": tag.schema, "tagName": tag.name, "tagValue": held[tag],
                "database": full.database,
                "schema": full.schema, "entityName": full.name, "domain": domain, "entityDatabase": full.database,
                "entitySchema": full.schema,
            })  # fmt: skip
    return value_of(json.dumps({"referencedEntities": {"tagReferenceList": found}}))
