"""Names that users give: as every engine takes them, without quotes."""

from __future__ import annotations

import re
from typing import Final

from churnobs.errors import BadConfig

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*")
# as Snowflake has them
LONGEST_NAME: Final = 255
_LABEL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,127}")


def identifier(name: str) -> str:
    """A name as Snowflake stores it: unquoted letters go upper case.

    Raises:
        BadConfig: the name would need quotes, or is longer than an engine takes.

    >>> identifier("baseline")
    'BASELINE'
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise BadConfig(f"{name!r} is not a name", hint="start with a letter; use letters, digits, _ and $")
    if len(name) > LONGEST_NAME:
        raise BadConfig(f"the name {name} has {len(name)} letters", hint=f"at most {LONGEST_NAME}")
    return name.upper()


def version_label(name: str) -> str:
    """The name of a version of a feature view or dataset, whose case is kept.

    Raises:
        BadConfig: it has other signs than letters, digits and ``_ . -``, or too many.

    >>> version_label("2024_05_01")
    '2024_05_01'
    """
    if not isinstance(name, str) or not _LABEL.fullmatch(name):
        raise BadConfig(f"{name!r} is not a version", hint="use up to 128 letters, digits, _, . and -")
    return name
