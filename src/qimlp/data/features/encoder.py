"""Features of texts from a frozen transformer encoder, kept on disk piece by piece."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from qimlp.data.features.encoder_files import load_encoder
from qimlp.files import write_bytes
from qimlp.models import pool_tokens

CACHE_VARIABLE = "QIMLP_CACHE"
_SHARD = 500
_BATCH = 25


@dataclass(frozen=True)
class Encoder:
    """A frozen encoder and how its output becomes one vector per text.

    Attributes:
        name: Folder, name of a package in :data:`.encoder_files.PACKAGED`, or hub id.
        pooling: ``"mean"`` over the tokens, or ``"cls"``, the first one.
        max_tokens: Tokens of a text that are read.
    """

    name: str
    pooling: str = "mean"
    max_tokens: int = 256

    @property
    def label(self) -> str:
        """What stands beside results: the encoder's name without folders, pooling and tokens."""
        return f"{Path(self.name).name}, {self.pooling} of {self.max_tokens} tokens"

    def apply(
        self,
        texts: Sequence[str],
        *,
        device: torch.device | str = "cpu",
        on_progress: Callable[[int, int], None] | None = None,
    ) -> Tensor:
        """Turn texts into features; what was done before is read from disk.

        Args:
            texts: N texts.
            device: Where the encoder runs.
            on_progress: Called with the texts done and N.

        Returns:
            (N, F) ``float32`` on the CPU.

        Raises:
            FileNotFoundError: There is no such encoder.
            OSError: A piece cannot be written; the others stay.
        """
        tokenizer, model = load_encoder(self.name)
        model = model.to(device).eval().requires_grad_(False)
        folder = cache_folder() / "features"
        folder.mkdir(parents=True, exist_ok=True)
        identity = f"{_identity(tokenizer, model)} {self.pooling} {self.max_tokens}"
        parts = []
        for first in range(0, len(texts), _SHARD):
            shard = list(texts[first : first + _SHARD])
            path = folder / f"{_key(identity, shard)}.safetensors"
            features = _read(path, len(shard))
            if features is None:
                features = self._encode(shard, tokenizer, model)
                write_bytes(path, safetensors.torch.save({"features": features}))
            parts.append(features)
            if on_progress is not None:
                on_progress(first + len(shard), len(texts))
        return torch.cat(parts)

    @torch.inference_mode()
    def _encode(self, texts: list[str], tokenizer: Any, model: Any) -> Tensor:
        by_length = sorted(range(len(texts)), key=lambda row: len(texts[row]))
        rows: list[Tensor] = []
        for first in range(0, len(texts), _BATCH):
            batch = [texts[row] for row in by_length[first : first + _BATCH]]
            tokens = tokenizer(
                batch,
                padding=True,
                truncation=True,
                max_length=self.max_tokens,
                return_tensors="pt",
            ).to(model.device)
            hidden = model(**tokens).last_hidden_state.float()
            rows.append(pool_tokens(hidden, tokens["attention_mask"], self.pooling).cpu())
        features = torch.cat(rows)
        return features[torch.tensor(by_length).argsort()].contiguous()


def cache_folder() -> Path:
    """Where features are kept.

    Returns:
        The folder that ``QIMLP_CACHE`` names, else ``.cache/qimlp`` of the home folder.
    """
    named = os.environ.get(CACHE_VARIABLE)
    return Path(named).expanduser() if named else Path.home() / ".cache" / "qimlp"


def _identity(tokenizer: Any, model: Any) -> str:
    """SHA-256 over the vocabulary and every weight."""
    digest = hashlib.sha256(repr(sorted(tokenizer.get_vocab().items())).encode())
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name}{tensor.dtype}{tuple(tensor.shape)}".encode())
        digest.update(tensor.cpu().contiguous().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _key(identity: str, texts: list[str]) -> str:
    digest = hashlib.sha256(identity.encode())
    for text in texts:
        digest.update(f"{len(text)}:{text}".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def _read(path: Path, count: int) -> Tensor | None:
    """A stored piece; None where it is missing or damaged, to be made again."""
    if not path.is_file():
        return None
    try:
        features = safetensors.torch.load_file(path).get("features")
    except SafetensorError:
        return None
    return features if features is not None and len(features) == count else None
