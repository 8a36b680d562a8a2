"""A world is learnt from the same sums on every backend."""

from __future__ import annotations

from pathlib import Path

import pytest
from worlds_fitted import sold, young

import churnobs
from churnobs import BadConfig, Workspace
from simulations import World, held_back


def test_the_same_sales_teach_the_same_world(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="the workspace has no sales"):
        World.fit(workspace)
    world = young(arrivals=30.0)
    sold(workspace, world, tmp_path / "here", months=6)
    found = World.fit(workspace, until="2022-05")
    with churnobs.connect(threads=1) as beside:
        sold(beside, world, tmp_path / "beside", months=6)
        assert found == World.fit(beside, until="2022-05")
        assert held_back(found, workspace, seeds=(1,)) == held_back(found, beside, seeds=(1,))
