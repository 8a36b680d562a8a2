"""The Python blocks of the guide run, page by page, in a folder with month files and a file of transactions."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import churnobs
from churnobs import errors
from simulations import WORLDS, Drift, simulate

DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", ["index", "concepts", "your_own_data", "watching", "corrections", "worlds"])
def test_the_blocks_of_a_page_run(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    world = replace(WORLDS["sudden"], drifts=(Drift("relation", month=5),))
    simulate(world, customers=150, months=7, seed=1).write("data")
    rows = (f"{n},{n % 7:05},1997-{1 + n % 12:02}-{1 + n % 28:02},{5 + n}.5" for n in range(1, 40))
    Path("transactions.csv").write_text("\n".join(("transaction_id,customer_id,date,amount", *rows)), encoding="utf-8")
    blocks = BLOCK.findall((DOCS / f"{page}.md").read_text(encoding="utf-8"))
    assert blocks
    names: dict[str, Any] = {"__name__": "__main__"}
    for number, block in enumerate(blocks, 1):
        exec(compile(block, f"{page}.md, block {number}", "exec"), names)


def test_every_public_name_has_its_place_in_the_reference() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in sorted((DOCS / "api").glob("*.md")))
    shown = {name.rpartition(".")[2] for name in re.findall(r"^::: (\S+)$", text, re.MULTILINE)}
    assert set(churnobs.__all__) - shown - set(errors.__all__) == set()
