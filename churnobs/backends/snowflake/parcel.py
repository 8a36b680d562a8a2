"""What travels to a procedure or a job, and what comes back: churnobs' training code as a zip, a lesson, a model as data."""

from __future__ import annotations

import io
import json
import shutil
import uuid
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from churnobs import errors
from churnobs.artefacts import checksum, loaded
from churnobs.backends.snowflake.inside import FACTS, MODEL, PINNED, installed
from churnobs.backends.snowflake.native import clients
from churnobs.errors import BackendFailed, BadConfig, ChurnobsError, RefusedArtefact
from churnobs.fitting import Learnt, Lesson

if TYPE_CHECKING:
    from churnobs.backends.snowflake.engine import SnowflakeEngine

CODE: Final = "churnobs.zip"
TASK: Final = "task.pkl"
# all that trains; it needs no engine, no Ibis and no database
MODULES: Final = (
    "artefacts", "columns", "comparison", "distributed", "errors", "fitting", "searching", "training",
    "backends/snowflake/cluster", "backends/snowflake/inside", "backends/snowflake/link",
)  # fmt: skip
# in the place of the package's own __init__, which opens the doors to everything
_INITS: Final = {
    "": '"""What of churnobs trains."""\n'
    + "".join(f"from churnobs.{module} import *\n" for module in ("errors", "training", "searching")),
    "backends/": "",
    "backends/snowflake/": "",
}
_OWN: Final = frozenset({"churnobs", CODE, TASK})
# of these another version means another model, or one that cannot be read
_SAME: Final = ("scikit-learn", "skops", "xgboost")


def requirements(own: Sequence[str]) -> list[str]:
    """The packages to install there: those of here in their versions, and the user's own, which come first.

    >>> [one for one in requirements(["skops==0.14.0", "lightgbm"]) if "skops" in one or "light" in one]
    ['skops==0.14.0', 'lightgbm']
    """
    named = {_name(one) for one in own}
    return [*own, *(f"{name}=={version}" for name, version in installed().items() if name not in named)]


def write_code(path: Path) -> None:
    """The zip of churnobs' training code."""
    root = files("churnobs")
    with zipfile.ZipFile(path, "w") as archive:
        for folder, text in _INITS.items():
            archive.writestr(f"churnobs/{folder}__init__.py", text)
        for module in MODULES:
            archive.writestr(f"churnobs/{module}.py", root.joinpath(f"{module}.py").read_text(encoding="utf-8"))


def package_code() -> bytes:
    """The zip of all of churnobs that runs where the data are: without the offline account and the dashboard."""
    root = files("churnobs")
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive, as_file(root) as folder:
        for path in sorted(folder.rglob("*")):
            inside = path.relative_to(folder)
            if path.suffix in {".py", ".html", ".typed"} and inside.parts[0] not in {"testing", "dashboard"}:
                archive.writestr(zipfile.ZipInfo(f"churnobs/{inside.as_posix()}"), path.read_bytes())
    return out.getvalue()


def copy_imports(imports: Sequence[str], folder: Path) -> None:
    """The user's local modules; a folder becomes a zip.

    Raises:
        BadConfig: one is not there.
    """
    for one in map(Path, imports):
        if one.name in _OWN:
            raise BadConfig(f"{one} has the name of what churnobs itself sends", hint="rename it")
        if one.is_dir():
            shutil.make_archive(str(folder / one.name), "zip", one.parent, one.name)
        elif one.is_file():
            shutil.copy(one, folder / one.name)
        else:
            raise BadConfig(f"there is no {one} to import", hint="give the path of a .py, a .zip or a package's folder")


@contextmanager
def packed(lesson: Lesson, imports: Sequence[str]) -> Iterator[Path]:
    """A folder with everything that travels."""
    import cloudpickle  # type: ignore[import-untyped,unused-ignore]

    with TemporaryDirectory() as name:
        folder = Path(name)
        write_code(folder / CODE)
        copy_imports(imports, folder)
        try:
            (folder / TASK).write_bytes(cloudpickle.dumps(lesson))
        except Exception as error:
            raise BadConfig(
                f"the trainer cannot travel: {error}",
                hint="let it hold data and importable code only, or train locally",
            ) from error
        yield folder


@dataclass(frozen=True, slots=True)
class Errand:
    """One training elsewhere: the folder of a stage that is its own, and gone afterwards."""

    engine: SnowflakeEngine
    stage: str
    name: str

    @classmethod
    def new(cls, engine: SnowflakeEngine, stage: str) -> Errand:
        """One with a name that nobody else has."""
        return cls(engine, stage, f"CHURNOBS_TRAIN_{uuid.uuid4().hex}".upper())

    @property
    def place(self) -> str:
        """The folder of the stage."""
        return f"@{self.stage}/{self.name}"

    @property
    def target(self) -> str:
        """Where the model is put."""
        return f"{self.place}/out"

    def bring(self) -> Learnt:
        """The model that came of it, if it is what was made there.

        Raises:
            ChurnobsError: what went wrong there, as what it is.
            BadConfig: it was fitted with other versions of the packages than are here.
            RefusedArtefact: its bytes are not those that were made.
        """
        with TemporaryDirectory() as name, clients():
            self.engine.link.session.file.get(self.target, name)
            found = {path.name: path.read_bytes() for path in Path(name).iterdir()}
        if FACTS not in found:
            raise BackendFailed("the training left no result", hint="look at its logs in Snowsight")
        return learnt_from(json.loads(found[FACTS]), found.get(MODEL, b""))

    def clear(self) -> None:
        """Leave nothing behind; the first error is what is told."""
        with suppress(ChurnobsError):
            self.engine.link.run(f"REMOVE {self.place}")


def learnt_from(facts: dict[str, Any], content: bytes) -> Learnt:
    """The model of its bytes and of what is known of them."""
    if error := facts.get("error"):
        kind = getattr(errors, error["kind"], BackendFailed)
        if not issubclass(kind, ChurnobsError) or kind is errors.BadFile:
            kind = BackendFailed
        raise kind(error["message"], hint=error["hint"])
    here = installed()
    other = [
        f"{n} {facts['packages'].get(n)} (here {here.get(n)})" for n in _SAME if facts["packages"].get(n) != here.get(n)
    ]
    if other:
        raise BadConfig(
            f"the model was fitted with {', '.join(other)}",
            hint="leave these packages out of packages=, or install the same here",
        )
    if checksum(content) != facts["sha256"]:
        raise RefusedArtefact("the model that came back is not the one that was made", hint="train again")
    return Learnt(loaded(content), int(facts["rows"]))


def _name(requirement: str) -> str:
    for at, sign in enumerate(requirement):
        if sign in "=<>~!;[ ":
            return requirement[:at].lower()
    return requirement.lower()


assert set(_SAME) <= set(PINNED)
