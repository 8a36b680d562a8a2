"""Virtual environments of the peers, made on demand from their lock files.

They cannot share churnobs' own: NannyML does not install beside xgboost 3, and needs statsmodels without saying so.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import venv
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from benchmarks.rounds import Program

_HERE: Final = Path(__file__).parent
CACHE: Final = _HERE.parents[1] / ".benchmarks" / "peers"
# no peer may call home while it is measured
_SILENCE: Final[Mapping[str, str]] = {"NML_DISABLE_USAGE_LOGGING": "1", "DO_NOT_TRACK": "1"}


def program(peer: str, script: str, *arguments: str) -> Program:
    """A script of this folder, to be run by the Python of a peer.

    Args:
        peer: "evidently" or "nannyml": the name of a lock file.
        script: a file of this folder, without its ending.
        arguments: of the script.
    """
    return Program((str(python_of(peer)), str(_HERE / f"{script}.py"), *arguments), _SILENCE)


def own_program(script: str, *arguments: str) -> Program:
    """A script of this folder, to be run by the Python of churnobs itself."""
    return Program((sys.executable, str(_HERE / f"{script}.py"), *arguments), _SILENCE)


def python_of(peer: str) -> Path:
    """The Python that has a peer installed as its lock file says; installs it the first time, into ``CACHE``.

    Raises:
        subprocess.CalledProcessError: pip could not install it.
    """
    lock = _HERE / f"{peer}.txt"
    # another lock file is another environment: nothing is ever changed in place
    home = CACHE / f"{peer}-{hashlib.sha256(lock.read_bytes()).hexdigest()[:12]}"
    python = home / "bin" / "python"
    finished = home / "installed"
    if not finished.exists():
        venv.create(home, with_pip=True, clear=True)
        # the lock names every package that is needed, so pip resolves nothing
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        subprocess.run([*pip, "--requirement", str(lock)], check=True)
        finished.touch()
    return python
