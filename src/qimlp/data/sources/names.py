"""Where the data set that a user names lies, and which files hold which part."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from qimlp.data.readers.error_messages import listed
from qimlp.data.readers.imagefolder import SUFFIXES as IMAGE_SUFFIXES
from qimlp.data.sources.hub import KNOWN, KNOWN_TEXTS
from qimlp.data.sources.image_parts import find_parts
from qimlp.data.sources.paths import exists, is_file, is_folder, local_path
from qimlp.data.table_files.reading import SUFFIXES, table_suffix
from qimlp.files import printable, shown
from qimlp.hub import is_hub_name

DATA_DIR_VARIABLE = "QIMLP_DATA"
_KINDS = {".csv": "csv", ".parquet": "parquet"}
_FOLDER_LAYOUT = (
    "train-*.parquet and test-*.parquet, train.csv and test.csv, or one folder of images per class"
)


@dataclass(frozen=True)
class Source:
    """A data set that was found but not read.

    Attributes:
        kind: `"digits"`, `"parquet"`, `"csv"`, `"table"` (such as `.tsv`, `.csv.gz` or
            `.xlsx`), `"npz"`, `"images"` or `"hub"`.
        name: Short name, fit for a folder's name.
        train: Paths that hold the train split or, where nothing is split, everything; the hub
            id for `"hub"`. Empty where there is only a test split.
        test: Paths that hold the test split; empty where there is none or one cannot know yet.
        train_folder: For images, the folder that holds the class folders.
        test_folder: The same for the test split.
        folder: For images, the folder that was named, or that of the one file.
        notes: What was left out of a folder, one line each.
    """

    kind: str
    name: str
    train: tuple[str, ...] = ()
    test: tuple[str, ...] = ()
    train_folder: Path | None = None
    test_folder: Path | None = None
    folder: Path | None = None
    notes: tuple[str, ...] = ()

    def image_names(self, part: str) -> tuple[str, ...]:
        """Name the images of a split, in the order in which they are read.

        Args:
            part: `"train"` or `"test"`.

        Returns:
            Paths relative to the folder that was named, with `/`; none where the data is no
            image files.
        """
        if self.folder is None:
            return ()
        files = self.train if part == "train" else self.test
        return tuple(Path(file).relative_to(self.folder).as_posix() for file in files)

    @property
    def num_bytes(self) -> int:
        """Size of the files on this machine."""
        if self.kind in ("digits", "hub"):
            return 0
        return sum(Path(file).stat().st_size for file in (*self.train, *self.test))


def resolve(source: str, data_dir: str | Path | None = None, *, texts: bool = False) -> Source:
    """Find a data set.

    Looked at in this order: `digits`; a file; the folder of that name in the data folder; a
    folder; a known name or `owner/name` on the hub.

    Args:
        source: What the user named.
        data_dir: Data folder with one sub-folder per data set; by default the one that the
            environment variable `QIMLP_DATA` names.
        texts: Whether data sets of texts are wanted, not refused.

    Returns:
        The files.

    Raises:
        FileNotFoundError: There is nothing of that name.
        ValueError: It is a data set of texts, or no layout that can be read.
    """
    if source == "digits":
        return Source("digits", "digits")
    if source in KNOWN_TEXTS and not texts:
        raise ValueError(
            f"{source!r} is a data set of texts: say how they become features (text: tfidf or "
            "encoder; qimlp train --text tfidf)"
        )
    path = local_path(source)
    if path.suffix and is_file(path):
        return _in_file(path)
    root = _data_root(data_dir)
    if root is not None and _is_plain_name(source) and is_folder(root / source):
        return _in_folder(root / source)
    if source and is_folder(path):
        return _in_folder(path)
    known = KNOWN_TEXTS if texts else KNOWN
    if source in known:
        return Source("hub", source, train=(known[source],))
    if source and exists(path):
        raise _unknown_kind(path)
    if "/" in source and is_hub_name(source):
        return Source("hub", path.name, train=(source,))
    if _names_a_path(source):
        # A stored run names its data in full: only such a path may have been right once.
        hint = (
            "; if it was moved, name its new place, or put a link to it there"
            if Path(source).is_absolute()
            else f", seen from {Path.cwd()}"
        )
        raise FileNotFoundError(
            f"no data set {shown(source)}: there is no such file or folder{hint}"
        )
    raise FileNotFoundError(_nothing_found(source, root))


def absolute_source(source: str, data_dir: str | Path | None = None) -> str:
    """Name a data set such that it is found from every folder.

    Args:
        source: As for `resolve`.
        data_dir: As for `resolve`.

    Returns:
        The absolute path where a local file or folder is meant, else `source` as it is.
    """
    path = local_path(source)
    if source in ("", "digits"):
        return source
    if path.suffix and is_file(path):
        return absolute_path(path)
    root = data_dir or os.environ.get(DATA_DIR_VARIABLE)
    if root and _is_plain_name(source) and is_folder(local_path(str(root)) / source):
        return source
    return absolute_path(path) if is_folder(path) else source


def absolute_folder(name: str) -> str:
    """Name a folder, or something that is none here, such that it is found from every folder.

    Args:
        name: What the user named.

    Returns:
        The absolute path where a folder is meant, else `name` as it is.
    """
    path = local_path(name)
    return absolute_path(path) if is_folder(path) else name


def absolute_path(path: Path) -> str:
    """Make a path absolute; its last part keeps its name, even where that is a link.

    Args:
        path: A path; `~` stands for the home folder.

    Returns:
        The absolute path.
    """
    path = local_path(str(path))
    if path.is_absolute():
        return str(path)
    return str(path.resolve() if path.name in ("", "..") else path.parent.resolve() / path.name)


def _data_root(data_dir: str | Path | None) -> Path | None:
    named_by = "the data folder"
    if data_dir is None:
        data_dir = os.environ.get(DATA_DIR_VARIABLE) or None
        named_by = f"the data folder that {DATA_DIR_VARIABLE} names"
    if data_dir is None:
        return None
    root = local_path(str(data_dir))
    if not is_folder(root):
        raise FileNotFoundError(f"{named_by}, {printable(str(root))}, is not a folder")
    return root


def _is_plain_name(source: str) -> bool:
    return source not in ("", ".", "..") and not set(source) & set("/\\:")


def _names_a_path(source: str) -> bool:
    """Whether a name that is not there can only have been meant as a path."""
    return bool(Path(source).suffix) or bool(set(source) & set("/\\~:"))


def _nothing_found(source: str, root: Path | None) -> str:
    known = listed(["digits", *KNOWN])
    if root is None:
        folders = f"no data folder is set (--data-dir or {DATA_DIR_VARIABLE})"
    else:
        inside = sorted(entry.name for entry in root.iterdir() if entry.is_dir())
        folders = f"the data folder {printable(str(root))} holds {listed(inside)}"
    return (
        f"no data set {shown(source)}: it is no file or folder, known names are {known}; {folders}"
    )


def _in_file(path: Path) -> Source:
    suffix = path.suffix.lower()
    table = table_suffix(path.name)
    stem = path.name.removesuffix(path.name[-len(table) :]) if table else path.stem
    is_train = stem == "train"
    name = path.resolve().parent.name if is_train else stem
    if suffix == ".npz":
        return Source("npz", name, (str(path),), (str(path),))
    if suffix in IMAGE_SUFFIXES:
        return Source("images", name, (str(path),), folder=path.parent)
    if not table:
        raise _unknown_kind(path)
    test = _file(path.with_name("test" + path.name[len(stem) :])) if is_train else ()
    return Source(_KINDS.get(table, "table"), name, (str(path),), test)


def _unknown_kind(path: Path) -> ValueError:
    ending = f"one ending in {shown(path.suffix, 20)}" if path.suffix else "one without an ending"
    if not is_file(path):
        ending = "a pipe, socket or device"
    return ValueError(
        f"{printable(str(path))}: expected a .csv, .parquet or .npz file, another table "
        f"(.tsv, .csv.gz, .xlsx), an image, or a folder; got {ending}"
    )


def _in_folder(folder: Path) -> Source:
    name = folder.resolve().name
    train, test = (_parquet_pieces(folder, part) for part in ("train", "test"))
    if train or test:
        return Source("parquet", name, train, test)
    for suffix in SUFFIXES:
        train, test = (_file(folder / f"{part}{suffix}") for part in ("train", "test"))
        if train or test:
            return Source(_KINDS.get(suffix, "table"), name, train, test)
    images = find_parts(folder)
    if images is not None:
        files = (images.train.files, images.test.files, images.train.folder, images.test.folder)
        return Source("images", name, *files, folder, images.notes)
    inside = sorted(entry.name for entry in folder.iterdir())
    raise ValueError(
        f"{printable(str(folder))}: expected {_FOLDER_LAYOUT}; it holds {listed(inside)}"
    )


def _file(path: Path) -> tuple[str, ...]:
    return (str(path),) if is_file(path) else ()


def _parquet_pieces(folder: Path, part: str) -> tuple[str, ...]:
    named = [*folder.glob(f"{part}-*.parquet"), *folder.glob(f"{part}.parquet")]
    pieces = sorted(piece for piece in named if is_file(piece))
    counts = [re.search(r"-of-(\d+)\.parquet$", piece.name) for piece in pieces]
    for count in counts:
        if count is not None and int(count[1]) != len(pieces):
            raise ValueError(
                f"{printable(str(folder))}: expected {int(count[1])} {part} files, as their names "
                f"say, got {len(pieces)}: the folder is incomplete"
            )
    return tuple(str(piece) for piece in pieces)
