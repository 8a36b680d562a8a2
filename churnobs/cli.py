"""The command line: run the loop, look at it."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from churnobs.cli_correcting import DbOption, UrlOption, add_commands, place_of, print_corrections
from churnobs.conformance import BACKENDS, Conformance
from churnobs.connect import connect
from churnobs.errors import BadConfig, ChurnobsError, NotFound, NotSupported, printable
from churnobs.lifecycle.config import LifecycleConfig
from churnobs.lifecycle.history import MEASURED
from churnobs.lifecycle.page import html_page, lead
from churnobs.lifecycle.policies import NAMES, policy_named
from churnobs.lifecycle.report import COLUMNS, MonthReport, month_row
from churnobs.lifecycle.run import Lifecycle
from churnobs.lifecycle.steps import Step, StepKind
from churnobs.records import Check

# newest first
_TASKS_SHOWN = 20
# letters of a cell
_WIDEST = 10_000

app = typer.Typer(help="The monthly life of a customer-churn model.", no_args_is_help=True, add_completion=False)
Db = Annotated[Path, typer.Option("--db", help="The database file.")]
Url = Annotated[str, typer.Option("--url", help="duckdb:FILE, or snowflake:NAME with a name of connections.toml.")]
Json = Annotated[Path | None, typer.Option("--json", help="Write the reports as JSON to this file.")]
Html = Annotated[Path | None, typer.Option("--html", help="Write a page to this file.")]


@app.command()
def run(
    source: Annotated[Path, typer.Option(help="A folder of month files, or one file with a mapping.")],
    db: Db,
    mapping: Annotated[Path | None, typer.Option(help="A TOML file that maps other columns.")] = None,
    months: Annotated[int | None, typer.Option(help="Process at most so many months.", min=1)] = None,
    policy: Annotated[str, typer.Option(help=f"When to retrain: {NAMES}.")] = "default",
    seed: Annotated[int, typer.Option(help="Of splits and training.")] = 0,
    json_file: Json = None,
    html_file: Html = None,
) -> None:
    """Process all months waiting, and show what each decided."""
    config = LifecycleConfig(policy=policy_named(policy), seed=seed)
    with connect(f"duckdb:{db}") as workspace:
        loop = workspace.lifecycle(config, source=source, mapping=mapping)
        with progress_bar(len(loop.waiting()[:months])) as step:
            loop.run(months, progress=step)
        show(loop, json_file, html_file, f"churnobs: {source.name}")


@app.command()
def deploy(url: Url, dry_run: Annotated[bool, typer.Option(help="Print the plan alone.")] = False) -> None:  # noqa: FBT002
    """Make what churnobs needs where the URL points: schema, tables, stage, stream. The plan is printed first."""
    with connect(url) as workspace:
        statements = workspace.deployment()
        for statement in statements:
            typer.echo(f"{statement};")
        if not statements:
            typer.echo("everything is there")
        elif not dry_run:
            workspace.deploy(show=None)
            typer.echo(f"{len(statements)} statements run")


@app.command()
def doctor(url: Url) -> None:
    """Look at client versions, role, warehouse, grants, Cortex, clock and time zone, and say how to mend each."""
    try:
        with connect(url) as workspace:
            checks = workspace.doctor()
    except ChurnobsError as error:
        checks = (Check("connection", ok=False, found=error.message, mend=error.hint),)
    words = {True: "ok", False: "MEND", None: "unknown"}
    print_table(("check", "", "found", "how to mend"), [(c.name, words[c.ok], c.found, c.mend) for c in checks])
    if any(check.ok is False for check in checks):
        raise typer.Exit(1)


@app.command()
def plan(
    url: Url,
    source: Annotated[Path | None, typer.Option(help="A folder of month files, or one file with a mapping.")] = None,
    mapping: Annotated[Path | None, typer.Option(help="A TOML file that maps other columns.")] = None,
) -> None:
    """What the next month would do and send, without doing it."""
    with connect(url) as workspace:
        shown = str(workspace.lifecycle(source=source, mapping=mapping, load=False).preview())
        typer.echo(printable(shown, most=len(shown)))


@app.command()
def conformance(
    report: Annotated[
        Path | None, typer.Option(help="A report of an earlier run; without it the suite is run.")
    ] = None,
    connection: Annotated[str | None, typer.Option(help="Run on this connection's Snowflake account too.")] = None,
) -> None:
    """What each backend does the same, test by test: pass, fail, gap, or never run."""
    with tempfile.TemporaryDirectory() as folder:
        file = report or Path(folder) / "report.json"
        if report is None:
            run_suite(file, connection)
        found = Conformance.read(file)
    print_table(("case", *BACKENDS), [(case, *outcomes) for case, outcomes in found.cases.items()])
    for backend in BACKENDS:
        counted = ", ".join(f"{number} {outcome}" for outcome, number in sorted(found.count(backend).items()))
        typer.echo(f"{backend}: {counted}")
    if found.failed:
        raise typer.Exit(1)


def run_suite(file: Path, connection: str | None) -> None:
    """Run the conformance suite of this checkout.

    Raises:
        NotFound: it is not here.
    """
    suite = Path(__file__).resolve().parents[1] / "tests" / "conformance"
    if not suite.exists():
        raise NotFound(
            "the conformance suite is not installed with the package", hint="run it in a checkout, or give --report"
        )
    command = [sys.executable, "-m", "pytest", "-q", str(suite), "--conformance-report", str(file)]
    command += ["--connection", connection] if connection else []
    subprocess.run(command, cwd=suite.parents[1], check=False, stdout=sys.stderr)  # noqa: S603  # our own interpreter


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def offline(
    command: Annotated[list[str] | None, typer.Argument(help="The program, after --.")] = None,
    trace: Annotated[bool, typer.Option(help="Print each statement, who answered it and how long it took.")] = False,  # noqa: FBT002
    keep: Annotated[Path | None, typer.Option(help="The folder that keeps the account for the next run.")] = None,
    stage: Annotated[
        list[str] | None, typer.Option(help="URL=DIR: the folder that external stages of a URL read.")
    ] = None,
    emulated: Annotated[bool, typer.Option("--emulated", help="Print what is emulated or refused instead.")] = False,  # noqa: FBT002
) -> None:
    """Run a program with its Snowflake connections pointed at an offline account."""
    if find_spec("fakesnow") is None:
        raise NotSupported("the offline account is not installed", hint='pip install "churnobs[offline]"')
    if not command and not emulated:
        raise BadConfig("a program is to be run", hint="churnobs offline -- python program.py")
    # a process of its own: the account's libraries are no part of the core
    runner = [sys.executable, "-m", f"churnobs.testing.{'emulated' if emulated else 'running'}"]
    if not emulated:
        if wrong := [one for one in stage or [] if "=" not in one]:
            raise BadConfig(f"--stage {wrong[0]} names no folder", hint="--stage s3://bucket/path=folder")
        runner += ["--trace"] if trace else []
        runner += [part for one in stage or [] for part in ("--stage", one)]
        runner += [*(["--keep", str(keep)] if keep is not None else []), "--", *(command or [])]
    raise typer.Exit(subprocess.run(runner, check=False).returncode)  # noqa: S603  # our own interpreter


@app.command()
def status(db: DbOption = None, url: UrlOption = None) -> None:
    """Which model served which month, and why; what was corrected; what deployed tasks did, and the next start."""
    place = place_of(db, url)
    with connect(place, read_only=place.startswith("duckdb:")) as workspace:
        loop = workspace.lifecycle()
        print_months(loop.history())
        try:
            tasks = loop.task_history()
        except NotSupported:
            return
        names = ("task", "state", "scheduled", "completed", "what", "error")
        print_table(names, tasks.astype(object).where(tasks.notna(), None).head(_TASKS_SHOWN).to_numpy().tolist())


@app.command()
def metrics(db: Db, json_file: Json = None) -> None:
    """Every performance number on final labels, with its floors."""
    with connect(f"duckdb:{db}", read_only=True) as workspace:
        history = workspace.lifecycle().history()
    table = history.metrics()
    names = [name if name in MEASURED else name.lower() for name in table.columns]
    print_table(names, table.astype(object).where(table.notna(), None).to_numpy().tolist())
    measured = [m for report in history for m in report.measurements]
    if json_file is not None:
        found = [{"as_of": m.as_of.isoformat(), "role": m.role, "version": m.version, **m.values} for m in measured]
        write_aside(json_file, json.dumps(found, indent=1))


@app.command()
def dashboard(
    db: DbOption = None,
    url: UrlOption = None,
    port: Annotated[int, typer.Option(help="Where the app is served on this machine.")] = 8501,
    headless: Annotated[bool, typer.Option(help="Open no browser.")] = False,  # noqa: FBT002
) -> None:
    """What the loop decided, what drifted, who is about to leave, what fired; also while a run is writing."""
    from churnobs.dashboard.launch import launch

    launch(place_of(db, url), port=port, headless=headless)


@app.command()
def lineage(db: Db) -> None:
    """What was made of what: tables, features, datasets, models, predictions, monitors."""
    with connect(f"duckdb:{db}", read_only=True) as workspace:
        rows = workspace.sql("SELECT * FROM LINEAGE").collect()
    print_table(("from", "", "to", ""), [tuple(row.values()) for row in rows])


def show(loop: Lifecycle, json_file: Path | None, html_file: Path | None, title: str) -> None:
    """Print a run's months, and write them to the files that were asked for."""
    reports = loop.history()
    print_months(reports)
    if json_file is not None:
        write_aside(json_file, json.dumps({"months": [report.to_dict() for report in reports]}, indent=1))
    if html_file is not None:
        risk = loop.at_risk(10) if loop.predicted_as_ofs() else None
        write_aside(html_file, html_page(reports, risk, title))
        Console().print(printable(f"wrote {html_file}"), soft_wrap=True, markup=False)


def print_months(reports: Sequence[MonthReport]) -> None:
    """The months as a table, what was corrected, and what retraining was worth."""
    print_table(COLUMNS, [month_row(report) for report in reports])
    print_corrections(reports, print_table)
    Console().print(lead(reports), soft_wrap=True, markup=False, highlight=False)


def print_table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """A table on a terminal; tab-separated lines in a pipe."""
    console = Console()
    if not console.is_terminal:
        for row in (header, *rows):
            typer.echo("\t".join(_cell(cell) for cell in row))
        return
    table = Table(*header)
    for row in rows:
        # a text of the data is no markup
        table.add_row(*(Text(_cell(cell)) for cell in row))
    console.print(table)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4f}"
    # one line, one column, and nothing that a terminal would obey
    return printable(" ".join(str(value).splitlines()).replace("\t", " "), most=_WIDEST)


def write_aside(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    aside = path.with_name(f".{path.name}.writing")
    try:
        aside.write_text(text, encoding="utf-8")
        aside.replace(path)
    except OSError as error:
        with suppress(OSError):
            aside.unlink(missing_ok=True)
        raise BadConfig(f"cannot write {path}: {error.strerror}", hint="check the path") from error


add_commands(app, print_table)


@contextmanager
def progress_bar(months: int) -> Iterator[Callable[[Step], None] | None]:
    """A progress bar over steps on a terminal, nothing in a pipe."""
    console = Console(stderr=True)
    if not console.is_terminal or not months:
        yield None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=months * len(StepKind))

        def advance(step: Step) -> None:
            bar.update(task, description=f"{step.month} {step.name.lower()}", advance=1)

        yield advance


def guarded(command: Callable[[], Any]) -> int:
    """Run a command; a churnobs error is one line on standard error and exit code 2."""
    try:
        command()
    except ChurnobsError as error:
        sys.stderr.write(f"churnobs: {' '.join(str(error).split())}\n")
        return 2
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 1
    return 0


def main() -> None:
    """The entry point of ``churnobs``."""
    sys.exit(guarded(app))
