"""A database for the dashboard to show."""

from __future__ import annotations

from pathlib import Path

from loops import scripted

import churnobs
from churnobs import Alert

# a comment that would be seen to work if any page took it for more than a text
HOSTILE = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\"> **bold** [x](http://y)"


def make_hostile(files: Path) -> Path:
    """Put HTML and Markdown into every comment."""
    for path in files.glob("feedback_raw_*.csv"):
        lines = path.read_text(encoding="utf-8").splitlines()
        head, rows = lines[0].split(","), lines[1:]
        at = head.index("COMMENT")
        written = []
        for row in rows:
            cells = _cells(row)
            cells[at] = f"{cells[at]} {HOSTILE}"
            written.append(",".join('"' + cell.replace('"', '""') + '"' for cell in cells))
        path.write_text("\n".join([lines[0], *written]) + "\n", encoding="utf-8")
    return files


def build(path: Path, files: Path, months: int | None = None) -> str:
    """Run the loop over files into a database; gives its URL."""
    alerts = (Alert("low", "roc_auc", below=1.01), Alert("moved", "jensen_shannon", above=0.0, column="age"))
    with churnobs.connect(f"duckdb:{path}", threads=1) as workspace:
        workspace.lifecycle(scripted(alerts=alerts), source=files).run(months)
    return f"duckdb:{path}"


def _cells(row: str) -> list[str]:
    import csv

    return next(csv.reader([row]))
