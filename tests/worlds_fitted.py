"""Shops of known parameters, and workspaces with what they sold."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from churnobs import Workspace
from simulations import FittedWorld, Shop, simulate
from simulations.fitted.habits import Habits
from simulations.fitted.shop import Baskets, PastMonth

# everybody of this shop comes after its history, which is one month without anybody
YOUNG = Shop(
    since="2021-12",
    past=(PastMonth(0, 1.0),),
    founding_months=0,
    founders=Habits(0.8, 25.0, 1.2, 5.0),
    newcomers=Habits(0.8, 25.0, 1.2, 5.0),
    season=(1.0,) * 12,
    level=1.0,
    arrivals=300.0,
    active=1000,
    baskets=Baskets(1.05, 40.0, 0.5, 0.6, 2.5, 2.0, 0.2, (("CARD", 0.6), ("CASH", 0.25))),
)


def young(**changes: Any) -> FittedWorld:
    """A world of the young shop, changed."""
    return FittedWorld(name="young", summary="a shop that opens", shop=replace(YOUNG, **changes))


def sold(workspace: Workspace, world: FittedWorld, folder: Path, *, months: int, seed: int = 1) -> None:
    """Ingest what a world of a thousand customers sells."""
    simulate(world, customers=1000, months=months, seed=seed).write(folder)
    workspace.ingest(folder)
