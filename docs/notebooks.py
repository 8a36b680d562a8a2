"""A hook of MkDocs: the notebooks in examples become pages, with the outputs that are stored in them."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add a page a notebook, and a file a drawing."""
    for path in sorted((Path(config.config_file_path).parent / "examples").glob("*.ipynb")):
        drawings: dict[str, str] = {}
        text = "\n\n".join(_page(path, drawings))
        files.append(File.generated(config, f"examples/{path.stem}.md", content=text + "\n"))
        for name, svg in drawings.items():
            files.append(File.generated(config, f"examples/{name}", content=svg))
    return files


def _page(path: Path, drawings: dict[str, str]) -> Iterator[str]:
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "markdown":
            yield cell.source
            continue
        yield f"```python\n{cell.source}\n```"
        for output in cell.outputs:
            yield _shown(output, f"{path.stem}_{len(drawings) + 1}.svg", drawings)


def _shown(output: Any, name: str, drawings: dict[str, str]) -> str:
    if output.output_type == "stream":
        return _text(output.text)
    if "image/svg+xml" in output.data:
        drawings[name] = output.data["image/svg+xml"]
        # raw HTML, which is relative to the page as the drawing is
        return f'<div class="output"><img src="{name}" alt="a chart"></div>'
    if "text/html" in output.data:
        table = re.sub(r"<style.*?</style>", "", output.data["text/html"], flags=re.DOTALL)
        return f'<div class="output">{" ".join(table.split())}</div>'
    return _text(output.data["text/plain"])


def _text(text: str) -> str:
    # no empty line may end the block
    escaped = html.escape(text.rstrip()).replace("\n", "&#10;")
    return f'<div class="output"><pre><code>{escaped}</code></pre></div>'
