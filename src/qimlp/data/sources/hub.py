"""Data sets on the Hugging Face hub."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qimlp.data.extras import import_extra
from qimlp.data.readers.arrow import collect
from qimlp.data.readers.columns import TableRequest, columns_of
from qimlp.data.readers.parquet import BATCH_ROWS
from qimlp.data.readers.raw_examples import RawExamples
from qimlp.data.readers.survey import settle
from qimlp.hub import unreachable

KNOWN = {"mnist": "ylecun/mnist", "cifar10": "uoft-cs/cifar10"}
"""Short names and the hub ids they stand for."""

KNOWN_TEXTS = {"imdb": "stanfordnlp/imdb", "20newsgroups": "SetFit/20_newsgroups"}
"""The same for data sets of texts."""


def read_hub(hub_id: str, part: str, request: TableRequest) -> RawExamples | None:
    """Read one split through `datasets`, which keeps it in its cache.

    Args:
        hub_id: `owner/name`.
        part: `"train"` or `"test"`.
        request: What is asked of the table.

    Returns:
        The examples; `None` where the data set has no such split.

    Raises:
        FileNotFoundError: The hub cannot be reached, or has no such data set.
        ValueError: The content is unusable.
    """
    table = hub_table(hub_id, part)
    if table is None:
        return None
    origin = f"{hub_id}, split {part}"
    columns = columns_of(table.schema, request, hub_id)
    columns = settle(columns, request, lambda _: table.to_batches(), origin)
    batches = table.select(columns.read).to_batches(max_chunksize=BATCH_ROWS)
    return collect(batches, columns, table.num_rows, origin)


def hub_table(hub_id: str, part: str) -> Any:
    """Fetch one split.

    Args:
        hub_id: `owner/name`.
        part: `"train"` or `"test"`.

    Returns:
        `pyarrow.Table`; `None` where the data set has no such split.

    Raises:
        FileNotFoundError: The hub cannot be reached, or has no such data set.
    """
    splits = _ask_hub("load_dataset", hub_id)
    return splits[part].data.table if part in splits else None


def hub_files(hub_id: str, part: str) -> tuple[str, ...]:
    """List the Parquet files of one split, for reading them piece by piece.

    Args:
        hub_id: `owner/name`.
        part: `"train"` or `"test"`.

    Returns:
        Addresses (`hf://...`); none where the data set has no such split.

    Raises:
        FileNotFoundError: The hub cannot be reached, or has no such data set.
        ValueError: The data set is not stored as Parquet.
    """
    builder = _ask_hub("load_dataset_builder", hub_id)
    files = tuple(str(file) for file in (builder.config.data_files or {}).get(part, ()))
    if not all(file.endswith(".parquet") for file in files):
        raise ValueError(f"{hub_id}: streaming needs Parquet files, got {files[0]}")
    return files


def _ask_hub(function: str, hub_id: str) -> Any:
    datasets = import_extra("datasets")
    problem = _unreachable(datasets, hub_id)
    if problem is None:
        try:
            return getattr(datasets, function)(hub_id)
        except (OSError, ValueError, RuntimeError):
            problem = "it is not there, needs a log-in, or is not stored as files of data"
    names = {known: short for short, known in (KNOWN | KNOWN_TEXTS).items()}
    name = names.get(hub_id, "NAME")
    columns = "a text and a label" if name in KNOWN_TEXTS else "an image and a label"
    raise FileNotFoundError(
        f"{hub_id} is no file or folder here and cannot be read from the Hugging Face hub "
        f"({problem}): name a data folder with --data-dir or QIMLP_DATA that holds "
        f"{name}/train-*.parquet and {name}/test-*.parquet, each with a column for {columns}"
    )


def _unreachable(datasets: Any, hub_id: str) -> str | None:
    if (Path(datasets.config.HF_DATASETS_CACHE) / hub_id.replace("/", "___").lower()).is_dir():
        return None
    return unreachable(f"{datasets.config.HF_ENDPOINT}/api/datasets/{hub_id}")
