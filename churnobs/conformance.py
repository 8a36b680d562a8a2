"""What the conformance suite found on each backend; what was not run is never shown as equal."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from churnobs.display import Shown
from churnobs.errors import BadFile, NotFound

BACKENDS: Final = ("duckdb", "snowflake-offline", "snowflake")
NEVER: Final = "never run"
# tests that run once, whatever the backends
_ALL: Final = "all"


@dataclass(frozen=True, slots=True)
class Conformance(Shown):
    """The outcome of each case (pass, fail, gap, skip or "never run") on each backend of BACKENDS."""

    cases: Mapping[str, tuple[str, ...]]

    @classmethod
    def read(cls, path: Path) -> Conformance:
        """A report that pytest wrote with --conformance-report.

        Raises:
            NotFound: there is no such file.
            BadFile: it is no such report.
        """
        if not path.exists():
            raise NotFound(
                f"there is no report {path}", hint="pytest tests/conformance --conformance-report FILE makes one"
            )
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            return cls({case: tuple(_of(on, name) for name in BACKENDS) for case, on in sorted(found.items())})
        except (ValueError, AttributeError) as error:
            raise BadFile(path.name, problem="is no conformance report", hint="make it again") from error

    def count(self, backend: str) -> dict[str, int]:
        """How many cases came to which outcome on a backend."""
        place = BACKENDS.index(backend)
        return dict(Counter(outcomes[place] for outcomes in self.cases.values()))

    @property
    def failed(self) -> bool:
        """Whether any case failed."""
        return any("fail" in outcomes for outcomes in self.cases.values())


def _of(outcomes: Mapping[str, str], backend: str) -> str:
    if backend in outcomes:
        return outcomes[backend]
    # a test that compares backends, or needs none, says nothing of a real account
    return NEVER if backend == "snowflake" else outcomes.get(_ALL, NEVER)
