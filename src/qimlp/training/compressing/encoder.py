"""A transformers text encoder to compress."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity

from qimlp.compression import call_model, save_compressed
from qimlp.data import load_encoder, load_text_inputs, permutation
from qimlp.distributed import connect
from qimlp.files import shown
from qimlp.models import pool_tokens
from qimlp.training.compressing.request import CompressionRequest
from qimlp.training.compressing.subject import Subject

_SAMPLES = 128
_HELD_OUT = 128
_HELD_OUT_PART = 5
"""Where nothing is split, every fifth text is held out."""
_BATCH = 16
_SCORE = "cosine to the original"


@dataclass(frozen=True, kw_only=True)
class EncoderSubject(Subject):
    """A text encoder, judged by its mean-pooled embeddings of held-out texts.

    Attributes:
        tokenizer: The encoder's own.
        settings: The encoder's, as its `config.json` has them.
        held_out: Batches of texts that nothing is fitted on.
    """

    kind: ClassVar[str] = "encoder"

    tokenizer: Any
    settings: Any = None
    held_out: tuple[dict[str, Tensor], ...] = ()

    def scores(self, network: nn.Module) -> dict[str, float]:
        """Judge an encoder: the mean cosine of its embeddings to the original's."""
        if not self.held_out:
            return {}
        found = embeddings(network, self.held_out)
        return {_SCORE: float(cosine_similarity(found, self._original).mean())}

    @property
    def floor(self) -> dict[str, float]:
        """The same of the original's mean embedding, which looks at no text."""
        if not self.held_out:
            return {}
        mean = self._original.mean(dim=0, keepdim=True)
        return {_SCORE: float(cosine_similarity(mean, self._original).mean())}

    def save(self, network: nn.Module, folder: Path) -> None:
        """Write weights and structure, the tokenizer and the encoder's settings."""
        self.settings.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)
        save_compressed(network, folder)

    @cached_property
    def _original(self) -> Tensor:
        return embeddings(self.network, self.held_out)


@torch.inference_mode()
def embeddings(network: nn.Module, batches: Sequence[dict[str, Tensor]]) -> Tensor:
    """Embed texts: the mean over their tokens.

    Args:
        network: A transformers encoder.
        batches: Token numbers and attention masks.

    Returns:
        (texts, features), `float32` on the CPU.
    """
    parts = []
    for batch in batches:
        hidden = call_model(network, batch).last_hidden_state.float()
        mask = batch["attention_mask"].to(hidden.device)
        parts.append(pool_tokens(hidden, mask, "mean").cpu())
    return torch.cat(parts)


def open_encoder(name: str, request: CompressionRequest) -> EncoderSubject:
    """Load an encoder with the texts it is calibrated and judged on.

    Args:
        name: Folder with `config.json`, `tokenizer.json` and `model.safetensors`.
        request: What is asked for.

    Returns:
        What is compressed.

    Raises:
        FileNotFoundError: There is no such encoder, or no such data.
        ValueError: It asks for code of its own, or a file is damaged.
        ImportError: If transformers is not installed.
    """
    tokenizer, model = load_encoder(name)
    network = model.to(connect(request.device).device).eval()
    given: dict[str, Any] = {"name": name, "network": network, "tokenizer": tokenizer}
    given["settings"] = model.config
    source = request.calibration
    if source is None:
        return EncoderSubject(**given)
    most = getattr(model.config, "max_position_embeddings", None)
    if isinstance(most, int) and request.max_tokens > most:
        raise ValueError(
            f"max_tokens: expected at most {most}, which {shown(name)} reads, got "
            f"{request.max_tokens}"
        )
    texts, held_out, notes = _read_texts(source, request)

    calibration = _tokens(tokenizer, texts, request.max_tokens)
    judged = _tokens(tokenizer, held_out, request.max_tokens)
    known = model.get_input_embeddings().num_embeddings
    if any(int(batch["input_ids"].max()) >= known for batch in (*calibration, *judged)):
        raise ValueError(
            f"{shown(name)}: its tokenizer gives numbers above the {known:,} tokens that its model "
            "knows: they do not belong together"
        )
    return EncoderSubject(
        **given,
        calibration=calibration,
        calibrated_on=f"{len(texts):,} texts of {shown(source)}",
        tuning=calibration,
        held_out=judged,
        notes=notes,
    )


def _read_texts(
    source: str, request: CompressionRequest
) -> tuple[list[str], list[str], tuple[str, ...]]:
    """Texts to fit on and others to judge by, the latter of the test part where there is one."""
    wanted = request.samples or _SAMPLES
    learn = load_text_inputs(source, data_dir=request.data_dir, part="train")
    test = load_text_inputs(source, data_dir=request.data_dir)
    texts = _shuffled(learn.texts)
    if test.part is None:
        held_out = texts[::_HELD_OUT_PART]
        texts = [text for i, text in enumerate(texts) if i % _HELD_OUT_PART]
    else:
        held_out = _shuffled(test.texts)
    if not texts or not held_out:
        raise ValueError(f"{source}: expected at least 2 texts that are not empty")
    texts, held_out = texts[:wanted], held_out[:_HELD_OUT]
    note = (
        f"calibrated on {len(texts):,} texts and judged by {len(held_out):,} others, of at most "
        f"{request.max_tokens} tokens"
    )
    return texts, held_out, (*learn.notes, note)


def _shuffled(texts: Sequence[str]) -> list[str]:
    order = permutation(len(texts), 0)
    return [texts[row] for row in order.tolist() if texts[row].strip()]


def _tokens(tokenizer: Any, texts: Sequence[str], max_tokens: int) -> tuple[dict[str, Tensor], ...]:
    """Batches of texts of like lengths."""
    ordered = sorted(texts, key=len)
    return tuple(
        dict(
            tokenizer(
                ordered[first : first + _BATCH],
                padding=True,
                truncation=True,
                max_length=max_tokens,
                return_tensors="pt",
            )
        )
        for first in range(0, len(ordered), _BATCH)
    )
