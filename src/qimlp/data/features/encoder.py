"""Features of texts from a frozen transformer encoder, kept on disk piece by piece."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from qimlp.data.features.encoder_files import is_token_count, load_encoder
from qimlp.data.features.feature_cache import FeatureCache
from qimlp.data.sources.paths import local_path
from qimlp.files import shown
from qimlp.models import pool_tokens

CACHE_VARIABLE = "QIMLP_CACHE"
_SHARD = 500
_BATCH = 25
_LISTENER: ContextVar[Callable[[int, int], None] | None] = ContextVar("listener", default=None)


@dataclass(frozen=True)
class Encoder:
    """A frozen encoder and how its output becomes one vector per text.

    Attributes:
        name: Folder, name of a package in `encoder_files.PACKAGED`, or hub id.
        pooling: `"mean"` over the tokens, or `"cls"`, the first one.
        max_tokens: Tokens of a text that are read.
    """

    name: str
    pooling: str = "mean"
    max_tokens: int = 256

    @classmethod
    def from_dict(cls, values: Any) -> Encoder:
        """Read what `vars` gave.

        Args:
            values: The attributes by name.

        Returns:
            The encoder, which need not be there.

        Raises:
            ValueError: They are damaged.
        """
        given = dict(values) if isinstance(values, Mapping) else {}
        name, pooling = given.pop("name", None), given.pop("pooling", None)
        max_tokens = given.pop("max_tokens", None)
        known = isinstance(name, str) and pooling in ("mean", "cls") and not given
        if not known or not is_token_count(max_tokens):
            raise ValueError(
                "the stored encoder is damaged: expected a name, pooling mean or cls, and "
                f"max_tokens, got {shown(values)}"
            )
        return cls(name, pooling, max_tokens)

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
            on_progress: Called with the texts done, from 0, and N; by default the one of
                `listening`.

        Returns:
            (N, F) `float32` on the CPU.

        Raises:
            FileNotFoundError: There is no such encoder.
            ValueError: It asks for code of its own, or cannot be loaded.
            OSError: A piece cannot be written; the others stay.
        """
        tell = on_progress or _LISTENER.get() or _nobody
        tell(0, len(texts))
        tokenizer, model = load_encoder(self.name)
        model = model.to(device).eval().requires_grad_(False)
        width = getattr(model.config, "hidden_size", None)
        cache = FeatureCache(cache_folder() / "features", width)
        identity = f"{_identity(tokenizer, model)} {self.pooling} {self.max_tokens}"
        parts = []
        for first in range(0, len(texts), _SHARD):
            shard = list(texts[first : first + _SHARD])
            key = _key(identity, shard)
            features = cache.read(key, len(shard))
            if features is None:
                features = self._encode(shard, tokenizer, model, partial(_tell, tell, first, texts))
                cache.write(key, features)
            else:
                tell(first + len(shard), len(texts))
            parts.append(features)
        return torch.cat(parts)

    @torch.inference_mode()
    def _encode(
        self, texts: list[str], tokenizer: Any, model: Any, tell: Callable[[int], None]
    ) -> Tensor:
        by_length = sorted(range(len(texts)), key=lambda row: len(texts[row]))
        rows: list[Tensor] = []
        for first in range(0, len(texts), _BATCH):
            batch = [texts[row] for row in by_length[first : first + _BATCH]]
            rows.append(self._pooled(batch, tokenizer, model))
            tell(first + len(batch))
        features = torch.cat(rows)
        return features[torch.tensor(by_length).argsort()].contiguous()

    def _pooled(self, texts: list[str], tokenizer: Any, model: Any) -> Tensor:
        """Features of a few texts; what stops an encoder is told in our words."""
        tokens: Any = None
        try:
            tokens = tokenizer(
                texts,
                padding=True,
                truncation=True,
                max_length=self.max_tokens,
                return_tensors="pt",
            ).to(model.device)
            hidden = model(**tokens).last_hidden_state.float()
            return pool_tokens(hidden, tokens["attention_mask"], self.pooling).cpu()
        except (MemoryError, torch.OutOfMemoryError):
            raise
        except Exception as error:  # `tokenizers` raises bare exceptions
            if "allocate" in str(error):  # memory of the CPU
                raise
            length = "these texts" if tokens is None else f"texts of {_width(tokens)} tokens"
            most = getattr(model.config, "max_position_embeddings", None)
            reads = f", which reads at most {most} tokens" if isinstance(most, int) else ""
            raise ValueError(
                f"encoder {shown(self.name)}{reads}, fails on {length}: lower max_tokens, if it is "
                "too high; otherwise its tokenizer, settings and weights do not belong together"
            ) from error


def _width(tokens: Any) -> int:
    return int(tokens["input_ids"].shape[-1])


@contextmanager
def listening(listener: Callable[[int, int], None]) -> Iterator[None]:
    """Hear of encoding, which takes minutes, wherever it is done within a `with`.

    Args:
        listener: Called with the texts done, from 0, and their number.

    Yields:
        Nothing.
    """
    token = _LISTENER.set(listener)
    try:
        yield
    finally:
        _LISTENER.reset(token)


def _tell(
    tell: Callable[[int, int], None], first: int, texts: Sequence[str], done_of_shard: int
) -> None:
    tell(first + done_of_shard, len(texts))


def _nobody(_done: int, _count: int) -> None: ...


def cache_folder() -> Path:
    """Where features are kept.

    Returns:
        The folder that `QIMLP_CACHE` names, else `.cache/qimlp` of the home folder.
    """
    named = os.environ.get(CACHE_VARIABLE)
    return local_path(named) if named else Path.home() / ".cache" / "qimlp"


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
