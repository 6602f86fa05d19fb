"""The arrays of a NumPy archive: what they are is known, and checked, before they are unpacked."""

from __future__ import annotations

import contextlib
import io
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from qimlp.files import open_regular, printable

_WHAT = "a NumPy .npz archive"
_MAGIC = b"\x93NUMPY"
_LONGEST_HEADER = 10_000
_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    tokenize.TokenError,
    EOFError,
    MemoryError,
    NotImplementedError,
    OverflowError,
    RecursionError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
)
_LARGE = 2**28
_MOST_UNPACKED = 100
"""Arrays of more than `_LARGE` bytes may not unpack to more than this many times their size."""


@dataclass(frozen=True)
class Member:
    """An array in an archive, not read yet.

    Attributes:
        name: Its name, without `.npy`.
        shape: Its shape.
        dtype: Its type; never one of Python objects.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]


class Archive:
    """An open archive.

    Args:
        file: The zip file.
        origin: Its path, for messages.

    Raises:
        ValueError: It is no zip file.
    """

    def __init__(self, file: IO[bytes], origin: str) -> None:
        self._origin = origin
        alone = file.read(len(_MAGIC)) == _MAGIC  # one array, of numpy.save, under a wrong name
        self.names: list[str] = []
        if alone:
            return
        with self._damaged():
            self._zip = zipfile.ZipFile(file)
        self._infos = {
            info.filename.removesuffix(".npy"): info
            for info in self._zip.infolist()
            if info.filename.endswith(".npy")
        }
        self.names += self._infos

    def member(self, name: str) -> Member:
        """Read the header of an array, and check that the array is what it says.

        Args:
            name: One of `names`.

        Returns:
            The array's shape and type.

        Raises:
            ValueError: It is encrypted, packed in an unusual way or far too well, or damaged.
        """
        info, place = self._infos[name], f"{self._origin}, array {printable(name)}"
        if info.flag_bits & 1:
            raise ValueError(f"{place} is encrypted: save the arrays again with numpy.savez")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError(
                f"{place} is packed in a way that NumPy does not use: save the arrays again with "
                "numpy.savez or numpy.savez_compressed"
            )
        with self._damaged(), self._zip.open(info) as file:
            shape, dtype, begin = _header(file)
        if dtype.hasobject:
            raise ValueError(
                f"{place}: expected an array without Python objects, which are never unpickled"
            )
        size = prod(shape) * dtype.itemsize
        if dtype.itemsize == 0 or min(shape, default=1) < 0 or size != info.file_size - begin:
            raise ValueError(
                f"{place}: expected {size:,} bytes, as its shape {shape} and type {dtype} say, got "
                f"{info.file_size - begin:,}: is the file damaged?"
            )
        if info.file_size > max(_LARGE, _MOST_UNPACKED * info.compress_size):
            raise ValueError(
                f"{place} unpacks from {info.compress_size:,} to {info.file_size:,} bytes: files "
                "made to fill the memory do; if yours is not, save it with numpy.savez"
            )
        return Member(name, shape, dtype)

    def read(self, member: Member) -> NDArray[Any]:
        """Unpack an array.

        Args:
            member: What is to be read.

        Returns:
            The array.

        Raises:
            ValueError: It is damaged.
        """
        with self._damaged(), self._zip.open(self._infos[member.name]) as file:
            array = np.lib.format.read_array(file, allow_pickle=False)
        return np.asarray(array)

    @contextlib.contextmanager
    def _damaged(self) -> Iterator[None]:
        try:
            yield
        except _DAMAGED:
            raise ValueError(
                f"{self._origin}: cannot be read as a NumPy .npz archive without Python objects "
                "(empty, truncated or corrupt?)"
            ) from None


@contextlib.contextmanager
def open_archive(path: Path) -> Iterator[Archive]:
    """Open an archive.

    Args:
        path: A regular file.

    Yields:
        The archive.

    Raises:
        FileNotFoundError: There is no such file.
        OSError: It is no regular file.
        ValueError: It is no archive.
    """
    with open_regular(path, what=_WHAT) as file:
        yield Archive(file, printable(str(path)))


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any], int]:
    """Shape and type from an array's header, and where its values begin."""
    start = file.read(8)
    if len(start) < 8 or not start.startswith(_MAGIC):
        raise ValueError
    version = (start[6], start[7])
    width, form = (2, "<H") if version[0] == 1 else (4, "<I")
    length = struct.unpack(form, file.read(width))[0]
    if length > _LONGEST_HEADER or version not in ((1, 0), (2, 0), (3, 0)):
        raise ValueError
    text = file.read(length)
    rebuilt = io.BytesIO(struct.pack("<I", length) + text)
    shape, _, dtype = np.lib.format.read_array_header_2_0(rebuilt, max_header_size=length + 1)
    if any(type(size) is not int for size in shape):
        raise ValueError
    return shape, dtype, 8 + width + length
