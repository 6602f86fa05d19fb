"""Read image files sorted into one folder per class."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from qimlp.data.readers.images import stack_images
from qimlp.data.readers.raw_examples import RawExamples, examples_from_array

SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"})


def image_files(folder: Path) -> tuple[str, ...]:
    """List the images of a folder of classes, or of a folder without classes.

    Args:
        folder: Holds one folder per class with images directly inside; else images.

    Returns:
        Sorted paths, those in class folders if there are any.
    """
    for pattern in ("*/*", "*"):
        found = sorted(
            str(path)
            for path in folder.glob(pattern)
            if path.suffix.lower() in SUFFIXES and not path.name.startswith(".")
        )
        if found:
            return tuple(found)
    return ()


def read_images(
    files: Sequence[str], folder: Path | None, *, labels_required: bool = True
) -> RawExamples:
    """Read one split from image files.

    Args:
        files: At least one path.
        folder: The folder whose sub-folders are the classes; ``None`` for files without classes.
        labels_required: Whether unlabelled data is an error.

    Returns:
        The examples.

    Raises:
        ValueError: An image cannot be decoded, shapes differ, or labels are missing.
    """
    origin = str(folder or files[0])
    classes = [Path(file).parent.name for file in files]
    labelled = folder is not None and Path(files[0]).parent != folder
    if labels_required and not labelled:
        raise ValueError(
            f"{origin}: expected one folder of images per class, got images without a class"
        )
    pixels = stack_images(((file, Path(file).read_bytes()) for file in files), len(files))
    if not labelled:
        return examples_from_array(pixels, origin, None)
    names, labels = np.unique(classes, return_inverse=True)
    return examples_from_array(
        pixels,
        origin,
        labels.astype(np.int64),
        class_names=tuple(str(name) for name in names),
    )
