"""Datasets read by the libraries that models are trained with: each is several hundred megabytes, and not brought by ``dev``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytest.importorskip("fakesnow", reason="needs churnobs[offline]")
import pandas as pd
from snowflake.ml.dataset import create_from_dataframe

ROWS = 25
VALUES = [number / 2 for number in range(ROWS)]

pytestmark = [pytest.mark.long, pytest.mark.filterwarnings("ignore")]


def flat(batches: Any) -> Iterator[float]:
    for batch in batches:
        yield from (float(value) for value in batch["X"].reshape(-1))


def torch_dataset(reader: Any) -> list[float]:
    return list(flat(reader.to_torch_dataset(batch_size=4, drop_last_batch=False)))


def torch_datapipe(reader: Any) -> list[float]:
    return list(flat(reader.to_torch_datapipe(batch_size=4, drop_last_batch=False)))


def tensorflow(reader: Any) -> list[float]:
    batches = reader.to_tf_dataset(batch_size=4, drop_last_batch=False)
    return list(flat({"X": batch["X"].numpy()} for batch in batches))


def hugging_face(reader: Any) -> list[float]:
    return [float(value) for value in reader.to_huggingface_dataset()["X"]]


def ray_dataset(reader: Any) -> list[float]:
    import ray

    ray.init(num_cpus=1, log_to_driver=False, include_dashboard=False)
    try:
        return [float(row["X"]) for row in reader.to_ray_dataset().take_all()]
    finally:
        ray.shutdown()


@pytest.mark.parametrize(
    ("library", "read"),
    [
        ("torch", torch_dataset), ("torch", torch_datapipe), ("tensorflow", tensorflow), ("datasets", hugging_face),
        ("ray", ray_dataset),
    ],
)  # fmt: skip
def test_a_dataset_is_read_by(library: str, read: Callable[[Any], list[float]], snowflake_session: Any) -> None:
    pytest.importorskip(library, reason=f"{library} is not installed")
    frame = pd.DataFrame({"ID": range(ROWS), "X": VALUES})
    rows = snowflake_session.create_dataframe(frame)
    made = create_from_dataframe(snowflake_session, "READ", "v1", input_dataframe=rows)
    assert sorted(read(made.read)) == VALUES
