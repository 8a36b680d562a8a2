"""What runs in a stored procedure or a job: a lesson is read from a file, learnt on its query's rows, and written as data.

Only the modules listed in parcel.py travel here. Never run on Snowflake; the offline account runs the procedure.
"""

from __future__ import annotations

import io
import json
import pickle
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, Final

from churnobs.artefacts import checksum, dumped
from churnobs.backends.snowflake.link import Link
from churnobs.errors import BadConfig, ChurnobsError

if TYPE_CHECKING:
    from snowflake.snowpark import Session

    from churnobs.fitting import Lesson

MODEL: Final = "model.skops"
FACTS: Final = "facts.json"
# a model is the same, and is read back, only where these are
PINNED: Final = ("numpy", "pandas", "pyarrow", "scikit-learn", "scipy", "skops", "threadpoolctl", "xgboost")


def teach(session: Session, task: bytes, target: str) -> str:
    """Learn, and put the model's bytes and what is to be known of them into a folder of a stage.

    Args:
        session: whose rows are read, with its rights.
        task: a pickled Lesson, written by the process that asked for it.
        target: the folder, as @stage/folder.

    Returns:
        The facts as JSON; an error of churnobs' own is one of them, so that it can be told as what it is.
    """
    facts: dict[str, Any] = {"packages": installed()}
    try:
        lesson = _lesson(task)
        rows = Link(session, owned=False).fetch(lesson.query)
        content = dumped(_learnt(session, lesson, rows))
        _put(session, content, f"{target}/{MODEL}")
        facts |= {"rows": len(rows), "sha256": checksum(content)}
    except ChurnobsError as error:
        facts["error"] = {"kind": type(error).__name__, "message": error.message, "hint": error.hint}
    text = json.dumps(facts)
    _put(session, text.encode(), f"{target}/{FACTS}")
    return text


def _lesson(task: bytes) -> Lesson:
    try:
        # it comes from the caller, through the caller's own stage
        found: Lesson = pickle.loads(task)  # noqa: S301
    except (ImportError, AttributeError) as error:
        raise BadConfig(
            f"the trainer needs what is not there: {error}", hint="name your modules in imports=, others in packages="
        ) from error
    return found


def installed() -> dict[str, str]:
    """The versions of the packages that decide what a model is."""
    found = {}
    for name in PINNED:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _learnt(session: Session, lesson: Lesson, rows: Any) -> Any:
    if getattr(lesson.trainer, "needs_job", False):
        from churnobs.backends.snowflake.cluster import learn

        return learn(session, lesson, rows)
    return lesson.learn(rows)


def _put(session: Session, content: bytes, place: str) -> None:
    session.file.put_stream(io.BytesIO(content), place, auto_compress=False, overwrite=True)
