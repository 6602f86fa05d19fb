"""Load a data set by name or path."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal, overload

from qimlp.data.batching.split import SET_ASIDE_EVERY, set_test_aside
from qimlp.data.dataset import OFFICIAL_TEST, DataSet, TensorSplit, fingerprint
from qimlp.data.image_size import Resize, wanted_size
from qimlp.data.read import read_part
from qimlp.data.readers.columns import TableRequest
from qimlp.data.readers.error_messages import listed
from qimlp.data.readers.raw_examples import RawExamples, align_features
from qimlp.data.readers.targets import TaskKind, targets_for, task_of
from qimlp.data.sources.names import Source, resolve
from qimlp.data.streaming.stream import StreamingDataSet, stream_source
from qimlp.data.table_files.loading import MOST_BYTES


@overload
def load(
    source: str,
    *,
    data_dir: str | Path | None = None,
    label_column: str | Sequence[str] | None = None,
    drop_columns: Sequence[str] = (),
    task: TaskKind = "auto",
    split_seed: int = 0,
    resize: Resize = None,
    streaming: Literal[False],
    max_bytes: int = MOST_BYTES,
) -> DataSet: ...


@overload
def load(
    source: str,
    *,
    data_dir: str | Path | None = None,
    label_column: str | Sequence[str] | None = None,
    drop_columns: Sequence[str] = (),
    task: TaskKind = "auto",
    split_seed: int = 0,
    resize: Resize = None,
    streaming: Literal[True],
    max_bytes: int = MOST_BYTES,
) -> StreamingDataSet: ...


@overload
def load(
    source: str,
    *,
    data_dir: str | Path | None = None,
    label_column: str | Sequence[str] | None = None,
    drop_columns: Sequence[str] = (),
    task: TaskKind = "auto",
    split_seed: int = 0,
    resize: Resize = None,
    streaming: bool | None = None,
    max_bytes: int = MOST_BYTES,
) -> DataSet | StreamingDataSet: ...


def load(
    source: str,
    *,
    data_dir: str | Path | None = None,
    label_column: str | Sequence[str] | None = None,
    drop_columns: Sequence[str] = (),
    task: TaskKind = "auto",
    split_seed: int = 0,
    resize: Resize = None,
    streaming: bool | None = None,
    max_bytes: int = MOST_BYTES,
) -> DataSet | StreamingDataSet:
    """Load a labelled data set.

    Args:
        source: `digits` (carried by scikit-learn); `mnist`, `cifar10` or another folder of
            the data folder; a folder of Parquet files (`train-*.parquet`, `test-*.parquet`),
            of `train.csv` and `test.csv`, or of images sorted by class (below `train` and
            `test` or `val`, if it is split); a `.csv`, `.parquet` or `.npz` file; a hub
            id `owner/name`. Images are read as viewers show them, upright and on white.
        data_dir: Data folder; by default the one that `QIMLP_DATA` names. Known names that are
            not in it are looked for on the Hugging Face hub.
        label_column: Label column of a table, `"label"` by default; several columns where each is
            a target of its own.
        drop_columns: Columns of a table to leave out.
        task: What to learn: `"classification"`, `"regression"`, or `"auto"`: by the labels,
            which are classes unless they are several columns, or numbers that measure something:
            not whole, or of very many values with gaps.
        split_seed: Where the source has no test split, a fifth of each class is set aside by this
            seed; `test_origin` says so.
        resize: Height and width to bring images to, or `"common"`: the most common size of the
            training images. By default all must have one size.
        streaming: Whether to leave the examples on disk; `None` decides by `max_bytes`.
        max_bytes: Size on disk above which Parquet files are streamed.

    Returns:
        The data in memory, or a handle that reads it piece by piece.

    Raises:
        FileNotFoundError: There is no such data.
        ValueError: The data cannot be used; one line names the file and what is wrong.
        ImportError: A package of the `[train]` extra is missing.
    """
    found = resolve(source, data_dir)
    if streaming is None:
        streaming = found.kind == "parquet" and found.num_bytes > max_bytes
    labels = label_column if isinstance(label_column, str | None) else tuple(label_column)
    request = TableRequest(labels, drop_columns=tuple(drop_columns), learn=True)
    if streaming and resize is not None:
        raise ValueError(f"{source}: resize: images are resized in memory only; turn streaming off")
    if streaming:
        return stream_source(found, request, task)
    return _in_memory(found, request, task, split_seed, resize)


def _in_memory(
    source: Source, request: TableRequest, wanted: TaskKind, split_seed: int, resize: Resize
) -> DataSet:
    size = wanted_size(resize, source, request)
    raw_train = read_part(source, "train", request, size=size)
    if raw_train is None:
        raise ValueError(f"{source.name}: expected a train split, got only {listed(source.test)}")
    task = task_of(raw_train, wanted)
    train = TensorSplit(raw_train.inputs, targets_for(raw_train, task))
    raw_test = read_part(source, "test", _like(raw_train, request), size=size)
    if raw_test is None:
        train, test = set_test_aside(train, seed=split_seed)
        percent = 100 // SET_ASIDE_EVERY
        of = "the examples of each class" if task.class_names else "the examples"
        test_origin = f"{percent} % of {of}, set aside by seed {split_seed}"
    else:
        inputs = align_features(raw_test, raw_train.feature_shape, raw_train.feature_names)
        test = TensorSplit(inputs.contiguous(), targets_for(raw_test, task))
        test_origin = OFFICIAL_TEST
    names = task.class_names or task.target_names
    return DataSet(
        name=source.name,
        train=train,
        test=test,
        class_names=task.class_names,
        target_names=task.target_names,
        feature_shape=raw_train.feature_shape,
        fingerprint=fingerprint(train, test, names, raw_train.offsets),
        test_origin=test_origin,
        feature_names=raw_train.feature_names,
        offsets=raw_train.offsets,
        notes=raw_train.notes,
    )


def _like(train: RawExamples, request: TableRequest) -> TableRequest:
    """Ask a test table for the features of the train table, shifted alike."""
    return replace(request, features=train.feature_names, offsets=train.offsets, learn=False)
