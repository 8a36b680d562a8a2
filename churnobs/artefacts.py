"""Fitted models as bytes that hold data and no code (skops), read back only when every type in them is allowed."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from typing import TYPE_CHECKING, Any, Final

from churnobs.errors import RefusedArtefact

if TYPE_CHECKING:
    from churnobs.records import VersionRecord

_SCHEMA: Final = "schema.json"
# beyond what skops trusts by itself: what scikit-learn pipelines and XGBoost models are made of
ALLOWED: Final = (
    "numpy.dtype",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
    "sklearn.tree._tree.Tree",
    "sklearn.utils._bunch.Bunch",
    "xgboost.core.Booster",
    "xgboost.sklearn.XGBClassifier",
)


def dumped(model: Any) -> bytes:
    """The bytes of a fitted model, the same for the same model: no clock and no memory address is in them.

    Raises:
        RefusedArtefact: it holds types outside the allow-list, so it could not be read back.
    """
    import skops.io

    content = _without_chance(skops.io.dumps(model))
    _refuse_unknown(content)
    return content


def loaded(content: bytes) -> Any:
    """The model of some bytes.

    Raises:
        RefusedArtefact: they hold types outside the allow-list.
    """
    import skops.io

    _refuse_unknown(content)
    return skops.io.loads(content, trusted=list(ALLOWED))


def checksum(content: bytes) -> str:
    """The name of an artefact: the sha256 of its bytes."""
    return hashlib.sha256(content).hexdigest()


def checked(content: bytes, record: VersionRecord) -> bytes:
    """The bytes of a version's artefact, if they are those that were stored.

    Raises:
        RefusedArtefact: they were altered.
    """
    if checksum(content) != record.artefact:
        raise RefusedArtefact(
            f"the artefact of {record.version_name} was altered: its sha256 is not {record.artefact[:12]}…",
            hint="restore it where it is kept, or train again",
        )
    return content


def packages(content: bytes) -> frozenset[str]:
    """The packages whose types the bytes of a model name.

    >>> from sklearn.linear_model import LogisticRegression
    >>> "sklearn" in packages(dumped(LogisticRegression()))
    True
    """
    found: set[str] = set()

    def look(node: Any) -> None:
        for child in node if isinstance(node, list) else node.values():
            if isinstance(child, dict | list):
                look(child)
        if isinstance(node, dict) and isinstance(node.get("__module__"), str):
            found.add(node["__module__"].partition(".")[0])

    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        look(json.loads(archive.read(_SCHEMA)))
    return frozenset(found)


def _without_chance(content: bytes) -> bytes:
    """A skops archive with its objects numbered in order of appearance and its entries undated."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    numbers: dict[Any, int] = {}
    names: dict[str, str] = {}

    def renumber(node: Any) -> None:
        for child in node if isinstance(node, list) else node.values():
            if isinstance(child, dict | list):
                renumber(child)
        if isinstance(node, dict) and "__id__" in node:
            # whether two equal texts or numbers are one object is an accident of the process that wrote them
            own = object() if node.get("__loader__") == "JsonNode" else node["__id__"]
            node["__id__"] = numbers.setdefault(own, len(numbers))
            if node.get("file") in parts:
                node["file"] = names.setdefault(node["file"], f"{len(names)}.{node['file'].rpartition('.')[2]}")

    schema = json.loads(parts.pop(_SCHEMA))
    renumber(schema)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in sorted(parts, key=lambda n: names.get(n, n)):
            archive.writestr(zipfile.ZipInfo(names.get(name, name)), parts[name])
        archive.writestr(zipfile.ZipInfo(_SCHEMA), json.dumps(schema, separators=(",", ":")))
    return out.getvalue()


def _refuse_unknown(content: bytes) -> None:
    import skops.io

    unknown = sorted(set(skops.io.get_untrusted_types(data=content)) - set(ALLOWED))
    if unknown:
        raise RefusedArtefact(
            f"the model holds types that are not allowed: {', '.join(unknown)}",
            hint="use scikit-learn and XGBoost estimators, whose artefacts are data and no code",
        )
