"""``python -m simulations``: run a world, list them, or check the loop against the truth."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from churnobs import BadConfig, LifecycleConfig, connect, policy_named
from churnobs.cli import guarded, print_table, progress_bar, show
from simulations.check import LAST_MONTH, check
from simulations.runs import month_files
from simulations.simulation import simulate
from simulations.worlds import WORLDS

app = typer.Typer(help="Worlds whose truth is known.", no_args_is_help=True, add_completion=False)


@app.command()
def run(
    world: Annotated[str, typer.Argument(help="Which world; `list` shows them.")],
    db: Annotated[Path, typer.Option(help="The database file; it must not exist yet.")],
    customers: Annotated[int, typer.Option(min=1)] = 5000,
    months: Annotated[int, typer.Option(min=1)] = 12,
    seed: Annotated[int, typer.Option(min=0)] = 1,
    policy: Annotated[str, typer.Option(help="When to retrain, as in `churnobs run --policy`.")] = "default",
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the reports as JSON.")] = None,
    html_file: Annotated[Path | None, typer.Option("--html", help="Write a page.")] = None,
) -> None:
    """Simulate a world and run the loop over its month files; run again, it goes on where it stopped."""
    if world not in WORLDS:
        raise BadConfig(f"{world!r} is no world", hint=f"one of {', '.join(WORLDS)}")
    simulation = simulate(WORLDS[world], customers=customers, months=months, seed=seed)
    config = LifecycleConfig(seed=seed, policy=policy_named(policy))
    with month_files(simulation) as files, connect(f"duckdb:{db}") as workspace:
        loop = workspace.lifecycle(config, source=files)
        with progress_bar(len(loop.waiting())) as step:
            loop.run(progress=step)
        show(loop, json_file, html_file, f"World {world}: {customers:,} customers, {months} months, seed {seed}")


@app.command("list")
def list_worlds() -> None:
    """All worlds, and what drifts in them."""
    print_table(("world", "what happens"), [(name, world.summary) for name, world in WORLDS.items()])


@app.command("check")
def check_worlds(
    seeds: Annotated[int, typer.Option(min=1)] = 10,
    customers: Annotated[int, typer.Option(min=1)] = 2500,
    workers: Annotated[int, typer.Option(min=1)] = 2,
) -> None:
    """Measure what the default policy wins back, and that nothing is promoted by chance; exit code 1 when a promise breaks."""
    if check(seeds, customers, LAST_MONTH, workers):
        raise SystemExit(1)


if __name__ == "__main__":
    sys.exit(guarded(app))
