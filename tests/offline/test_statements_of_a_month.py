"""What one month sends to Snowflake, statement by statement; ``pytest --update-golden`` writes the list anew."""

from __future__ import annotations

import decimal
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from accounts import Schema
from loops import scripted, write_world

from churnobs import Always, LifecycleConfig, MonthReport, Never, Workspace
from churnobs.backends.snowflake.link import Link
from churnobs.lifecycle.steps import StepKind
from churnobs.testing import serve
from churnobs.testing.session import Statement

GOLDEN = Path(__file__).parent.parent / "golden" / "statements_of_a_month.txt"
# churnobs' own in a run of one month that keeps its model, and of one that trains, promotes and refits; 60 is the aim
KEEP, PROMOTE = 60, 60
SHOWN = 110
# what differs from run to run, and what stands for it
VARIES = (
    (r"SNOWPARK_TEMP_([A-Z_]+?)_[A-Z0-9]{10}\b", r"SNOWPARK_TEMP_\1_?"),
    (r"file://\S+/([^/']+)'", r"file://?/\1'"),
    (r"[0-9a-f]{32}(\.\w+)", r"?\1"),
    (r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "?"),
    (r"\bMODEL_[A-Z0-9]{20,}\b|\b[A-Z0-9]{26}\b", "?"),
    (r"\b\d{13,}\b", "?"),
    (r"(V\d{4}_\d\d_[A-Z]+)_[0-9A-F]{6}", r"\1_?"),
    (r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d[.\d]*Z?", "?"),
)


@dataclass(frozen=True)
class Sent:
    """A month and what it sent."""

    report: MonthReport
    statements: list[Statement]
    by_churnobs: int

    @property
    def own(self) -> list[Statement]:
        return [s for s in self.statements if is_own(s)]


def is_own(statement: Statement) -> bool:
    return str(statement.parameters.get("QUERY_TAG", "")).startswith("churnobs")


@dataclass(frozen=True)
class Fetched:
    """What one query brought: for which step, the columns, and how many rows."""

    step: str
    columns: frozenset[str]
    rows: int


@dataclass(frozen=True)
class Run:
    """Four months on Snowflake: two that wait, a first model, and then a month by a policy."""

    workspace: Workspace
    config: LifecycleConfig
    months: list[Sent]
    fetched: list[Fetched]


def run(account: Any, schema: str, files: Path, config: LifecycleConfig) -> Run:
    with pytest.MonkeyPatch.context() as patch:
        fetched = watch_fetching(patch)
        workspace, months = _run(account, schema, files, config)
    return Run(workspace, config, months, fetched)


def watch_fetching(patch: pytest.MonkeyPatch) -> list[Fetched]:
    """Note down all that comes out of Snowflake by churnobs' own queries from now on."""
    fetched: list[Fetched] = []
    fetch, rows = Link.fetch, Link.rows

    def step(link: Link) -> str:
        return ([*link.tag.split(), "", "", ""])[2]

    def fetching(link: Link, sql: str) -> Any:
        found = fetch(link, sql)
        fetched.append(Fetched(step(link), frozenset(found.column_names), found.num_rows))
        return found

    def listing(link: Link, sql: str, *more: Any) -> Any:
        found = rows(link, sql, *more)
        fetched.append(Fetched(step(link), frozenset(), len(found)))
        return found

    patch.setattr(Link, "fetch", fetching)
    patch.setattr(Link, "rows", listing)
    return fetched


def _run(account: Any, schema: str, files: Path, config: LifecycleConfig) -> tuple[Workspace, list[Sent]]:
    workspace = Schema(account, schema).open()
    loop, months = workspace.lifecycle(config, source=files), []
    for _ in range(4):
        before, sent = len(account.statements), workspace._backend.engine.sent
        report = loop.process_one_month()
        months.append(Sent(report, account.statements[before:], workspace._backend.engine.sent - sent))
    return workspace, months


@pytest.fixture(scope="module")
def kept_and_promoted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Run, Run]]:
    files = write_world(tmp_path_factory.mktemp("files"), customers=120, months=4)
    with serve(trace=True) as account:
        kept = run(account, "KEPT", files, scripted(policy=Never()))
        promoted = run(account, "PROMOTED", files, scripted(policy=Always()))
        yield kept, promoted
        kept.workspace.close()
        promoted.workspace.close()


def test_the_statements_are_the_reviewed_ones(
    kept_and_promoted: tuple[Run, Run], request: pytest.FixtureRequest
) -> None:
    text = "\n".join(listed(name, r.months[3]) for name, r in zip(("keep", "promote"), kept_and_promoted, strict=True))
    if request.config.getoption("--update-golden"):
        GOLDEN.write_text(text, encoding="utf-8")
    assert text == GOLDEN.read_text(encoding="utf-8")


def test_a_month_sends_few_statements_of_its_own(kept_and_promoted: tuple[Run, Run]) -> None:
    kept, promoted = kept_and_promoted
    assert [r.months[3].report.decision.action for r in kept_and_promoted] == ["keep", "promote"]
    assert len(kept.months[3].own) <= KEEP
    assert len(promoted.months[3].own) <= PROMOTE
    for month in (*kept.months, *promoted.months):
        # the counter misses none, and the trace calls no other's its own
        assert len(month.own) == month.by_churnobs


def test_no_customer_leaves_snowflake_but_in_the_training_sample(kept_and_promoted: tuple[Run, Run]) -> None:
    kept, promoted = kept_and_promoted
    for found in (*kept.fetched, *promoted.fetched):
        customers = found.columns & {"CUSTOMER_ID", "CUSTOMER_KEY"}
        assert not customers or found.step in {"TRAIN", "PROMOTE"}, found
        scores = {name for name in found.columns if name.endswith("PROBABILITY")}
        assert not scores, found
    # the fits of the first model and of what served from then on; challenger and refit of the month that promotes
    samples = [[f.step for f in r.fetched if "CUSTOMER_KEY" in f.columns] for r in kept_and_promoted]
    assert len(samples[1]) > len(samples[0]) > 0
    assert {step for steps in samples for step in steps} == {"TRAIN", "PROMOTE"}


def test_every_statement_says_what_it_is_for(kept_and_promoted: tuple[Run, Run]) -> None:
    steps = {kind.value for kind in StepKind}
    for month in kept_and_promoted[1].months:
        tags = [str(s.parameters["QUERY_TAG"]).split() for s in month.own]
        # only the right to run is taken before it is known which month comes, and given back after it
        before = [tag for tag in tags if tag == ["churnobs"]]
        assert len(before) <= 6
        named = [tag for tag in tags if len(tag) > 1]
        assert {tuple(tag[:3]) for tag in named} == {("churnobs", "CHURN", month.report.month)}
        assert {tag[3] for tag in named if len(tag) > 3} <= steps
        assert {"INGEST", "FEATURES"} <= {tag[3] for tag in named if len(tag) > 3}


def test_the_report_counts_what_was_sent_for_the_month(kept_and_promoted: tuple[Run, Run]) -> None:
    for month in (m for r in kept_and_promoted for m in r.months):
        # what ends the last transaction comes after the count, and what takes the right before it
        assert month.by_churnobs - 15 <= month.report.statements <= month.by_churnobs


def test_an_account_that_does_not_tell(kept_and_promoted: tuple[Run, Run]) -> None:
    promoted = kept_and_promoted[1]
    cost = promoted.workspace.lifecycle(promoted.config).cost("2024-04")
    assert cost.statements == promoted.months[3].report.statements
    assert cost.told.startswith("the account does not tell: offline account: ")
    assert (cost.found, cost.bytes_scanned, cost.rows_produced, cost.warehouse_seconds) == (None,) * 4


def test_an_account_that_tells(kept_and_promoted: tuple[Run, Run], monkeypatch: pytest.MonkeyPatch) -> None:
    promoted = kept_and_promoted[1]
    loop, sent = promoted.workspace.lifecycle(promoted.config), promoted.months[3].report.statements
    asked: list[str] = []

    def answering(found: int) -> Any:
        def rows(_: Link, sql: str, __: Any = None) -> list[tuple[Any, ...]]:
            asked.append(sql)
            return [(found, 2048, 30, decimal.Decimal("1.5"))] if found else [(0, None, None, None)]

        return rows

    monkeypatch.setattr(Link, "rows", answering(sent + 2))
    whole = loop.cost("2024-04")
    assert (whole.found, whole.bytes_scanned, whole.rows_produced, whole.warehouse_seconds) == (sent + 2, 2048, 30, 1.5)
    assert whole.told == ""
    assert "STARTSWITH(QUERY_TAG, 'churnobs CHURN 2024-04 ')" in asked[0]
    assert "SCHEMA_NAME = 'PROMOTED'" in asked[0]
    monkeypatch.setattr(Link, "rows", answering(sent - 3))
    assert loop.cost("2024-04").told.startswith("3 statements are not in the history: it keeps the 10,000 newest")
    monkeypatch.setattr(Link, "rows", answering(0))
    gone = loop.cost("2024-04")
    assert gone.told.startswith("the history no longer shows the month: ")
    assert replace(gone, told="", found=None).bytes_scanned is None


def listed(name: str, month: Sent) -> str:
    """A month's statements, those of churnobs and those of Snowflake's clients, in their order."""
    own, others = month.own, [s for s in month.statements if not is_own(s)]
    lines = [f"# a {name} month: {len(own)} by churnobs, {len(others)} by Snowflake's clients"]
    for title, statements in (("churnobs", own), ("snowflake-ml", others)):
        lines += ["", f"## {title}", ""]
        lines += [f"{step_of(s):10}{plain(s.text)}".rstrip() for s in statements]
    return "\n".join(lines) + "\n"


def step_of(statement: Statement) -> str:
    """The step for which churnobs sent a statement."""
    return ([*str(statement.parameters.get("QUERY_TAG", "")).split(), "", "", "", ""])[3] if is_own(statement) else ""


def plain(text: str) -> str:
    """A statement without what differs from run to run; of a long one its head, and a hash of what is its own."""
    text = " ".join(text.split())
    for pattern, instead in VARIES:
        text = re.sub(pattern, instead, text)
    # literals are data: the list is of shapes
    shape = re.sub(r"'(?:[^'\\]|\\.|'')*'", lambda m: m.group() if len(m.group()) <= 40 else "'...'", text)
    if len(shape) <= SHOWN:
        return shape
    return f"{shape[:SHOWN]}... #{hashlib.sha256(shape.encode()).hexdigest()[:6]}"
