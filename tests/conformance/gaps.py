"""What a backend cannot do, each with its reason and how it says so; a gap that is closed makes its test fail here."""

from __future__ import annotations

from dataclasses import dataclass

from churnobs import ChurnobsError, NotSupported


@dataclass(frozen=True)
class Gap:
    """A test that cannot hold on a backend."""

    backend: str
    test: str
    reason: str
    raises: type[Exception] = ChurnobsError


GAPS: tuple[Gap, ...] = (
    Gap(
        "snowflake",
        "test_an_altered_artefact_is_refused",
        "nobody can alter the stored files of a version in Snowflake",
        NotSupported,
    ),
)


def find(backend: str, name: str) -> Gap | None:
    """The gap of a test on a backend; the test's name is without its parameters."""
    test = name.partition("[")[0]
    return next((gap for gap in GAPS if (gap.backend, gap.test) == (backend, test)), None)
