"""Read one split of a source with the reader that its kind needs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from qimlp.data.image_size import Size, not_images
from qimlp.data.readers.columns import TableRequest
from qimlp.data.readers.csv import read_csv
from qimlp.data.readers.digits import read_digits
from qimlp.data.readers.error_messages import listed
from qimlp.data.readers.imagefolder import read_images
from qimlp.data.readers.npz import read_npz
from qimlp.data.readers.parquet import read_parquet
from qimlp.data.readers.raw_examples import RawExamples
from qimlp.data.sources.hub import read_hub
from qimlp.data.sources.names import Source
from qimlp.files import printable


def read_part(
    source: Source, part: str, request: TableRequest, *, size: Size | None = None
) -> RawExamples | None:
    """Read one split.

    Args:
        source: Where the data lies.
        part: `"train"` (or everything, where nothing is split) or `"test"`.
        request: What is asked of a table; its columns count for tables alone.
        size: Size to bring images to; their own by default.

    Returns:
        The examples, or `None` where the source has no such split.

    Raises:
        ValueError: The content is unusable; the line names the file.
    """
    if request.drop_columns and source.kind in ("digits", "npz", "images"):
        raise ValueError(
            f"{source.name}: expected a table to drop {listed(request.drop_columns)} from, got "
            f"{source.kind}, whose features have no names"
        )
    if size is not None and source.kind not in ("images", "parquet"):
        raise not_images(source)
    if source.kind == "digits":
        return read_digits() if part == "train" else None
    if source.kind == "hub":
        return read_hub(source.train[0], part, request)
    files = source.train if part == "train" else source.test
    return _read_files(source, part, files, request, size) if files else None


def _read_files(
    source: Source, part: str, files: Sequence[str], request: TableRequest, size: Size | None
) -> RawExamples | None:
    if source.kind == "npz":
        return read_npz(Path(files[0]), part, request)
    if source.kind == "table":
        raise ValueError(
            f"{printable(files[0])}: only --model table reads such a file; "
            "for another network save it as a CSV file with commas"
        )
    if source.kind == "csv":
        return read_csv(Path(files[0]), request)
    if source.kind == "images":
        folder = source.train_folder if part == "train" else source.test_folder
        required = request.labels_required
        return read_images(files, folder, labels_required=required, notes=source.notes, size=size)
    return read_parquet(files, request, size)
