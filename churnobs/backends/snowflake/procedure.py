"""Training in a stored procedure: a temporary one, with the caller's rights, and gone when the model is here.

Making it is DDL, so that it is made before any row of a transaction; the rows that it learns from never leave Snowflake.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from churnobs.backends.snowflake.ddl import literal, quoted
from churnobs.backends.snowflake.native import Native, closed
from churnobs.backends.snowflake.parcel import CODE, TASK, Errand, copy_imports, packed, requirements
from churnobs.backends.snowflake.schema import STAGE
from churnobs.errors import ChurnobsError
from churnobs.ports import WorkshopPort

if TYPE_CHECKING:
    from pathlib import Path

    from churnobs.backends.snowflake.engine import SnowflakeEngine
    from churnobs.fitting import Learnt, Lesson
    from churnobs.places import InProcedure

_BODY: Final = f"""
import os, sys

def run(session, target):
    from churnobs.backends.snowflake.inside import teach
    with open(os.path.join(sys._xoptions["snowflake_import_directory"], "{TASK}"), "rb") as file:
        return teach(session, file.read(), target)
"""
_NOTHING: Final = "\ndef run(session, target):\n    return target\n"


class Procedures(WorkshopPort):
    """Trains in temporary stored procedures of the session's schema."""

    def __init__(self, engine: SnowflakeEngine) -> None:
        self._engine = engine

    def check(self, place: Any) -> None:
        """Make such a procedure and drop it: Snowflake then looks at rights, packages and staged imports."""
        from tempfile import TemporaryDirectory

        with TemporaryDirectory() as folder:
            from pathlib import Path

            copy_imports(_local(place), Path(folder))
        errand = self._errand()
        self._made(errand, place, _staged(place), _NOTHING)
        self._dropped(errand)

    def fit(self, place: Any, lesson: Lesson) -> Learnt:
        """Run a lesson in a procedure."""
        closed(self._engine, "making a procedure")
        errand, link = self._errand(), self._engine.link
        try:
            with packed(lesson, _local(place)) as folder:
                link.run(f"PUT {_files(folder)} {literal(errand.place)} AUTO_COMPRESS = FALSE OVERWRITE = TRUE")
                own = [f"{errand.place}/{path.name}" for path in sorted(folder.iterdir())]
            # the zip of churnobs comes first, so that nothing of the user's takes its place
            own.sort(key=lambda one: not one.endswith(f"/{CODE}"))
            self._made(errand, place, [*own, *_staged(place)], _BODY)
            link.rows(f"CALL {self._name(errand)}({literal(errand.target)})")
            return errand.bring()
        finally:
            with suppress(ChurnobsError):
                self._dropped(errand)
            errand.clear()

    def _errand(self) -> Errand:
        native = Native.of(self._engine)
        return Errand.new(self._engine, native.qualified(STAGE))

    def _name(self, errand: Errand) -> str:
        return Native.of(self._engine).qualified(errand.name)

    def _made(self, errand: Errand, place: InProcedure, imports: Sequence[str], body: str) -> None:
        options = [f"RUNTIME_VERSION = '{sys.version_info.major}.{sys.version_info.minor}'"]
        if place.artifact_repository:
            options.append(f"ARTIFACT_REPOSITORY = {place.artifact_repository}")
        packages = ["snowflake-snowpark-python", "cloudpickle", *requirements(place.packages)]
        options.append(f"PACKAGES = ({', '.join(map(literal, packages))})")
        if imports:
            options.append(f"IMPORTS = ({', '.join(map(literal, imports))})")
        self._engine.ddl(
            f"CREATE TEMPORARY PROCEDURE {self._name(errand)}({quoted('TARGET')} VARCHAR) RETURNS VARCHAR "
            f"LANGUAGE PYTHON {' '.join(options)} HANDLER = 'run' EXECUTE AS CALLER AS $${body}$$"
        )

    def _dropped(self, errand: Errand) -> None:
        self._engine.ddl(f"DROP PROCEDURE IF EXISTS {self._name(errand)}(VARCHAR)")


def _local(place: InProcedure) -> list[str]:
    return [one for one in place.imports if not one.startswith("@")]


def _staged(place: InProcedure) -> list[str]:
    return [one for one in place.imports if one.startswith("@")]


def _files(folder: Path) -> str:
    return literal(f"file://{folder.as_posix()}/*")
