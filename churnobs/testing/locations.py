"""Where files are: stages, table and user stages, snow:// places; every path stays inside its folder."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from churnobs.testing.failures import SqlError, missing, not_supported
from churnobs.testing.names import Name, split_name
from churnobs.testing.role_rules import need
from churnobs.testing.session import Session

SNOW: dict[str, Callable[[Session, str], Location]] = {}


@dataclass(frozen=True, slots=True)
class Location:
    """A place: the folder of its stage, the path in it, and how LIST shows names in it."""

    root: Path
    path: str
    shown: str
    file_format: tuple[tuple[str, object], ...] = ()

    def inside(self, path: str) -> Path:
        """The file of a path, which must not leave the folder."""
        target = (self.root / path.lstrip("/")).resolve()
        if not target.is_relative_to(self.root.resolve()):
            raise SqlError(f"SQL compilation error:\ninvalid path '{path}': it leaves its stage", 1003, "42000")
        return target

    def files(self, pattern: str | None = None, only: Sequence[str] | None = None) -> list[str]:
        """The paths in the stage that begin with this location's path, sorted."""
        self.inside(self.path)
        prefix = self.path.lstrip("/")
        found = []
        for file in sorted(p for p in self.root.rglob("*") if p.is_file()):
            relative = file.relative_to(self.root).as_posix()
            if prefix and not relative.startswith(prefix):
                continue
            if only is not None and relative not in {_join(prefix, name) for name in only}:
                continue
            if pattern is None or re.fullmatch(pattern, relative) or re.fullmatch(pattern, f"{self.shown}{relative}"):
                found.append(relative)
        return found


def _join(prefix: str, name: str) -> str:
    return f"{prefix.rstrip('/')}/{name.lstrip('/')}" if prefix else name.lstrip("/")


def locate(session: Session, text: str) -> Location:
    """Read a location: @stage/path, @~, @%table, snow://kind/name/path or the URL of a mapped external stage."""
    text = text.strip().strip("'")
    if text.lower().startswith("snow://"):
        kind, _, rest = text[7:].partition("/")
        if (resolver := SNOW.get(kind.lower())) is None:
            raise not_supported(f"the location snow://{kind}", "use a stage")
        return resolver(session, rest)
    if not text.startswith("@"):
        if (found := mapped(session, text)) is not None:
            folder, path = found
            return Location(folder, path, f"{text.rstrip('/').removesuffix(path).rstrip('/')}/")
        raise not_supported(
            f"the location '{text}'", "map its URL to a folder: offline_account(external_stages={'s3://...': 'folder'})"
        )
    name, path = _cut(text[1:])
    if name.startswith(("~", "%")) or ".%" in name:
        place = "~" + session.user if name.startswith("~") else str(session.resolve(split_name(name.replace("%", ""))))
        folder = session.account.folder / "stages" / hashlib.sha1(place.encode(), usedforsecurity=False).hexdigest()
        folder.mkdir(parents=True, exist_ok=True)
        return Location(folder, path, "")
    full = session.resolve(split_name(name))
    stage = session.account.catalog.stages.get(full)
    if stage is None:
        raise missing("Stage", full)
    if not stage.temporary:
        need(session, ("READ", "WRITE", "USAGE"), ("STAGE",), full)
    if stage.folder is None:
        raise not_supported(
            f"reading the external stage {full} ({stage.url})",
            f"map it to a folder: offline_account(external_stages={{'{stage.url}': 'folder'}})",
        )
    shown = f"{full.name.lower()}/" if not stage.url else stage.url.rstrip("/") + "/"
    root, form = Path(stage.folder), tuple(stage.file_format.items())
    if (
        stage.url and not root.is_dir()
    ):  # the URL of a stage may be that of a file, or the beginning of some files' names
        return Location(root.parent, root.name + path, shown.rstrip("/").rpartition("/")[0] + "/", form)
    return Location(root, path, shown, form)


def mapped(session: Session, url: str) -> tuple[Path, str] | None:
    """The folder that stands for a URL, by the longest prefix that was mapped, and the path in it."""
    for known in sorted(session.account.external, key=len, reverse=True):
        if url.rstrip("/") == known or url.startswith(f"{known}/"):
            return session.account.external[known], url[len(known) :].strip("/")
    return None


def _cut(text: str) -> tuple[str, str]:
    """Split a stage's name from the path after it."""
    quoted = False
    for at, sign in enumerate(text):
        if sign == '"':
            quoted = not quoted
        elif sign == "/" and not quoted:
            return text[:at], text[at + 1 :]
    return text, ""


def stage_folder(session: Session, name: Name) -> Path:
    """A new folder for a stage."""
    folder = (
        session.account.folder
        / "stages"
        / f"{session.account.next_number()}_{re.sub(r'[^A-Za-z0-9]', '_', name.name)[:40]}"
    )
    folder.mkdir(parents=True)
    return folder
