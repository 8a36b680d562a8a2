"""Running registered models: the only module that touches snowflake-ml's private parts.

A model's files are read as the registry wrote them. Its code is loaded on its first call, never when it is registered.
"""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import yaml

from churnobs.testing.failures import SqlError, not_supported

PRIVATE = (
    "snowflake.ml.model._packager.model_packager.ModelPackager",
    "snowflake.ml.model._packager.model_meta.model_meta.ModelMetadata",
)
_LOADING = threading.RLock()


@dataclass(frozen=True, slots=True)
class Method:
    """A method of a model version as its manifest states it."""

    name: str
    target: str
    kind: str
    inputs: tuple[tuple[str, str], ...]
    outputs: tuple[tuple[str, str], ...]

    @property
    def return_type(self) -> str:
        """The type that SHOW FUNCTIONS IN MODEL states."""
        if self.kind == "TABLE_FUNCTION":
            return "TABLE (" + ", ".join(f"{n} {t}" for n, t in self.outputs) + ")"
        return self.outputs[0][1] if len(self.outputs) == 1 else "OBJECT"


def manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a model's files."""
    path = folder / "MANIFEST.yml"
    if not path.is_file():
        raise SqlError("Invalid model: MANIFEST.yml was not found.", 100132, "22000")
    found: dict[str, Any] = yaml.safe_load(path.read_text())
    return found


def methods(folder: Path) -> list[Method]:
    """The methods a model's manifest names."""
    made = []
    for entry in manifest(folder)["methods"]:
        name = str(entry["name"])
        target = str(entry["handler"]).split(".")[1]
        inputs = tuple((str(i["name"]), str(i["type"])) for i in entry.get("inputs", []))
        outputs = tuple((str(o.get("name", "")), str(o["type"])) for o in entry.get("outputs", []))
        made.append(Method(name, target, str(entry.get("type", "FUNCTION")), inputs, outputs))
    return made


def spec(folder: Path) -> str:
    """The text of model.yaml, or nothing."""
    path = folder / "model" / "model.yaml"
    return path.read_text() if path.is_file() else ""


def task(folder: Path) -> str:
    """The task the model was logged with."""
    found = yaml.safe_load(spec(folder) or "{}") or {}
    return str(found.get("task", "UNKNOWN"))


class Runner:
    """One method of one model version, ready to be called with columns of values."""

    def __init__(self, folder: Path, method: Method) -> None:
        self.folder, self.method = folder, method
        self._loaded: Any = None

    def _load(self) -> Any:
        with _LOADING:
            if self._loaded is None:
                from snowflake.ml.model._packager.model_packager import ModelPackager

                packager = ModelPackager(str(self.folder / "model"))
                packager.load(as_custom_model=True)
                assert packager.meta is not None
                self._loaded = (packager.model, packager.meta.signatures[self.method.target])
            return self._loaded

    def outputs(self) -> list[str]:
        """The names of the outputs in the signature."""
        return [o.name for o in self._load()[1].outputs]

    def frame(self, columns: Sequence[Any]) -> pd.DataFrame:
        """The input as the model expects it."""
        _, signature = self._load()
        inputs = list(signature.inputs)
        if len(columns) != len(inputs):
            raise SqlError(
                f"SQL compilation error:\nInvalid argument types for function '{self.method.name}': "
                f"{len(columns)} given, {len(inputs)} expected",
                1044, "42P13",
            )  # fmt: skip
        made = {}
        for feature, column in zip(inputs, columns, strict=True):
            array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
            if pa.types.is_decimal(array.type):
                array = array.cast(pa.float64())
            made[feature.name] = array.to_pandas()
        # pandas' nullable types, as the registry's own function gives rows to a model
        return pd.DataFrame(made).astype({feature.name: feature.as_dtype() for feature in inputs})

    def partition(self, frame: pd.DataFrame) -> pd.DataFrame:
        """What a partitioned method makes of the rows of one partition, under the names of its signature."""
        model, signature = self._load()
        inputs = list(signature.inputs)
        typed = frame.set_axis([f.name for f in inputs], axis=1).astype({f.name: f.as_dtype() for f in inputs})
        found = getattr(model, self.method.target)(typed)
        names = [output.name for output in signature.outputs]
        made: pd.DataFrame = found[names] if set(names) <= set(found.columns) else found.set_axis(names, axis=1)
        return made

    def rows(self, *columns: Any) -> pa.Array:
        """The outputs of each row as JSON text."""
        model, signature = self._load()
        frame = self.frame(columns)
        if frame.empty:
            return pa.array([], pa.string())
        found = getattr(model, self.method.target)(frame)
        if len(found) != len(frame):
            raise not_supported(
                f"{self.method.name}: a method that returns another number of rows than it is given",
                "call it in Python",
            )
        # a table has the names of its definition, column by column; an object those of the frame, in whatever order
        names = [o.name for o in signature.outputs]
        if self.method.kind == "TABLE_FUNCTION" and len(found.columns) == len(names):
            found = found.set_axis(names, axis=1)
        elif self.method.kind != "TABLE_FUNCTION":
            names = [str(n) for n in found.columns]
            found = found.set_axis(names, axis=1)
        found = found.replace({pd.NA: None, np.nan: None})
        listed = [_plain(found[n].tolist()) for n in names]
        keys = [json.dumps(n) for n in names]
        return pa.array([_row(keys, values) for values in zip(*listed, strict=True)], pa.string())


def _row(keys: Sequence[str], values: Sequence[Any]) -> str:
    return "{" + ",".join(f"{k}:{_spelled(v)}" for k, v in zip(keys, values, strict=True)) + "}"


def _spelled(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if math.isnan(value):
            return "null"
        return repr(value) if math.isfinite(value) else json.dumps(str(value))
    if isinstance(value, int):
        return str(value)
    return json.dumps(value, default=str)


def _plain(values: list[Any]) -> list[Any]:
    return [v.tolist() if isinstance(v, np.ndarray | np.generic) else v for v in values]
