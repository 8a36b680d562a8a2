"""Any program with its Snowflake connections pointed at an offline account: what ``churnobs offline -- python program.py`` does.

The program runs in a process of its own. Python finds a ``sitecustomize`` there that replaces where a connection leads and who
it says it is; the database, schema, warehouse and role that the program names stay, and exist.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from churnobs.testing.account import OfflineAccount
    from churnobs.testing.session import Statement

SHOWN: Final = 160
_PARAMETERS: Final = "CHURNOBS_OFFLINE"
_SITE: Final = f'''
import json, os

try:
    from snowflake.connector import config_manager
    from snowflake.connector.connection import SnowflakeConnection
except ImportError:
    SnowflakeConnection = None

if SnowflakeConnection is not None:
    _given = json.loads(os.environ["{_PARAMETERS}"])
    _kept = ("database", "schema", "warehouse", "role", "autocommit", "paramstyle", "timezone", "session_parameters",
             "application", "numpy", "arrow_number_to_decimal")
    _init = SnowflakeConnection.__init__

    def __init__(self, connection_name=None, connections_file_path=None, **named):
        kept = {{key: named[key] for key in _kept if named.get(key) is not None}}
        kept["session_parameters"] = {{**_given["session_parameters"], **kept.get("session_parameters", {{}})}}
        _init(self, **{{**_given, **kept}})

    SnowflakeConnection.__init__ = __init__
    _default = config_manager._get_default_connection_params

    def _get_default_connection_params():  # nobody needs a connections.toml
        names = config_manager.CONFIG_MANAGER
        return _default() if names["default_connection_name"] in names["connections"] else {{}}

    config_manager._get_default_connection_params = _get_default_connection_params
'''


def run_program(
    command: Sequence[str],
    *,
    trace: Callable[[Statement], None] | None = None,
    keep: Path | None = None,
    external_stages: Mapping[str, str | Path] | None = None,
) -> int:
    """Run a command against an offline account that is gone when it ends, unless it is kept.

    Args:
        command: a program and its arguments; Python programs of an environment that has Snowflake's clients.
        trace: hears of each statement.
        keep: the folder that the account is taken from, if it was kept there, and kept in for the next run.
        external_stages: the folder that stands for each URL of external stages.

    Returns:
        The program's exit code; 127 where there is no such program.

    Raises:
        CannotKeep: the folder is in use, holds something else, or was kept by other versions.
    """
    from churnobs.testing.account import serve

    with (
        serve(trace=trace, keep=keep, external_stages=external_stages or {}) as account,
        pointed_at(account) as environment,
    ):
        try:
            return subprocess.run(command, env=environment, check=False).returncode  # noqa: S603  # what the user asked for
        except FileNotFoundError:
            sys.stderr.write(f"churnobs: there is no program {command[0]}\n")
            return 127


@contextmanager
def pointed_at(account: OfflineAccount) -> Iterator[dict[str, str]]:
    """The environment in which every Python process has its Snowflake connections pointed at an account."""
    with TemporaryDirectory(prefix="churnobs_site_") as site:
        Path(site, "sitecustomize.py").write_text(_SITE, encoding="utf-8")
        path = os.pathsep.join([site, *filter(None, [os.environ.get("PYTHONPATH")])])
        yield {**os.environ, "PYTHONPATH": path, _PARAMETERS: json.dumps(account.connection())}


def told(statement: Statement) -> None:
    """One line of a trace, on standard error: how long, who answered, the statement, and its error."""
    text = " ".join(statement.text.split())
    shown = text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
    failed = f"  FAILED: {' '.join(statement.error.split())}" if statement.error else ""
    sys.stderr.write(f"{statement.seconds * 1000:9.1f} ms  {statement.answered_by:<12} {shown}{failed}\n")


def main() -> None:
    """``python -m churnobs.testing.running [--trace] [--keep DIR] [--stage URL=DIR ...] -- command``."""
    from churnobs.testing.keeping import CannotKeep

    end = sys.argv.index("--")
    options, command = sys.argv[1:end], sys.argv[end + 1 :]
    keep = Path(options[options.index("--keep") + 1]) if "--keep" in options else None
    stages = dict(options[at + 1].rsplit("=", 1) for at, option in enumerate(options) if option == "--stage")
    trace = told if "--trace" in options else None
    try:
        sys.exit(run_program(command, trace=trace, keep=keep, external_stages=stages))
    except CannotKeep as error:
        sys.stderr.write(f"churnobs: {error}\n")
        sys.exit(2)


if __name__ == "__main__":
    main()
