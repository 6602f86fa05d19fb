"""Features of texts on disk, piece by piece; what is damaged there is made again."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from qimlp.files import printable, read_bytes, write_bytes

_NAME, _CHECKSUM = "features", "sha256"
_MOST_BYTES = 2**30


class FeatureCache:
    """One file of features for each piece of texts, under a key that tells all that made them.

    Args:
        folder: Where the files lie; it is made.
        width: Features of a text, where that is known.

    Raises:
        OSError: The folder cannot be made.
    """

    def __init__(self, folder: Path, width: int | None) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except (OSError, ValueError) as error:
            raise OSError(
                f"{printable(str(folder))}: cannot be made to keep features of texts in: name "
                "another folder with QIMLP_CACHE"
            ) from error
        self._folder, self._width = folder, width

    def write(self, key: str, features: Tensor) -> None:
        """Keep a piece.

        Args:
            key: What made it.
            features: (n, width) `float32`.

        Raises:
            OSError: It cannot be written; the other pieces stay.
        """
        content = safetensors.torch.save({_NAME: features}, {_CHECKSUM: _checksum(features)})
        write_bytes(self._path(key), content, durable=False)

    def read(self, key: str, count: int) -> Tensor | None:
        """Find a piece.

        Args:
            key: What made it.
            count: Number of its texts.

        Returns:
            (count, width) `float32`; None where the piece is missing or damaged.
        """
        try:
            content = read_bytes(self._path(key), what="features of texts", most_bytes=_MOST_BYTES)
            features = safetensors.torch.load(content)[_NAME]
        except (OSError, ValueError, KeyError, SafetensorError):
            return None
        width = self._width or features.shape[-1]
        if features.dtype != torch.float32 or features.shape != (count, width):
            return None
        stored = _stored_checksum(content)
        if stored is not None and stored != _checksum(features):
            return None
        return features if bool(features.isfinite().all()) else None

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}.safetensors"


def _checksum(features: Tensor) -> str:
    return hashlib.sha256(features.contiguous().numpy().data).hexdigest()


def _stored_checksum(content: bytes) -> str | None:
    """Of a whole safetensors file; earlier versions stored none."""
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    found = header.get("__metadata__", {}).get(_CHECKSUM)
    return None if found is None else str(found)
