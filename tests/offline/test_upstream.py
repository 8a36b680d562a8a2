"""The defects of fakesnow and sqlglot that are worked around are still there; a mended one says what to delete."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import pytest

pytest.importorskip("fakesnow", reason="needs churnobs[offline]")

from fakesnow.instance import FakeSnow

PAGES = Path(__file__).parents[2] / "docs" / "upstream"
SLUGS = sorted(path.stem for path in PAGES.glob("*.py") if path.stem != "repro")


@pytest.fixture(scope="module")
def fakesnow() -> Iterator[FakeSnow]:
    made = FakeSnow()
    sys.path.insert(0, str(PAGES))
    yield made
    sys.path.remove(str(PAGES))
    made.duck_conn.close()


@pytest.mark.parametrize("slug", SLUGS)
def test_a_defect_is_still_there(slug: str, fakesnow: FakeSnow) -> None:
    repro = import_module(slug).REPRO
    actual = repro.actual(fakesnow.connect(database="DB1", schema="S1").cursor())
    told = (PAGES / f"{slug}.md").read_text(encoding="utf-8").partition("## What can then be deleted")[2].strip()
    assert not repro.is_fixed(actual), (
        f"{slug} is mended in fakesnow {version('fakesnow')} with sqlglot {version('sqlglot')}. To delete: {told}"
        f" Then docs/upstream/{slug}.* and its line in docs/upstream/index.md"
    )


def test_each_has_a_page_a_patch_and_a_line_in_the_index() -> None:
    assert sorted(path.stem for path in PAGES.glob("*.md")) == sorted([*SLUGS, "index"])
    assert sorted(path.stem for path in PAGES.glob("*.diff")) == SLUGS
    index = (PAGES / "index.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"\]\((\w+)\.md\)", index)) == SLUGS


@pytest.mark.long
@pytest.mark.parametrize("slug", SLUGS)
def test_the_patch_mends_it(slug: str, tmp_path: Path) -> None:
    patch = PAGES / f"{slug}.diff"
    for package in sorted(set(re.findall(r"^--- a/(\w+)/", patch.read_text(encoding="utf-8"), re.MULTILINE))):
        folder = Path(find_spec(package).origin).parent
        shutil.copytree(folder, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    # in no repository, whatever is above the folder
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "GIT_CEILING_DIRECTORIES": str(tmp_path.parent)}
    subprocess.run(["git", "apply", str(patch)], cwd=tmp_path, env=environment, check=True)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(PAGES / f"{slug}.py")],
        env=environment, cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
