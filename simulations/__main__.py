"""``python -m simulations``: run a world, fit one to your own sales, list them, or check the loop against the truth."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from churnobs import BadConfig, LifecycleConfig, connect, policy_named
from churnobs.cli import guarded, print_table, progress_bar, show, write_aside
from simulations.check import LAST_MONTH, check
from simulations.fitted.fidelity import HEADER, held_back, held_back_months
from simulations.fitted.shop import world_named
from simulations.lab.page import COLUMNS, lab_page, row
from simulations.lab.ranking import Ranking
from simulations.lab.running import LAB_WORLDS, NAMES, POLICIES, Lab, run_lab
from simulations.lab.settings import LabSettings
from simulations.runs import month_files
from simulations.simulation import simulate
from simulations.worlds import WORLDS, World

app = typer.Typer(help="Worlds whose truth is known.", no_args_is_help=True, add_completion=False)


@app.command()
def run(
    world: Annotated[str, typer.Argument(help="Which world; `list` shows them; or the file of a fitted one.")],
    db: Annotated[Path, typer.Option(help="The database file; it must not exist yet.")],
    customers: Annotated[int, typer.Option(min=1)] = 5000,
    months: Annotated[int, typer.Option(min=1)] = 12,
    seed: Annotated[int, typer.Option(min=0)] = 1,
    policy: Annotated[str, typer.Option(help="When to retrain, as in `churnobs run --policy`.")] = "default",
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the reports as JSON.")] = None,
    html_file: Annotated[Path | None, typer.Option("--html", help="Write a page.")] = None,
) -> None:
    """Simulate a world and run the loop over its month files; run again, it goes on where it stopped."""
    chosen = world_named(world)
    simulation = simulate(chosen, customers=customers, months=months, seed=seed)
    config = LifecycleConfig(seed=seed, policy=policy_named(policy))
    with month_files(simulation) as files, connect(f"duckdb:{db}") as workspace:
        loop = workspace.lifecycle(config, source=files)
        with progress_bar(len(loop.waiting())) as step:
            loop.run(progress=step)
        show(loop, json_file, html_file, f"World {chosen.name}: {customers:,} customers, {months} months, seed {seed}")


@app.command()
def fit(
    db: Annotated[Path, typer.Option(help="The database file with the sales.")],
    out: Annotated[Path, typer.Option(help="The file to write the world to; `run` and `lab` take it for a name.")],
    until: Annotated[
        str | None, typer.Option(help="The last month to learn from, as 2024-05; later ones judge.")
    ] = None,
    name: Annotated[str, typer.Option(help="What the world is called.")] = "fitted",
    seeds: Annotated[int, typer.Option(min=1, help="Lives to compare with held-back months.")] = 5,
) -> None:
    """Learn a world from your own sales, and live it over the months that were held back."""
    if not db.is_file():
        raise BadConfig(f"{db} is not there", hint="give the database that `churnobs run --db` wrote")
    with connect(f"duckdb:{db}") as workspace:
        world = World.fit(workspace, until=until, name=name)
        world.save(out)
        print_table(("what", "learnt"), world.shop.rows())
        if held_back_months(world, workspace):
            print_table(HEADER, held_back(world, workspace, seeds=range(1, seeds + 1)).rows())
    typer.echo(f"wrote {out}: {world.summary}")


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


@app.command("lab")
def policy_lab(
    worlds: Annotated[
        str, typer.Option(help="Comma between names; `list` shows them; or files of fitted ones.")
    ] = ",".join(LAB_WORLDS),
    policies: Annotated[str, typer.Option(help=f"Comma between names: {NAMES}.")] = ",".join(POLICIES),
    seeds: Annotated[int, typer.Option(min=1)] = 10,
    customers: Annotated[int | None, typer.Option(min=1)] = None,
    months: Annotated[int | None, typer.Option(min=1)] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = 2,
    settings: Annotated[Path | None, typer.Option(help="TOML: settings, [money], [prices].")] = None,
    folder: Annotated[Path, typer.Option(help="Where cells are kept; a second start goes on.")] = Path("lab"),
    json_file: Annotated[Path | None, typer.Option("--json", help="Default: lab.json in the folder.")] = None,
    html_file: Annotated[Path | None, typer.Option("--html", help="Default: lab.html in the folder.")] = None,
) -> None:
    """Which policy serves best where the truth is known, and what it costs: worlds x policies x seeds."""
    chosen = LabSettings() if settings is None else LabSettings().read(settings)
    lab = Lab.named(worlds.split(","), policies.split(","), seeds, chosen.sized(customers, months))
    with cells_bar() as progress:
        ranking = Ranking(lab, run_lab(lab, folder, workers=workers, progress=progress))
    print_table(COLUMNS, [row(line) for line in ranking.overall])
    typer.echo(ranking.words())
    own = lab.folder(folder)
    write_aside(json_file or own / "lab.json", json.dumps(ranking.to_dict(), indent=1))
    write_aside(html_file or own / "lab.html", lab_page(ranking, "The policy lab"))
    typer.echo(f"wrote {json_file or own / 'lab.json'} and {html_file or own / 'lab.html'}")


@contextmanager
def cells_bar() -> Iterator[Callable[[int, int], None] | None]:
    """A progress bar over cells on a terminal, nothing in a pipe."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    columns = (TextColumn("cells"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("cells", total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)


if __name__ == "__main__":
    sys.exit(guarded(app))
