"""Names as Snowflake reads them: folded to upper case unless quoted, of one to three parts."""

from __future__ import annotations

import re
from dataclasses import dataclass

from churnobs.testing.failures import SqlError

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*\Z")
_UPPER = re.compile(r"[A-Z_][A-Z0-9_$]*\Z")


@dataclass(frozen=True, slots=True, order=True)
class Name:
    """A fully qualified name of an object in a schema."""

    database: str
    schema: str
    name: str

    def __str__(self) -> str:
        return f"{quoted_if_needed(self.database)}.{quoted_if_needed(self.schema)}.{quoted_if_needed(self.name)}"

    @property
    def sql(self) -> str:
        """The name with every part in quotes."""
        return f"{quote(self.database)}.{quote(self.schema)}.{quote(self.name)}"


def quote(part: str) -> str:
    """Put a part in double quotes.

    >>> quote('a"b')
    '"a""b"'
    """
    escaped = part.replace('"', '""')
    return f'"{escaped}"'


def quoted_if_needed(part: str) -> str:
    """Quote a part only where Snowflake would have to.

    >>> quoted_if_needed("SALES"), quoted_if_needed("FV$v1")
    ('SALES', '"FV$v1"')
    """
    return part if _UPPER.match(part) else quote(part)


def literal(text: str) -> str:
    """Put a text in single quotes.

    >>> literal("it's")
    "'it''s'"
    """
    escaped = text.replace("'", "''")
    return f"'{escaped}'"


def fold(part: str) -> str:
    """Read one part: quoted as it stands, unquoted in upper case.

    >>> fold('"aB"'), fold("aB")
    ('aB', 'AB')
    """
    if len(part) > 1 and part.startswith('"') and part.endswith('"'):
        return part[1:-1].replace('""', '"')
    return part.upper()


def split_name(text: str) -> tuple[str, ...]:
    """Split a dotted name and fold each part; dots in quotes belong to the part.

    >>> split_name('db."my.Schema".t')
    ('DB', 'my.Schema', 'T')
    """
    parts: list[str] = []
    at = 0
    text = text.strip()
    while True:
        if at < len(text) and text[at] == '"':
            end = at + 1
            while end < len(text) and (text[end] != '"' or text[end + 1 : end + 2] == '"'):
                end += 2 if text[end] == '"' else 1
            if end >= len(text):
                raise SqlError(f"SQL compilation error:\ninvalid identifier '{text}'", 904, "42000")
            part, at = text[at : end + 1], end + 1
        else:
            end = text.find(".", at)
            end = len(text) if end < 0 else end
            part, at = text[at:end], end
        parts.append(fold(part) if part else "PUBLIC" if parts else "")
        if at >= len(text):
            return tuple(parts)
        if text[at] != ".":
            raise SqlError(f"SQL compilation error:\ninvalid identifier '{text}'", 904, "42000")
        at += 1


def is_plain(text: str) -> bool:
    """Whether a text is an identifier that needs no quotes in some case."""
    return bool(_PLAIN.match(text))


def like(pattern: str, text: str) -> bool:
    r"""Match the way SHOW ... LIKE does: % and _ are wildcards, case does not count.

    >>> like("churn\\_%", "CHURN_MODEL"), like("v_1", "VX1"), like("nope", "x")
    (True, True, False)
    """
    expression = []
    at = 0
    while at < len(pattern):
        sign = pattern[at]
        if sign == "\\" and at + 1 < len(pattern):
            at += 1
            expression.append(re.escape(pattern[at]))
        else:
            expression.append({"%": ".*", "_": "."}.get(sign) or re.escape(sign))
        at += 1
    return re.fullmatch("".join(expression), text, re.IGNORECASE | re.DOTALL) is not None
