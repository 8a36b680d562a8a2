"""The Python code of functions and procedures: kept as text, run in this process, and not before it is called."""

from __future__ import annotations

import contextlib
import importlib
import json
import sys
import threading
import types
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement

from churnobs.testing.catalog import Object
from churnobs.testing.failures import SqlError, not_supported
from churnobs.testing.lexer import Parser
from churnobs.testing.locations import locate
from churnobs.testing.results import Column
from churnobs.testing.session import Session
from churnobs.testing.statements import Creation, creation

_LOADING = threading.RLock()


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument: its name, its type, its default as SQL, and whether its last value goes back to the caller."""

    name: str
    column: Column
    default: str | None = None
    is_out: bool = False


@dataclass(slots=True, kw_only=True)
class Code(Object):
    """A function or procedure: its signature and how to load its handler."""

    arguments: list[Argument]
    returns: Column | None
    returns_sql: str
    language: str
    body: str
    handler: str = ""
    imports: list[str] = field(default_factory=list)
    packages: list[str] = field(default_factory=list)
    strict: bool = False
    temporary: bool = False
    owner_session: Any = None
    loaded: Callable[..., Any] | None = None
    home: str = ""
    duck_name: str = ""
    owners: bool = True
    aggregates: bool = False
    table: list[Argument] = field(default_factory=list)

    @property
    def signature(self) -> str:
        """The types of the arguments, as SHOW and DESCRIBE state them."""
        from churnobs.testing.show import type_name

        return ", ".join(type_name(a.column).split("(")[0] for a in self.arguments)


def type_of(session: Session, sql: str) -> Column:
    """The column that a type makes."""
    from churnobs.testing import queries

    spelled = sql.strip()
    if spelled.upper() in ("VARIANT", "OBJECT", "ARRAY"):
        return Column("", spelled.lower())
    found = queries.run(session, f"SELECT CAST(NULL AS {spelled}) AS V", (), describe_only=True).columns[0]
    return Column("", found.kind, found.precision, found.scale)


def read(session: Session, parser: Parser, *kind: str) -> tuple[Creation, Code]:
    """Read CREATE FUNCTION or CREATE PROCEDURE."""
    head = creation(session, parser, *kind)
    code = read_definition(session, parser, head, kind[-1])
    code.temporary = head.temporary
    code.owner_session = session.shared if head.temporary else None
    return head, code


def read_definition(session: Session, parser: Parser, head: Creation, kind: str = "PROCEDURE") -> Code:  # noqa: PLR0912  # one branch a form of the statement
    """Read what follows the name: arguments, RETURNS, options, body."""
    arguments = read_arguments(session, parser)
    parser.accept("COPY", "GRANTS")
    parser.expect("RETURNS")
    returns, returns_sql = read_returns(session, parser)
    code = Code(name=head.name, arguments=arguments, returns=returns, returns_sql=returns_sql, language="SQL", body="")
    if returns is None:
        code.table = read_arguments(session, Parser(returns_sql.removeprefix("TABLE ")))
    while not parser.done():
        if parser.accept("LANGUAGE"):
            code.language = parser.next().upper
        elif parser.accept("NOT", "NULL") or parser.accept("CALLED", "ON", "NULL", "INPUT"):
            pass
        elif parser.accept("STRICT") or parser.accept("RETURNS", "NULL", "ON", "NULL", "INPUT"):
            code.strict = True
        elif parser.accept_any("VOLATILE", "IMMUTABLE", "MEMOIZABLE"):
            pass
        elif parser.accept("EXECUTE", "AS"):
            code.owners = parser.next().upper != "CALLER"
        elif parser.accept("COMMENT", "="):
            code.comment = parser.string()
        elif parser.accept("AS"):
            token = parser.peek()
            is_text = token is not None and token.kind in ("string", "dollars")
            code.body = parser.string() if is_text else parser.rest()
            break
        else:
            key, value = _option(parser)
            if key == "HANDLER":
                code.handler = str(value)
            elif key == "IMPORTS":
                code.imports = [str(v) for v in (value if isinstance(value, list) else [value])]
            elif key == "PACKAGES":
                code.packages = [str(v) for v in (value if isinstance(value, list) else [value])]
            elif key not in (
                "RUNTIME_VERSION",
                "ARTIFACT_REPOSITORY",
                "EXTERNAL_ACCESS_INTEGRATIONS",
                "SECRETS",
                "TARGET_PATH",
            ):
                raise not_supported(f"the option {key} of a function", "leave it out")
            elif key in ("EXTERNAL_ACCESS_INTEGRATIONS", "SECRETS") and value:
                raise not_supported(f"{key} of a function", "leave it out: the code runs in this process")
    if code.language not in ("SQL", "PYTHON"):
        raise not_supported(f"LANGUAGE {code.language}", "write it in Python")
    if any(argument.is_out for argument in code.arguments) and (code.language != "SQL" or kind != "PROCEDURE"):
        raise SqlError("SQL compilation error:\nOnly procedures in SQL have output arguments", 1003, "42601")
    if code.language == "PYTHON":
        if not code.handler:
            raise SqlError("SQL compilation error:\nPython function needs a HANDLER", 391540, "42601")
        _check_packages(code.packages)
    return code


def _option(parser: Parser) -> tuple[str, Any]:
    token = parser.next()
    if token.kind != "word":
        parser.at -= 1
        raise parser.wrong()
    parser.expect("=")
    return token.upper, parser.value()


def read_arguments(session: Session, parser: Parser) -> list[Argument]:
    """Read arguments, or the columns of a table, in parentheses."""
    made: list[Argument] = []
    parser.expect("(")
    while not parser.accept(")"):
        name = parser.part()
        is_out = parser.accept_any("IN", "INPUT", "OUT", "OUTPUT") in ("OUT", "OUTPUT")
        start = parser.tokens[parser.at].start
        depth = 0
        while True:
            token = parser.peek()
            if token is None:
                raise parser.wrong()
            if depth == 0 and (token.text in (",", ")") or token.upper == "DEFAULT"):
                break
            depth += {"(": 1, ")": -1}.get(token.text, 0)
            parser.at += 1
        kind = parser.text[start : parser.tokens[parser.at].start].strip()
        default = None
        if parser.accept("DEFAULT"):
            begun = parser.tokens[parser.at].start
            depth = 0
            while depth or parser.tokens[parser.at].text not in (",", ")"):
                depth += {"(": 1, ")": -1}.get(parser.tokens[parser.at].text, 0)
                parser.at += 1
            default = parser.text[begun : parser.tokens[parser.at].start].strip()
        if is_out and default is not None:
            raise SqlError(f"SQL compilation error:\nOutput argument '{name}' cannot have a default", 1003, "42601")
        made.append(Argument(name, type_of(session, kind), default, is_out))
        parser.accept(",")
    return made


def read_returns(session: Session, parser: Parser) -> tuple[Column | None, str]:
    """Read what comes after RETURNS: a type, or a table, which has none."""
    if parser.accept("TABLE"):
        inner = parser.group()
        return None, f"TABLE ({inner})"
    start = parser.tokens[parser.at].start
    parser.next()
    if (token := parser.peek()) is not None and token.text == "(":
        parser.group()
    elif parser.accept("PRECISION"):
        pass
    sql = parser.text[start : parser.tokens[parser.at - 1].end]
    return type_of(session, sql), sql


def _check_packages(packages: Sequence[str]) -> None:
    from churnobs.testing.information import SUPPLIED

    for text in packages:
        if text.partition("=")[0].strip() in SUPPLIED:
            continue
        try:
            wanted = Requirement(
                text.replace("=", "==")
                if "=" in text and not any(s in text for s in ("==", ">=", "<=", "~=", "!="))
                else text
            )
            have = metadata.version(wanted.name)
        except (InvalidRequirement, metadata.PackageNotFoundError) as error:
            raise SqlError(
                f"SQL compilation error: Cannot create a Python function with the specified packages: '{text}' "
                "is not installed here; "
                "install it, since the code runs in this process", 391546, "42601",
            ) from error  # fmt: skip
        if wanted.specifier and have not in wanted.specifier:
            raise SqlError(
                f"SQL compilation error: Cannot create a Python function with the specified packages: "
                f"{wanted.name} is {have} here, not {wanted.specifier}",
                391546, "42601",
            )  # fmt: skip


def load(session: Session, code: Code) -> Callable[..., Any]:
    """The handler, loaded on its first call."""
    with _LOADING:
        if code.loaded is None:
            folder = session.account.folder / "imports" / str(session.account.next_number())
            folder.mkdir(parents=True)
            paths = [_fetch(session, place, folder) for place in code.imports]
            _offer_snowflake_module()
            code.home = f"{folder}/"
            sys._xoptions["snowflake_import_directory"] = code.home
            for path in reversed(paths):
                if path not in sys.path:
                    sys.path.insert(0, path)
            if code.body:
                module = types.ModuleType(f"_offline_{session.account.next_number()}")
                sys.modules[module.__name__] = module
                exec(compile(code.body, f"<{code.name.name}>", "exec"), module.__dict__)  # noqa: S102
                made: Any = module
                steps = code.handler.split(".")
            else:
                importlib.invalidate_caches()
                head, *steps = code.handler.split(".")
                made = importlib.import_module(head)
            for step in steps:
                made = getattr(made, step)
            code.loaded = made
        return code.loaded


@contextlib.contextmanager
def at_home(session: Session, code: Code) -> Iterator[None]:
    """Show code its own imports, and the stages, while it runs: it may look for them at any time, and call other code."""
    from churnobs.testing.scoped_files import opened_by

    before = sys._xoptions.get("snowflake_import_directory")
    sys._xoptions["snowflake_import_directory"] = code.home
    try:
        with opened_by(session):
            yield
    finally:
        if before is not None:
            sys._xoptions["snowflake_import_directory"] = before


def _fetch(session: Session, place: str, folder: Path) -> str:
    where = locate(session, place)
    path = where.inside(where.path)
    if not path.is_file():
        raise SqlError(f"Remote file '{place}' was not found.", 91016, "22000")
    target = folder / path.name
    target.write_bytes(path.read_bytes())
    if target.suffix == ".zip" and zipfile.is_zipfile(target):
        return str(target)
    return str(folder)


def _offer_snowflake_module() -> None:
    """Give code the module `_snowflake` that Snowflake's runtime has, as far as it is used for vectorised functions."""
    if "_snowflake" in sys.modules:
        return
    module = types.ModuleType("_snowflake")

    def vectorized(input: Any = None, max_batch_size: int | None = None, **_: Any) -> Callable[[Any], Any]:  # noqa: A002
        def mark(function: Any) -> Any:
            function._sf_vectorized_input = input
            function._sf_max_batch_size = max_batch_size
            return function

        return mark

    module.vectorized = vectorized  # type: ignore[attr-defined]
    sys.modules["_snowflake"] = module


def into_python(column: Column, value: Any) -> Any:
    """A SQL value as a handler sees it."""
    if value is not None and column.kind in ("variant", "object", "array"):
        return json.loads(value) if isinstance(value, str) else value
    return value


def out_of_python(column: Column, value: Any) -> Any:
    """A handler's value as SQL sees it."""
    if value is None:
        return None
    if column.kind in ("variant", "object", "array") and hasattr(value, "tolist"):
        return json.dumps(value.tolist(), default=str)
    if hasattr(value, "item") and not isinstance(value, str | bytes):
        value = value.item()
    if column.kind in ("variant", "object", "array"):
        return json.dumps(value, default=str)
    if column.kind == "text":
        return value if isinstance(value, str) else json.dumps(value) if isinstance(value, dict | list) else str(value)
    if column.kind == "fixed" and not column.scale and value is not None:
        return int(value)
    if column.kind == "real":
        return float(value)
    return value
