"""Find and read image files sorted into one folder per class."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from qimlp.data.readers.error_messages import listed
from qimlp.data.readers.images import FORMATS, change_notes, stack_images
from qimlp.data.readers.raw_examples import RawExamples, examples_from_array
from qimlp.files import printable, read_bytes

SUFFIXES = frozenset(
    {".bmp", ".gif", ".jpe", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".pnm", ".ppm"}
    | {".tif", ".tiff", ".webp"}
)
"""Endings of image files, in lower case."""

_MOST_BYTES = 512 * 2**20
_OF_SYSTEMS = frozenset(
    {"__macosx", "__pycache__", "@eadir", "$recycle.bin", "system volume information"}
    | {"lost+found", "thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r"}
)


@dataclass(frozen=True)
class ImageFiles:
    """The images of one part.

    Attributes:
        folder: The folder that was searched.
        files: Sorted paths: in class folders if any of these holds an image, else beside them.
        notes: What is left out or read in an unusual way, one line each.
    """

    folder: Path
    files: tuple[str, ...]
    notes: tuple[str, ...] = ()


def is_of_system(name: str) -> bool:
    """Whether systems, notebooks or archivers put a file or folder there, not the user.

    Args:
        name: Without its folder.

    Returns:
        Whether it is hidden, or known as such.
    """
    return name.startswith(".") or name.lower() in _OF_SYSTEMS


def entries(folder: Path) -> list[os.DirEntry[str]]:
    """List what a user put into a folder.

    Args:
        folder: The folder.

    Returns:
        Its entries by name, without those of systems.

    Raises:
        OSError: It cannot be read.
    """
    with os.scandir(folder) as found:
        own = [entry for entry in found if not is_of_system(entry.name)]
    return sorted(own, key=lambda entry: entry.name)


def is_kind(entry: os.DirEntry[str], *, folder: bool, follow: bool = True) -> bool:
    """Whether an entry is a folder, or a regular file.

    Args:
        entry: Of a folder.
        folder: Which of both.
        follow: Whether a link counts as what it leads to.

    Returns:
        False too for a link that leads nowhere, or in a circle.
    """
    try:
        found = entry.is_dir if folder else entry.is_file
        return found(follow_symlinks=follow)
    except OSError:
        return False


def find_images(folder: Path) -> ImageFiles:
    """List the images of a folder of classes, or of a folder without classes.

    Args:
        folder: Holds one folder per class, whose sub-folders belong to it; else images.

    Returns:
        The images, and what was left out.

    Raises:
        OSError: A folder cannot be read.
    """
    search = _Search()
    loose: list[str] = []
    classes: dict[str, list[str]] = {}
    own = folder.resolve()
    for entry in entries(folder):
        path = folder / entry.name
        if not is_kind(entry, folder=True):
            loose += search.if_image(entry, path)
        elif own.is_relative_to(path.resolve()):  # a link to where it lies
            search.left_out["link{s} to folders"] += 1
        else:
            classes[entry.name] = list(search.images(path))
    found = sorted(file for files in classes.values() for file in files)
    if not found:
        return ImageFiles(folder, tuple(sorted(loose)), search.notes(folder))
    empty = [name for name, files in classes.items() if not files]
    search.left_out["image{s} beside the class folders"] += len(loose)
    return ImageFiles(folder, tuple(found), search.notes(folder, empty))


@dataclass
class _Search:
    """Looks through folders and counts what it passes by."""

    left_out: Counter[str] = field(default_factory=Counter)
    suffixes: Counter[str] = field(default_factory=Counter)
    nested: int = 0

    def images(self, folder: Path) -> Iterator[str]:
        """The images in a class folder and below; links to folders are not followed there."""
        left = [folder]
        while left:
            here = left.pop()
            for entry in entries(here):
                path = here / entry.name
                if is_kind(entry, folder=True, follow=False):
                    left.append(path)
                elif is_kind(entry, folder=True):
                    self.left_out["link{s} to folders"] += 1
                else:
                    found = self.if_image(entry, path)
                    self.nested += len(found) if here != folder else 0
                    yield from found

    def if_image(self, entry: os.DirEntry[str], path: Path) -> list[str]:
        """The path in a list; none where it is no regular file with an image's ending."""
        if not is_kind(entry, folder=False):
            self.left_out["other thing{s}: pipes, devices, links that lead nowhere"] += 1
        elif path.suffix.lower() not in SUFFIXES:
            self.suffixes[path.suffix.lower() or "no ending"] += 1
        else:
            return [str(path)]
        return []

    def notes(self, folder: Path, empty: Sequence[str] = ()) -> tuple[str, ...]:
        """What was left out, one line in all, and what was read in sub-folders."""
        left_out = [_counted(count, what) for what, count in self.left_out.items() if count]
        if self.suffixes:
            kinds = self.suffixes.most_common(6)
            text = ", ".join(f"{printable(kind, 20)}: {count:,}" for kind, count in kinds)
            left_out.append(
                _counted(self.suffixes.total(), "file{s} of other kinds than ")
                + f"{', '.join(FORMATS)} ({text})"
            )
        if empty:
            left_out.append(f"class folders without an image: {listed(list(empty), 6)}")
        name, notes = printable(str(folder)), []
        if left_out:
            notes.append(f"{name}: left out {'; '.join(left_out)}")
        if self.nested:
            notes.append(
                f"{name}: read {_counted(self.nested, 'image{s}')} in sub-folders of class folders "
                "as of that class"
            )
        return tuple(notes)


def read_images(
    files: Sequence[str],
    folder: Path | None,
    *,
    labels_required: bool = True,
    notes: tuple[str, ...] = (),
    size: tuple[int, int] | None = None,
) -> RawExamples:
    """Read one split from image files.

    Args:
        files: At least one path.
        folder: The folder whose sub-folders are the classes; `None` for files without classes.
        labels_required: Whether unlabelled data is an error.
        notes: What the user should know about how the files were found.
        size: Height and width to bring images to; their own by default.

    Returns:
        The examples.

    Raises:
        OSError: A file cannot be read.
        ValueError: An image cannot be decoded, shapes differ, or labels are missing.
    """
    origin = printable(str(folder or files[0]))
    labelled = folder is not None and Path(files[0]).parent != folder
    if labels_required and not labelled:
        raise ValueError(
            f"{origin}: expected one folder of images per class, got images without a class"
        )
    changes: Counter[str] = Counter()
    pixels = stack_images(read_files(files), len(files), changes=changes, size=size)
    notes += change_notes(changes, origin)
    if folder is None or not labelled:
        return replace(examples_from_array(pixels, origin, None), notes=notes)
    classes = [Path(file).relative_to(folder).parts[0] for file in files]
    names, labels = np.unique(classes, return_inverse=True)
    raw = examples_from_array(
        pixels,
        origin,
        labels.astype(np.int64),
        class_names=tuple(str(name) for name in names),
    )
    return replace(raw, notes=notes)


def read_files(files: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """Read image files one after the other.

    Args:
        files: Paths.

    Yields:
        Place and content of each.

    Raises:
        OSError: A file cannot be read.
        ValueError: A file is very large.
    """
    for file in files:
        yield printable(file), read_bytes(file, what="an image", most_bytes=_MOST_BYTES)


def _counted(count: int, what: str) -> str:
    """A number and what it counts, `{s}` being the plural's."""
    return f"{count:,} {what.format(s='' if count == 1 else 's')}"
