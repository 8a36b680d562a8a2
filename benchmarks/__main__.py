"""``python -m benchmarks month|million|features|growth|drift|performance|cbpe|offline|dashboard``: one JSON line each."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False)
Rounds = Annotated[int, typer.Option(help="how often each variant runs, in turn", min=1)]
Rows = Annotated[int, typer.Option(help="rows of each Parquet file", min=1000)]
Data = Annotated[Path | None, typer.Option(help="keep the generated Parquet files in this folder")]
Customers = Annotated[int, typer.Option(help="customers", min=10)]


@app.command()
def features(
    customers: Customers = 1_000_000,
    rounds: Rounds = 3,
    db: Annotated[Path | None, typer.Option(help="keep the generated data in this file")] = None,
    *,
    attributes: Annotated[bool, typer.Option(help="fill CUSTOMERS")] = True,
    pandas: Annotated[bool, typer.Option(help="run the pandas program too, once")] = True,
) -> None:
    """The features of one as-of: ours, with our state, SQL by hand, pandas."""
    from benchmarks.feature_data import build
    from benchmarks.features import measure

    with tempfile.TemporaryDirectory() as scratch:
        path = db or Path(scratch) / "features.duckdb"
        build(path, customers=customers, attributes=attributes)
        _print({"customers": customers, **measure(path, rounds=rounds, with_pandas=pandas)})


@app.command()
def month(
    customers: Customers = 5000, months: int = 12, world: str = "demo", seed: int = 1, rounds: Rounds = 1
) -> None:
    """A month of the loop without and with training, beside the same month in pandas and scikit-learn."""
    from benchmarks.month import measure

    _print(measure(world, customers=customers, months=months, seed=seed, rounds=rounds))


@app.command()
def million(
    customers: Customers = 1_000_000,
    seed: int = 1,
    rounds: Rounds = 1,
    *,
    pandas: Annotated[bool, typer.Option(help="run the pandas program too, once")] = True,
) -> None:
    """A month of a million customers without and with training, and within 512 MB, beside the same month in pandas."""
    from benchmarks.million import measure

    _print(measure(customers=customers, seed=seed, rounds=rounds, peer=pandas))


@app.command()
def growth(customers: Customers = 5000, seed: int = 1, rounds: Rounds = 1) -> None:
    """What a month costs after two years, beside what it cost after half a year, at the same volume a month."""
    from benchmarks.growth import measure

    _print(measure(customers=customers, seed=seed, rounds=rounds))


@app.command()
def dashboard(
    customers: Customers = 100_000,
    months: int = 24,
    world: str = "demo",
    seed: int = 1,
    db: Annotated[Path | None, typer.Option(help="keep the database in this file")] = None,
) -> None:
    """The app in a real browser: seconds until the first page and each other page stand still, memory of its server."""
    from benchmarks.dashboard import build, measure

    with tempfile.TemporaryDirectory() as scratch:
        path = db or Path(scratch) / "shown.duckdb"
        build(path, customers=customers, months=months, world=world, seed=seed)
        _print({"customers": customers, "months": months, **measure(path)})


@app.command()
def drift(rows: Rows = 1_000_000, rounds: Rounds = 2, data: Data = None) -> None:
    """20 columns of a month against a reference, as many rows each: ours, Evidently, NannyML."""
    from benchmarks.drift import measure

    with _folder(data) as folder:
        _print(measure(folder, rows=rows, rounds=rounds))


@app.command()
def performance(rows: Rows = 1_000_000, rounds: Rounds = 2, data: Data = None) -> None:
    """The binary metrics of each day of a year: ours, scikit-learn in a pandas groupby."""
    from benchmarks.performance import measure

    with _folder(data) as folder:
        _print(measure(folder, rows=rows, rounds=rounds))


@app.command()
def cbpe(rows: Rows = 1_000_000, rounds: Rounds = 2, data: Data = None) -> None:
    """Estimated performance of twelve months, calibrated on as many labelled rows: ours, NannyML."""
    from benchmarks.cbpe import measure

    with _folder(data) as folder:
        _print(measure(folder, rows=rows, rounds=rounds))


@app.command()
def offline(rows: Annotated[int, typer.Option(help="rows to score", min=1000)] = 300_000, rounds: Rounds = 3) -> None:
    """The offline Snowflake account: its start, a statement, a model over many rows. Needs churnobs[offline]."""
    from benchmarks.offline import measure

    _print(measure(rows, rounds))


@contextmanager
def _folder(data: Path | None) -> Iterator[Path]:
    if data is not None:
        yield data
        return
    with tempfile.TemporaryDirectory() as scratch:
        yield Path(scratch)


@app.command(hidden=True)
def variant(benchmark: str, what: str) -> None:
    """One variant in this process, for ``rounds``; ``what`` is "folder or file:variant"."""
    where, _, name = what.rpartition(":")
    if benchmark in ("drift", "performance", "cbpe"):
        from benchmarks.monitoring import variant as watch

        _print(watch(benchmark, where))
        return
    if benchmark == "features":
        from benchmarks.features import variant as run
    elif benchmark == "million":
        from benchmarks.million import variant as run
    else:
        from benchmarks.month import variant as run
    _print(run(name, where))


def _print(result: dict[str, object]) -> None:
    typer.echo(json.dumps(result))


if __name__ == "__main__":
    app()
