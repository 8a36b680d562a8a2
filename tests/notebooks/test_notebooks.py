"""The notebooks in examples run without a warning, and say what they are stored to have said.

``pytest tests/notebooks --update-golden`` stores the outputs anew instead of comparing.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
NOTEBOOKS = sorted(EXAMPLES.glob("*.ipynb"))
DATA = Path(os.environ.get("CHURNOBS_DATA", ROOT.parent / "shared" / "data"))
BYTES = 200_000
# a step inside the kernel that is not part of the notebook; the ignored warning is that of the tests
STRICT = """
import warnings
warnings.simplefilter("error")
warnings.filterwarnings("ignore", "Implicitly cleaning up", ResourceWarning)
warnings.filterwarnings("ignore", category=PendingDeprecationWarning, module="ipykernel")
"""
NUMBER = re.compile(r"\d+\.\d+")
ABSOLUTE = re.compile(r"(?<![\w.:/*<])/(?:bin|Users|etc|home|mnt|opt|private|root|srv|tmp|usr|var|work)/|\b[A-Z]:\\")

each = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def run(path: Path, folder: Path, data: Path) -> Any:
    """The notebook as executed in a copy of examples."""
    shutil.copytree(EXAMPLES, folder / "examples")
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    notebook.cells.insert(0, nbformat.v4.new_code_cell(STRICT))
    client = NotebookClient(
        notebook,
        timeout=300,
        kernel_name="python3",
        record_timing=False,
        store_widget_state=False,
        coalesce_streams=True,  # a print may arrive in two messages when the kernel is busy
        resources={"metadata": {"path": str(folder / "examples")}},
    )
    paths = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    client.execute(env={**os.environ, "CHURNOBS_DATA": str(data), "PYTHONPATH": paths})
    del notebook.cells[0]
    codes = (cell for cell in notebook.cells if cell.cell_type == "code")
    for number, cell in enumerate(codes, 1):
        cell.execution_count = number
        for output in cell.outputs:
            if "execution_count" in output:
                output.execution_count = number
    notebook.metadata.language_info = {"name": "python"}
    return notebook


def texts(notebook: Any) -> Iterator[tuple[int, str, str]]:
    """Cell, kind and text of every output that is text."""
    for number, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []):
            if output.output_type == "stream":
                yield number, output.name, output.text
            elif output.output_type != "error":
                words = {"text/plain", "text/html"} & set(output.data)
                yield from ((number, kind, output.data[kind]) for kind in sorted(words))


def assert_same(stored: Any, fresh: Any) -> None:
    """The same words and whole numbers; fractions may differ as far as another processor makes them."""
    before, now = list(texts(stored)), list(texts(fresh))
    assert [NUMBER.sub("#", text) for *_, text in now] == [NUMBER.sub("#", text) for *_, text in before]
    assert [kind for _, kind, _ in now] == [kind for _, kind, _ in before]
    for (cell, _, was), (_, _, text) in zip(before, now, strict=True):
        numbers = [float(number) for number in NUMBER.findall(text)]
        assert numbers == pytest.approx([float(n) for n in NUMBER.findall(was)], rel=0.005, abs=0.005), f"cell {cell}"


@each
def test_it_runs_and_says_what_is_stored(path: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    fresh = run(path, tmp_path, DATA)
    assert [name for _, name, _ in texts(fresh) if name == "stderr"] == []
    if request.config.getoption("--update-golden"):
        path.write_text(nbformat.writes(fresh) + "\n", encoding="utf-8")
    elif any("CDNOW is not here" in text for *_, text in texts(fresh)):
        pytest.skip(f"it ran on made-up data, the stored outputs are of CDNOW, which is not in {DATA}")
    else:
        assert_same(nbformat.read(path, as_version=4), fresh)


def test_your_own_data_runs_without_the_data(tmp_path: Path) -> None:
    fresh = run(EXAMPLES / "your_own_data.ipynb", tmp_path, tmp_path / "nowhere")
    assert any("made-up purchases" in text for *_, text in texts(fresh))
    assert any("first_model" in text for *_, text in texts(fresh))


@each
def test_what_is_stored(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    notebook = nbformat.reads(text, as_version=4)
    codes = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in codes] == list(range(1, len(codes) + 1))
    outputs = [output for cell in codes for output in cell.outputs]
    assert len(outputs) > len(codes) / 2
    assert not [o for o in outputs if o.output_type == "error" or o.get("name") == "stderr"]
    assert len(text.encode()) < BYTES
    assert not ABSOLUTE.search(text)
    assert not [place for place in (ROOT, Path.home(), tempfile.gettempdir()) if f"{place}/" in text]
    assert all("execution" not in cell.metadata for cell in notebook.cells)


def test_there_are_notebooks() -> None:
    assert {path.stem for path in NOTEBOOKS} >= {"quickstart", "your_own_data", "custom_features", "snowflake"}
