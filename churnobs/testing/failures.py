"""The errors the account answers with, in Snowflake's numbers."""

from __future__ import annotations

from typing import Any


class SqlError(Exception):
    """A statement that fails: its message, Snowflake's error number and the SQL state."""

    def __init__(self, message: str, errno: int = 1003, sqlstate: str = "42000") -> None:
        super().__init__(message)
        self.message = message
        self.errno = errno
        self.sqlstate = sqlstate


def not_supported(what: str, instead: str) -> SqlError:
    """Refuse what is not emulated, and say what to do instead.

    >>> str(not_supported("CREATE PIPE", "load with COPY INTO"))
    'offline account: CREATE PIPE is not supported; load with COPY INTO'
    """
    return SqlError(f"offline account: {what} is not supported; {instead}", 2, "0A000")


def missing(kind: str, name: object) -> SqlError:
    """Say that an object is not there, in Snowflake's words."""
    return SqlError(
        f"SQL compilation error:\n{kind} '{name}' does not exist or not authorized.",
        2043 if kind != "Object" else 2003,
        "02000",
    )


def exists(kind: str, name: object) -> SqlError:
    """Say that an object is there already, in Snowflake's words."""
    return SqlError(f"SQL compilation error:\n{kind} '{name}' already exists.", 2002, "42710")


def syntax(text: str, position: int, message: str) -> SqlError:
    """A statement that cannot be read, with the place where reading stopped."""
    line = text.count("\n", 0, position) + 1
    column = position - (text.rfind("\n", 0, position) + 1)
    return SqlError(f"SQL compilation error:\nsyntax error line {line} at position {column} {message}", 1003, "42000")


def payload(error: SqlError, query_id: str) -> dict[str, Any]:
    """The wire form of an error."""
    code = f"{error.errno:06d}"
    return {
        "data": {"errorCode": code, "sqlState": error.sqlstate, "queryId": query_id, "internalError": False},
        "code": code,
        "message": error.message,
        "success": False,
    }
