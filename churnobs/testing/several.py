"""Several statements: in one request, or given as a text to EXECUTE IMMEDIATE; and EXPLAIN."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from churnobs.testing import scripting
from churnobs.testing.failures import SqlError, not_supported
from churnobs.testing.lexer import Parser
from churnobs.testing.proof import document
from churnobs.testing.results import Result, of_rows
from churnobs.testing.script_parser import skip_statement
from churnobs.testing.session import Session
from churnobs.testing.statements import command, execute, run_inside


def split(text: str) -> list[str]:
    r"""Cut a text at the semicolons that end statements.

    >>> split("SELECT ';' ; -- a; b\nSELECT 2;")
    ["SELECT ';'", 'SELECT 2']
    """
    parser, found = Parser(text), []
    while (token := parser.peek()) is not None:
        if token.text == ";":
            parser.at += 1
            continue
        skip_statement(parser)
        found.append(text[token.start : parser.tokens[parser.at - 1].end])
    return found


def run_several(session: Session, text: str, wanted: int) -> list[tuple[str, Result]]:
    """Run the statements of one request in order; the first that fails ends it."""
    parts = split(text)
    if wanted not in (0, len(parts)):
        raise SqlError(
            f"Actual statement count {len(parts)} did not match the desired statement count {wanted}.", 8, "0A000"
        )
    done = []
    for part in parts:
        query_id, result = execute(session, part)
        if "upload" in result.extra:
            raise not_supported("PUT or GET among several statements", "send it by itself")
        done.append((query_id, result))
    return done


@command("EXECUTE IMMEDIATE", proof=document("sql/execute-immediate"))
def execute_immediate(session: Session, parser: Parser) -> Result:
    """EXECUTE IMMEDIATE of one statement or block in a text, a text between dollars or a variable; USING values."""
    parser.expect("EXECUTE", "IMMEDIATE")
    if (token := parser.peek()) is None or token.kind not in ("string", "dollars"):
        raise not_supported("EXECUTE IMMEDIATE of anything but a text", "give the statement as a text, or send it")
    text = parser.string()
    values = parser.value() if parser.accept("USING") else []
    parser.end()
    parts = split(text)
    if len(parts) != 1:
        raise SqlError(f"Actual statement count {len(parts)} did not match the desired statement count 1.", 8, "0A000")
    return run_inside(session, parts[0], values)


@command("DECLARE", proof=document("snowflake-scripting/begin"))
def declare(session: Session, parser: Parser) -> Result:
    """DECLARE ... BEGIN ... END: a block of Snowflake Scripting."""
    return scripting.run_text(session, parser.text)


@command("EXPLAIN", reads=True, proof=document("sql/explain"))
def explain(session: Session, parser: Parser) -> Result:
    """EXPLAIN USING TEXT query: the plan is DuckDB's."""
    from churnobs.testing import queries
    from churnobs.testing.rewriting import Rewriter

    parser.expect("EXPLAIN")
    if not parser.accept("USING", "TEXT"):
        raise not_supported("EXPLAIN but for USING TEXT", "EXPLAIN USING TEXT ..., which shows DuckDB's plan")
    rewriter = Rewriter(session, parser.bindings, describe_only=True)
    try:
        tree = queries.parse(parser.rest())
        if not isinstance(tree, exp.Query):
            raise not_supported("EXPLAIN of anything but a query", "explain the query in it")
        sql = queries.final(session, rewriter.query(tree))
        rows: list[tuple[Any, ...]] = session.engine.run(f"EXPLAIN {sql}")
    finally:
        rewriter.release()
    return of_rows({"content": "text"}, [(rows[0][1],)])
