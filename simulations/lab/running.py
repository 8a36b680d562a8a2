"""All cells of a lab in parallel processes, each kept in a file of its own as soon as it is done."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from churnobs import Always, BadConfig, DemoRule, Never, PromoteAlways, policy_named, policy_names
from churnobs.cli import write_aside
from simulations.fitted.shop import world_named
from simulations.lab.arena import Contender, play
from simulations.lab.cells import Cell, measured
from simulations.lab.settings import LabSettings
from simulations.lab.story import Story
from simulations.simulation import simulate
from simulations.worlds import World

# changes when the same settings come to give other numbers
REVISION: Final = 1
# they bound what a policy can win back, and are part of every lab
NEVER: Final = Contender("never", Never())
ORACLE: Final = Contender("oracle", Always(), PromoteAlways())
REFERENCES: Final = (NEVER, ORACLE)
POLICIES: Final = (
    "default", "f1-floor", "relative-drop", "significant-drop", "estimated-floor", "drift", "calendar", "demo",
)  # fmt: skip

# whose truth drifts or not; files that are damaged are asked for by name
LAB_WORLDS: Final = ("steady", "demo", "gradual", "sudden", "season", "feedback")
NAMES: Final = ", ".join(sorted({*policy_names(), *(contender.name for contender in REFERENCES)}))


def contender_named(name: str) -> Contender:
    """A contender by the name of its policy; "demo" does what the demo does, unripe labels included.

    Raises:
        BadConfig: there is no such policy.
    """
    known = {contender.name: contender for contender in REFERENCES}
    if name in known:
        return known[name]
    if name == "demo":
        return Contender(name, DemoRule(), DemoRule(), unripe=True)
    return Contender(name, policy_named(name))


@dataclass(frozen=True, slots=True)
class Lab:
    """What is compared.

    Attributes:
        worlds: In which worlds.
        contenders: Whom; never and the oracle are always there.
        seeds: With which chances.
        settings: How large, and what the numbers mean.
    """

    worlds: tuple[World, ...]
    contenders: tuple[Contender, ...]
    seeds: tuple[int, ...]
    settings: LabSettings = field(default_factory=LabSettings)

    def __post_init__(self) -> None:
        named = {contender.name: contender for contender in (*self.contenders, *REFERENCES)}
        object.__setattr__(self, "contenders", tuple(named.values()))
        for what, given in (("world", self.worlds), ("seed", self.seeds)):
            if not given or len({w.name if isinstance(w, World) else w for w in given}) != len(given):
                raise BadConfig(f"each {what} of a lab is there once", hint=f"give at least one {what}, each once")

    @classmethod
    def named(
        cls, worlds: Sequence[str], policies: Sequence[str], seeds: int, settings: LabSettings | None = None
    ) -> Lab:
        """A lab of worlds and policies by their names (of a fitted world, its file), and seeds from 1.

        Raises:
            BadConfig: a name is not known.
        """
        contenders = tuple(contender_named(name) for name in policies)
        return cls(
            tuple(world_named(name) for name in worlds),
            contenders,
            tuple(range(1, seeds + 1)),
            settings or LabSettings(),
        )

    def folder(self, under: Path) -> Path:
        """Where the cells of these settings are kept: other settings have another folder."""
        own = self.settings
        return under / f"{own.customers}-customers-{own.months}-months-{_hash(REVISION, asdict(own))}"

    def file(self, folder: Path, world: World, contender: Contender, seed: int) -> Path:
        """The file of a cell; a world or policy that is defined otherwise has another one."""
        content = _hash(asdict(world), repr(contender))
        return folder / f"{world.name}--{contender.name}--{seed:04d}--{content}.json"


def _hash(*content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=repr).encode()).hexdigest()[:10]


@dataclass(frozen=True, slots=True)
class _Job:
    """A world and seed: its story is told once for all policies that are still to be measured."""

    world: World
    seed: int
    missing: Mapping[Path, Contender]
    settings: LabSettings


def run_lab(lab: Lab, under: Path, *, workers: int, progress: Callable[[int, int], None] | None = None) -> list[Cell]:
    """Measure every cell that no file holds yet, and read them all.

    Args:
        lab: What.
        under: The folder of labs; each settings have a folder in it.
        workers: How many processes.
        progress: Called with the cells done and all cells, first before anything is done.

    Returns:
        The cells by world, policy and seed, in the lab's order.
    """
    folder = lab.folder(under)
    folder.mkdir(parents=True, exist_ok=True)
    write_aside(folder / "settings.json", json.dumps(asdict(lab.settings), indent=1))
    files = {
        lab.file(folder, world, contender, seed): (world, contender, seed)
        for world in lab.worlds
        for contender in lab.contenders
        for seed in lab.seeds
    }
    jobs = []
    for seed in lab.seeds:
        for world in lab.worlds:
            missing = {f: c for f, (w, c, s) in files.items() if (w, s) == (world, seed) and not f.exists()}
            if missing:
                jobs.append(_Job(world, seed, missing, lab.settings))
    done = len(files) - sum(len(job.missing) for job in jobs)
    tell: Callable[[int, int], None] = progress or (lambda *_: None)
    tell(done, len(files))
    for job in _finished(jobs, workers):
        done += len(job.missing)
        tell(done, len(files))
    return [Cell.from_dict(json.loads(file.read_text(encoding="utf-8"))) for file in files]


def _finished(jobs: Sequence[_Job], workers: int) -> Iterator[_Job]:
    """Do jobs, and give each when it is done; one worker is this process."""
    if workers == 1 or len(jobs) < 2:
        return _one_by_one(jobs)
    return _in_parallel(jobs, workers)


def _one_by_one(jobs: Sequence[_Job]) -> Iterator[_Job]:
    for job in jobs:
        do_job(job)
        yield job


def _in_parallel(jobs: Sequence[_Job], workers: int) -> Iterator[_Job]:
    # a process that is forked would share the threads' locks of its parent
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        tasks = {pool.submit(do_job, job): job for job in jobs}
        try:
            for task in as_completed(tasks):
                task.result()
                yield tasks[task]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def do_job(job: _Job) -> None:
    """Measure the missing policies of a world and seed; each is written aside and renamed."""
    settings = job.settings
    simulation = simulate(job.world, customers=settings.customers, months=settings.months, seed=job.seed)
    story = Story.tell(simulation, job.seed, settings)
    for file, contender in job.missing.items():
        months = play(story, contender, keep_datasets=settings.keep_datasets)
        cell = measured(job.world, contender.name, story, months, settings)
        write_aside(file, json.dumps(cell.to_dict()))
