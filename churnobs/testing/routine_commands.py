"""DROP, DESCRIBE and SHOW of functions and procedures."""

from __future__ import annotations

from churnobs.testing.catalog import OWNER
from churnobs.testing.failures import missing
from churnobs.testing.lexer import Parser
from churnobs.testing.names import Name
from churnobs.testing.proof import document
from churnobs.testing.python_code import Code
from churnobs.testing.results import Result, of_rows
from churnobs.testing.routines import overloads
from churnobs.testing.session import Session
from churnobs.testing.show import filters
from churnobs.testing.statements import command, dropped


@command("DROP FUNCTION", "DROP PROCEDURE", proof=document("sql/drop-function"))
def drop(session: Session, parser: Parser) -> Result:
    """DROP FUNCTION | PROCEDURE [IF EXISTS] name(types)."""
    parser.expect("DROP")
    kind = (parser.accept_any("FUNCTION", "PROCEDURE") or "").capitalize()
    if_exists = parser.accept("IF", "EXISTS")
    name = session.resolve(parser.parts())
    found = _by_types(session, parser, kind, name)
    if found is None:
        if if_exists:
            return dropped(name.name, found=False)
        raise missing(kind, name)
    session.account.catalog.shelf(kind).drop(found.name)
    return dropped(name.name)


def _by_types(session: Session, parser: Parser, kind: str, name: Name) -> Code | None:
    from churnobs.testing.python_code import type_of
    from churnobs.testing.show import type_name

    inner = parser.group() if (token := parser.peek()) is not None and token.text == "(" else ""
    given = [type_name(type_of(session, t)).split("(")[0] for t in _split(inner)]
    for code in overloads(session, kind, name):
        if code.signature == ", ".join(given):
            return code
    return None


def _split(text: str) -> list[str]:
    parts, depth, start = [], 0, 0
    for at, sign in enumerate(text):
        depth += {"(": 1, ")": -1}.get(sign, 0)
        if sign == "," and depth == 0:
            parts.append(text[start:at])
            start = at + 1
    return [p.strip() for p in [*parts, text[start:]] if p.strip()]


@command(
    "DESCRIBE FUNCTION",
    "DESC FUNCTION",
    "DESCRIBE PROCEDURE",
    "DESC PROCEDURE",
    reads=True,
    proof=document("sql/desc-function"),
)
def describe(session: Session, parser: Parser) -> Result:
    """DESCRIBE FUNCTION | PROCEDURE name(types)."""
    parser.next()
    kind = (parser.accept_any("FUNCTION", "PROCEDURE") or "").capitalize()
    name = session.resolve(parser.parts())
    code = _by_types(session, parser, kind, name)
    if code is None:
        raise missing(kind, name)
    arguments = ", ".join(f"{a.name} {t}" for a, t in zip(code.arguments, code.signature.split(", "), strict=False))
    rows = [
        ("signature", f"({arguments})"), ("returns", code.returns_sql), ("language", code.language), ("null handling",
            "CALLED ON NULL INPUT"),
        ("volatility", "VOLATILE"), ("execute as", "CALLER"), ("body", code.body), ("imports", str(code.imports)),
        ("handler", code.handler),
        ("runtime_version", "3.11"), ("packages", str(code.packages)),
    ]  # fmt: skip
    return of_rows({"property": "text", "value": "text"}, rows)


@command(
    "SHOW FUNCTIONS",
    "SHOW USER FUNCTIONS",
    "SHOW PROCEDURES",
    "SHOW USER PROCEDURES",
    reads=True,
    proof=document("sql/show-user-functions"),
)
def show(session: Session, parser: Parser) -> Result:
    """SHOW [USER] FUNCTIONS and SHOW PROCEDURES: what was made here; the built-in ones are not listed."""
    parser.expect("SHOW")
    parser.accept("USER")
    kind = "Function" if parser.next().upper == "FUNCTIONS" else "Procedure"
    found = filters(session, parser)
    columns = {"created_on": "timestamp_ltz"} | dict.fromkeys(
        ("name", "schema_name", "is_builtin", "arguments", "description", "catalog_name", "language", "owner"), "text"
    )
    rows = []
    for code in session.account.catalog.shelf(kind):
        title = code.name.name.partition("(")[0]
        if found.holds(Name(code.name.database, code.name.schema, title)):
            shown = f"{title}({code.signature}) RETURN {code.returns_sql.split('(')[0].upper()}"
            rows.append(
                (
                    code.created_on,
                    title,
                    code.name.schema,
                    "N",
                    shown,
                    code.comment,
                    code.name.database,
                    code.language,
                    OWNER,
                )
            )
    return found.shown(columns, rows)
