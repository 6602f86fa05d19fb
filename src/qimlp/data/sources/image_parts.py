"""Which folders of images hold which part of a data set."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from qimlp.data.readers.error_messages import listed
from qimlp.data.readers.imagefolder import ImageFiles, entries, find_images, is_kind
from qimlp.files import printable

_NAMES = {
    "train": ("train", "training"),
    "test": ("test", "testing"),
    "val": ("val", "valid", "validation", "dev"),
}


@dataclass(frozen=True)
class ImageParts:
    """The images of a data set.

    Attributes:
        train: Images to learn from, or all where nothing is split; none where there is only a
            test part.
        test: Images to judge by; none where nothing is split.
        notes: What is left out, one line each.
    """

    train: ImageFiles
    test: ImageFiles
    notes: tuple[str, ...]


def find_parts(folder: Path) -> ImageParts | None:
    """Look for images in a folder.

    Args:
        folder: Holds `train` and `test`, or classes, or images. A folder `val` beside
            `train` serves as the test part where there is none, and is left out otherwise.

    Returns:
        The images; None where there are none.

    Raises:
        OSError: A folder cannot be read.
        ValueError: Two folders could be the same part, or all lies one folder deeper.
    """
    roles = _roles(folder)
    if not roles["train"] and not roles["test"]:
        found = find_images(folder)
        _refuse_wrapping(found)
        return ImageParts(found, ImageFiles(folder, ()), found.notes) if found.files else None
    train, test = (
        find_images(_only(folder, part, roles[part])) if roles[part] else ImageFiles(folder, ())
        for part in ("train", "test")
    )
    notes: list[str] = []
    if roles["test"] and not test.files:
        notes.append(f"{printable(str(test.folder))} holds no image")
    if roles["val"]:
        val = None
        if train.files and not test.files:
            val = find_images(_only(folder, "val", roles["val"]))
        if val is not None and any(Path(file).parent != val.folder for file in val.files):
            name = printable(str(val.folder))
            notes.append(f"{name} serves as the test part, for there is no other")
            test = val
        else:
            notes.append(_left_out(folder, roles["val"]))
    used = {*roles["train"], *roles["test"], *roles["val"]}
    others = [entry.name for entry in entries(folder) if entry.name not in used]
    if others:
        notes.append(
            f"{printable(str(folder))}: left out what lies beside its parts: {listed(others, 6)}"
        )
    if not train.files and not test.files:
        return None
    return ImageParts(train, test, (*notes, *train.notes, *test.notes))


def _roles(folder: Path) -> dict[str, list[str]]:
    """Names of the sub-folders that can be a part.

    A capital or a longer name could be a class's: such a folder must hold folders.
    """
    found: dict[str, list[str]] = {part: [] for part in _NAMES}
    for entry in entries(folder):
        for part, names in _NAMES.items():
            if entry.name.lower() not in names or not is_kind(entry, folder=True):
                continue
            inside = entries(folder / entry.name)
            if entry.name in _NAMES or any(is_kind(sub, folder=True) for sub in inside):
                found[part].append(entry.name)
    return found


def _refuse_wrapping(found: ImageFiles) -> None:
    """Point at the folder to name where an archive was unpacked into one of its own."""
    below = [Path(file).relative_to(found.folder).parts for file in found.files]
    tops = {parts[0] for parts in below}
    if len(tops) == 1 and all(len(parts) > 2 for parts in below):
        inner = printable(str(found.folder / tops.pop()))
        raise ValueError(
            f"{printable(str(found.folder))}: expected folders of classes, got one folder that "
            f"holds folders of images: name {inner}"
        )


def _only(folder: Path, part: str, names: list[str]) -> Path:
    if len(names) > 1:
        raise ValueError(
            f"{printable(str(folder))}: expected one folder for the {part} part, got "
            f"{listed(names)}: rename the others"
        )
    return folder / names[0]


def _left_out(folder: Path, names: list[str]) -> str:
    count = sum(len(find_images(folder / name).files) for name in names)
    return (
        f"{printable(str(folder))}: left out {listed(names)} (images: {count:,}): the dev part is "
        "set aside from the train part"
    )
