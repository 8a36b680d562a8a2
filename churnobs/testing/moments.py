"""Functions that read moments: TO_TIMESTAMP and its like, TO_DATE."""

from __future__ import annotations

from sqlglot import exp

from churnobs.testing.formats import strptime_format
from churnobs.testing.proof import document
from churnobs.testing.rewriting import Rewriter, scalar
from churnobs.testing.trees import Tree
from churnobs.testing.typed import macro


@scalar("TRY_TO_TIMESTAMP", "TRY_TO_TIMESTAMP_NTZ", proof=document("functions/try_to_timestamp"))
def try_to_timestamp(_rewriter: Rewriter, args: list[Tree], _named: dict[str, Tree]) -> Tree:
    """TRY_TO_TIMESTAMP(text [, format])."""
    if len(args) > 1:
        form = exp.Literal.string(strptime_format(args[1].name))
        return exp.Anonymous(this="try_strptime", expressions=[args[0].copy(), form])
    return macro("moment_or_null", args[0].copy())


@scalar("TO_TIMESTAMP", "TO_TIMESTAMP_NTZ", proof=document("functions/to_timestamp"))
def to_timestamp(_rewriter: Rewriter, args: list[Tree], _named: dict[str, Tree]) -> Tree | None:
    """TO_TIMESTAMP(value); a number counts seconds, and a text of digits what its size says."""
    return macro("moment", args[0].copy()) if len(args) == 1 else None


@scalar("TO_TIMESTAMP_TZ", "TO_TIMESTAMP_LTZ", proof=document("functions/to_timestamp"))
def to_timestamp_tz(_rewriter: Rewriter, args: list[Tree], _named: dict[str, Tree]) -> Tree | None:
    """TO_TIMESTAMP_TZ(value)."""
    if len(args) != 1:
        return None
    # a blank may stand before the offset, where DuckDB reads the name of a zone
    parts = [exp.cast(args[0].copy(), "TEXT"), *map(exp.Literal.string, (r" ([+-]\d\d:?\d*)$", r"\1"))]
    return exp.cast(exp.Anonymous(this="regexp_replace", expressions=parts), "TIMESTAMPTZ")


@scalar("TO_DATE", proof=document("functions/to_date"))
def to_date(_rewriter: Rewriter, args: list[Tree], _named: dict[str, Tree]) -> Tree | None:
    """TO_DATE('digits'), which sqlglot leaves alone."""
    return macro("date", args[0].copy()) if len(args) == 1 else None
