"""Two databases that cases copy: one with a finished month, one with a model that serves and hostile texts everywhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hostile_cases import Case, Shop, Template, copied, make, spoil


@pytest.fixture(scope="session")
def young(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """January is finished; February would be next."""
    return make(tmp_path_factory.mktemp("young"), 1)


@pytest.fixture(scope="session")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """A first model serves since March, and every text is hostile; April would be next."""
    return make(tmp_path_factory.mktemp("grown"), 3, spoil)


@pytest.fixture
def shop(case: Case, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shop]:
    """A copy of the template that a case asks for."""
    with copied(request.getfixturevalue(case.base), tmp_path) as made:
        yield made
