"""What the scripts of this folder share: run statements with fakesnow, and say whether the answer is the expected one."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import fakesnow
import snowflake.connector

FAILS = "{fail}"


@dataclass(frozen=True)
class Repro:
    """Statements, and what the last of them should answer; ``take`` gives the answer where it is not the rows.

    A statement that begins with {fail} is one that fails; {sfqid} is the id of the query before.
    """

    statements: tuple[str, ...]
    expected: Any
    take: Callable[[Any], Any] = lambda cursor: cursor.fetchall()

    def actual(self, cursor: Any) -> Any:
        """What is answered: the rows, or the name and the number of an error."""
        try:
            for statement in self.statements:
                if statement.startswith(FAILS):
                    with contextlib.suppress(snowflake.connector.Error):
                        cursor.execute(statement.removeprefix(FAILS))
                    continue
                cursor.execute(statement.replace("{sfqid}", cursor.sfqid or ""))
            return self.take(cursor)
        except Exception as error:  # whatever is raised is the answer
            print(f"{type(error).__name__}: {' '.join(str(error).split())[:300]}", file=sys.stderr)
            return f"{type(error).__name__} {getattr(error, 'errno', '')}".strip()

    def is_fixed(self, actual: Any) -> bool:
        """Whether an answer is the expected one, also in its types: 3 is not 3.0."""
        return repr(actual) == repr(self.expected)

    def main(self) -> None:
        """Print what is expected and what is answered; the exit code is 0 when the defect is gone, and 1 when it is there."""
        with fakesnow.patch():
            actual = self.actual(snowflake.connector.connect(database="db1", schema="s1").cursor())
        print(f"expected: {self.expected!r}\nactual:   {actual!r}")
        sys.exit(not self.is_fixed(actual))
