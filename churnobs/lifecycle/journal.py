"""The append-only journal: what was done, and what it found; the present is a fold over it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, get_args

import pyarrow as pa

from churnobs.codec import from_json, to_json
from churnobs.errors import BadConfig
from churnobs.lifecycle.corrections import Correction, CorrectionKind
from churnobs.lifecycle.steps import Step, StepKind
from churnobs.months import Month

if TYPE_CHECKING:
    from churnobs.ports import EnginePort

# the step that holds the settings of the first run
CONFIG: Final = "CONFIG"
CORRECTIONS: Final = get_args(CorrectionKind)


class Journal:
    """Reads the journal once and appends to it; a step's row commits together with what the step did."""

    def __init__(self, engine: EnginePort) -> None:
        self._engine = engine
        self.reload()

    def reload(self) -> None:
        """Know what the database holds, after a transaction failed."""
        rows = self._engine.read("JOURNAL").to_pylist()
        self._rows = {
            (r["MONTH"], r["STEP"]): (r["KEY"], json.loads(r["RESULT"]), r["SECONDS"], r["STATEMENTS"]) for r in rows
        }

    def fix_meaning(self, meaning: dict[str, Any]) -> None:
        """Keep the settings of the first run, and refuse others; raises as ``is_new``."""
        if self.is_new(meaning):
            self._append("", CONFIG, "", meaning, 0.0, 0)

    def is_new(self, meaning: dict[str, Any]) -> bool:
        """Whether no settings are kept yet.

        Raises:
            BadConfig: other settings are; says which.
        """
        known = self._rows.get(("", CONFIG))
        if known is None:
            return True
        for name, value in json.loads(to_json(meaning)).items():
            if known[1].get(name) != value:
                raise BadConfig(
                    f"this database was run with {name}={known[1].get(name)!r}, not {value!r}",
                    hint="use the same setting, or another database",
                )
        return False

    @property
    def meaning(self) -> dict[str, Any] | None:
        """The settings of the first run; None before it."""
        known = self._rows.get(("", CONFIG))
        return None if known is None else dict(known[1])

    @property
    def done(self) -> set[tuple[str, str, str]]:
        """All that was done, as (month, step, key)."""
        return {(month, step, key) for (month, step), (key, *_) in self._rows.items() if month}

    def finished(self) -> list[Month]:
        """The months whose last step is done, oldest first."""
        return sorted(Month.parse(month) for month, step in self._rows if step == StepKind.REPORT)

    def begun(self) -> list[Month]:
        """The months with any step done, oldest first."""
        return sorted({Month.parse(month) for month, _ in self._rows if month})

    def result(self, month: Month, kind: StepKind) -> Any:
        """What a step found, or None when it is not done."""
        row = self._rows.get((str(month), kind.value))
        return None if row is None else row[1]

    def results(self, kind: StepKind) -> list[Any]:
        """What a kind of step found in every month, oldest month first."""
        found = [(month, row[1]) for (month, step), row in self._rows.items() if step == kind.value]
        return [result for _, result in sorted(found, key=lambda pair: pair[0])]

    def before(self, month: Month) -> str:
        """The newest finished month before another; empty where there is none."""
        return max((str(known) for known in self.finished() if known < month), default="")

    def seconds(self, month: Month) -> dict[str, float]:
        """How long each step of a month took."""
        order = [kind.value for kind in StepKind]
        own = {step: row[2] for (name, step), row in self._rows.items() if name == str(month)}
        return {step: round(own[step], 4) for step in order if step in own}

    def statements(self, month: Month) -> int:
        """How many statements the steps of a month sent."""
        return sum(row[3] or 0 for (name, _), row in self._rows.items() if name == str(month))

    def append(self, step: Step, result: Any, seconds: float, statements: int) -> None:
        """Journal a finished step."""
        self._append(str(step.month), step.name, step.key, result, seconds, statements)

    def correct(self, after: str, kind: CorrectionKind, words: str, facts: Any, *, key: str = "") -> None:
        """Journal what somebody corrected after a month; of one kind and key there is one a month."""
        self._append(
            after, f"{kind} {key}".rstrip(), key, Correction(kind, after, words, json.loads(to_json(facts))), 0.0, 0
        )

    def corrections(self, after: str | None = None) -> tuple[Correction, ...]:
        """What was corrected, after one month or ever, by month and kind."""
        rows = sorted((month, step) for month, step in self._rows if step.partition(" ")[0] in CORRECTIONS)
        return tuple(self._correction(*row) for row in rows if after is None or row[0] == after)

    def correction(self, after: str, kind: CorrectionKind, key: str = "") -> Correction | None:
        """One that was journalled; None where it was not."""
        row = (after, f"{kind} {key}".rstrip())
        return self._correction(*row) if row in self._rows else None

    def _correction(self, month: str, step: str) -> Correction:
        return from_json(Correction, to_json(self._rows[(month, step)][1]))

    def _append(self, month: str, step: str, key: str, result: Any, seconds: float, statements: int) -> None:
        text = to_json(result)
        row = {"MONTH": [month], "STEP": [step], "KEY": [key], "RESULT": [text], "SECONDS": [seconds]}
        row["STATEMENTS"] = [statements]
        self._engine.write("JOURNAL", pa.table(row))
        self._rows[(month, step)] = (key, json.loads(text), seconds, statements)
