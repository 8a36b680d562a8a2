"""Two databases that cases copy: one with a finished month, one with a model that serves and hostile texts everywhere."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hostile import Case, Shop, Template, config, copied, fingerprint
from loops import write_world

import churnobs


def _template(folder: Path, months: int, spoil: Callable[[Path], None] | None = None) -> Template:
    files = write_world(folder / "files", customers=40, months=months + 2)
    if spoil is not None:
        spoil(files)
    place = folder / "retail.duckdb"
    with churnobs.connect(f"duckdb:{place}", threads=1) as workspace:
        workspace.lifecycle(config(), source=files).run(months)
        now = fingerprint(workspace)
    later = folder / "later.duckdb"
    shutil.copy(place, later)
    with churnobs.connect(f"duckdb:{later}", threads=1) as workspace:
        workspace.lifecycle(config(), source=files).run(1)
        after = fingerprint(workspace)
    return Template(files, months, now, after)


@pytest.fixture(scope="session")
def young(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """January is finished; February would be next."""
    return _template(tmp_path_factory.mktemp("young"), 1)


@pytest.fixture
def shop(case: Case, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shop]:
    """A copy of the template that a case asks for."""
    with copied(request.getfixturevalue(case.base), tmp_path) as made:
        yield made
