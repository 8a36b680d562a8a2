"""The command line's corrections: what people put right between months, each once and on the record."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from churnobs.connect import connect, stamp_of
from churnobs.errors import BadConfig, printable
from churnobs.lifecycle.config import LifecycleConfig
from churnobs.lifecycle.corrections import CORRECTED, REVISED, corrected_rows, revised_rows
from churnobs.lifecycle.policies import NAMES, policy_named
from churnobs.lifecycle.report import MonthReport
from churnobs.workspace import Workspace

DbOption = Annotated[Path | None, typer.Option("--db", help="The database file.")]
UrlOption = Annotated[str | None, typer.Option("--url", help="duckdb:FILE, or snowflake:NAME of connections.toml.")]
SourceOption = Annotated[Path, typer.Option("--source", help="A folder of month files, or one file with a mapping.")]
MappingOption = Annotated[Path | None, typer.Option("--mapping", help="A TOML file that maps other columns.")]
Print = Callable[[Sequence[str], Sequence[Sequence[Any]]], None]


def place_of(db: Path | None, url: str | None) -> str:
    """The URL of the database that is meant.

    Raises:
        BadConfig: it is given twice, or not at all.
    """
    if (db is None) == (url is None):
        raise BadConfig("one database is to be shown", hint="give --db FILE or --url URL")
    return url or f"duckdb:{db}"


def _opened(db: Path | None, url: str | None) -> Workspace:
    """A database that is there: none is made to be corrected."""
    place = place_of(db, url)
    stamp_of(place)
    return connect(place)


def print_corrections(reports: Sequence[MonthReport], print_table: Print) -> None:
    """What was corrected so far; nothing where nothing was."""
    rows = corrected_rows(reports)
    if rows:
        print_table([name.lower() for name in CORRECTED], rows)


def add_commands(app: typer.Typer, print_table: Print) -> None:
    """Give an app the commands ``revise``, ``rollback``, ``forget`` and ``replay``."""

    @app.command()
    def revise(
        source: SourceOption,
        db: DbOption = None,
        url: UrlOption = None,
        mapping: MappingOption = None,
        quarantine: Annotated[bool, typer.Option(help="Put bad rows into REJECTS and load the rest.")] = False,  # noqa: FBT002
    ) -> None:
        """Take files of finished months that were restated or came late; what was reported stays, what they change is shown."""
        with _opened(db, url) as workspace:
            loop = workspace.lifecycle()
            loop.config = loop.config.as_run(loop.journal.meaning)
            done = loop.revise(source, mapping=mapping, on_error="quarantine" if quarantine else "raise")
            if done is None:
                typer.echo("nothing of a finished month has changed")
                return
            _say(done.words)
            print_table(
                [name.lower() for name in REVISED],
                [row for row in revised_rows(loop.history()) if row[-1] == done.number],
            )

    @app.command()
    def rollback(
        reason: Annotated[str, typer.Option(help="Why; the next report tells it.")],
        db: DbOption = None,
        url: UrlOption = None,
    ) -> None:
        """Put the former default back: it predicts from the next month on."""
        with _opened(db, url) as workspace:
            loop = workspace.lifecycle()
            loop.config = loop.config.as_run(loop.journal.meaning)
            _say(loop.rollback(reason).words)

    @app.command()
    def forget(
        customer_id: Annotated[str, typer.Argument(help="The id as it stands in the files.")],
        db: DbOption = None,
        url: UrlOption = None,
    ) -> None:
        """Erase a customer from every table, dataset and published file; it is kept on record that it was done."""
        with _opened(db, url) as workspace:
            done = workspace.forget(customer_id)
            _say(done.words)
            print_table(("table", "rows"), sorted(done.rows.items()))

    @app.command()
    def replay(
        source: SourceOption,
        db: DbOption = None,
        url: UrlOption = None,
        mapping: MappingOption = None,
        from_month: Annotated[
            str | None, typer.Option("--from", help="The first month that is compared: 2024-05.")
        ] = None,
        policy: Annotated[str, typer.Option(help=f"By which it was run: {NAMES}.")] = "default",
    ) -> None:
        """Make everything once more from the files, and show what differs from what is stored; exit code 1 where it does."""
        with _opened(db, url) as workspace:
            loop = workspace.lifecycle(
                LifecycleConfig(policy=policy_named(policy)), source=source, mapping=mapping, load=False
            )
            loop.config = loop.config.as_run(loop.journal.meaning)
            found = loop.replay(from_month)
        if not found.differences:
            typer.echo(f"{found.months[0]} to {found.months[-1]}: nothing differs")
            return
        print_table(("what", "where", "difference"), [(d.what, d.where, d.words) for d in found.differences])
        raise typer.Exit(1)


def _say(words: str) -> None:
    typer.echo(printable(words, most=len(words)))
