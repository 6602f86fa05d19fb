"""One size for images of several."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Literal, TypeAlias

from qimlp.data.readers.columns import TableRequest
from qimlp.data.readers.imagefolder import read_files
from qimlp.data.readers.images import image_size
from qimlp.data.readers.parquet import encoded_images
from qimlp.data.sources.names import Source

Size: TypeAlias = tuple[int, int]
"""Height and width in pixels."""

Resize: TypeAlias = Size | Literal["common"] | None
"""A size, the most common one of the training images, or None: all must have one size."""


def wanted_size(resize: Resize, source: Source, request: TableRequest) -> Size | None:
    """Tell which size images shall have.

    Args:
        resize: What the user says.
        source: Where they lie.
        request: What is asked of a table of images.

    Returns:
        The size; `None` where images stay as they are.

    Raises:
        ValueError: If an image cannot be read, or the data is no images in files.
    """
    if resize is None or resize != "common":
        return resize
    if source.kind == "images":
        found = read_files(source.train)
    elif source.kind == "parquet":
        found = encoded_images(source.train, request)
    else:
        raise not_images(source)
    return _most_common(found)


def not_images(source: Source) -> ValueError:
    """Build the error for data whose examples have no size.

    Args:
        source: What it is.

    Returns:
        The error to raise.
    """
    return ValueError(
        f"{source.name}: resize: expected images in files or Parquet files, got {source.kind}; "
        "leave it out"
    )


def _most_common(found: Iterator[tuple[str, bytes]]) -> Size:
    counts = Counter(image_size(encoded, place) for place, encoded in found)
    if not counts:
        raise ValueError("resize: expected at least one image, got none")
    return counts.most_common(1)[0][0]
