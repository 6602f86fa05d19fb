"""Small data sets on disk."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from qimlp.data import TensorSplit


def png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    return buffer.getvalue()


def image_table(
    pixels: np.ndarray, labels: list[int] | np.ndarray, names: list[str] | None
) -> pa.Table:
    """(N, H, W) or (N, H, W, 3) pixels in the schema of the Hugging Face hub."""
    images = [{"bytes": png(image), "path": None} for image in pixels]
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    table = pa.table(
        {"image": pa.array(images, type=kind), "label": pa.array(list(labels), type=pa.int64())}
    )
    features = {"image": {"_type": "Image"}}
    if names is not None:
        features["label"] = {"_type": "ClassLabel", "names": names}
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    return table.replace_schema_metadata(metadata)


@pytest.fixture
def pixels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (40, 4, 5), dtype=np.uint8)


@pytest.fixture
def image_folder_of_parquet(tmp_path: Path, pixels: np.ndarray) -> Path:
    """Folder `shapes`: 30 train images in two files, 10 test images, classes `a b c`."""
    folder = tmp_path / "shapes"
    folder.mkdir()
    labels = np.arange(40) % 3
    names = ["a", "b", "c"]
    for file, rows in {
        "train-00000-of-00002": slice(0, 18),
        "train-00001-of-00002": slice(18, 30),
        "test-00000-of-00001": slice(30, 40),
    }.items():
        table = image_table(pixels[rows], labels[rows], names)
        pq.write_table(table, folder / f"{file}.parquet")
    return folder


@pytest.fixture
def write_csv(tmp_path: Path) -> Callable[[str, str], Path]:
    def write(text: str, name: str = "points.csv") -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def table_split() -> TensorSplit:
    """103 rows of 6 features; the first feature is the row's number."""
    import torch

    inputs = torch.randn(103, 6, generator=torch.Generator().manual_seed(0))
    inputs[:, 0] = torch.arange(103.0)
    return TensorSplit(inputs, torch.arange(103) % 4)
