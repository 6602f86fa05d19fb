"""Texts as token numbers: made once, kept as rows of one tensor, batched by length."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from qimlp.data.batching.seeds import permutation
from qimlp.data.batching.sharding import Sharding
from qimlp.data.dataset import TensorSplit
from qimlp.data.extras import import_extra
from qimlp.data.features.encoder_files import is_token_count, load_encoder
from qimlp.files import shown

PADDING = -1
"""Stands after a text's last token."""

_POOL = 50
"""Batches whose examples are put in order of length together."""


@dataclass(frozen=True)
class Tokenizer:
    """How texts become token numbers.

    Attributes:
        description: The tokenizer, as the JSON text of the library ``tokenizers``.
        max_tokens: Tokens of a text that are read.
    """

    description: str
    max_tokens: int

    @classmethod
    def of_encoder(cls, name: str, max_tokens: int) -> Tokenizer:
        """Take an encoder's tokenizer.

        Args:
            name: As in :class:`qimlp.data.features.encoder.Encoder`.
            max_tokens: Tokens of a text that are read.

        Returns:
            The tokenizer.

        Raises:
            FileNotFoundError: There is no such encoder.
            ValueError: Its tokenizer is not one of the library ``tokenizers``.
        """
        tokenizer, _ = load_encoder(name)
        if not tokenizer.is_fast:
            raise ValueError(
                f"encoder {shown(name)}: expected a tokenizer.json, found an older tokenizer; load "
                "it with AutoTokenizer and save it again"
            )
        return cls(tokenizer.backend_tokenizer.to_str(), max_tokens)

    def apply(self, texts: Sequence[str]) -> Tensor:
        """Turn texts into token numbers.

        Args:
            texts: N texts.

        Returns:
            (N, max_tokens) ``float32``, which holds such numbers exactly; :data:`PADDING` after a
            text's last token.

        Raises:
            ValueError: The description is damaged.
        """
        try:
            tokenizer = import_extra("tokenizers").Tokenizer.from_str(self.description)
        except Exception as error:  # the library raises bare exceptions
            raise ValueError(
                "the stored tokenizer is damaged, or of another version of the library tokenizers"
            ) from error
        tokenizer.no_padding()
        tokenizer.enable_truncation(max_length=self.max_tokens)
        rows = torch.full((len(texts), self.max_tokens), float(PADDING))
        for row, encoded in zip(rows, tokenizer.encode_batch_fast(list(texts)), strict=True):
            row[: len(encoded.ids)] = torch.tensor(encoded.ids)
        return rows

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Tokenizer:
        """Read what ``vars`` gave.

        Args:
            values: The attributes by name.

        Returns:
            The tokenizer.

        Raises:
            ValueError: They are damaged.
        """
        given = dict(values) if isinstance(values, Mapping) else {}
        description, max_tokens = given.get("description"), given.get("max_tokens")
        if not isinstance(description, str) or not is_token_count(max_tokens):
            raise ValueError(
                "the stored tokenizer is damaged: expected a description and max_tokens, got "
                f"{shown(values)}"
            )
        return cls(description, int(given["max_tokens"]))


def lengths(tokens: Tensor) -> Tensor:
    """Count the tokens of texts.

    Args:
        tokens: (N, T).

    Returns:
        (N,) ``int64``.
    """
    return (tokens != PADDING).sum(dim=1)


def trimmed(tokens: Tensor) -> Tensor:
    """Leave out the columns that hold padding only.

    Args:
        tokens: (N, T) with N at least 1.

    Returns:
        A view (N, T') with T' the longest text's length.
    """
    return tokens[:, : int(lengths(tokens).max())]


class TokenBatches:
    """Batches of texts of like length, each as wide as its longest text.

    In training the epoch's random order decides which texts are sorted by length together, and
    the order of the batches is random again; without shuffling the shortest texts come first.

    Args:
        split: Token numbers (N, T) and classes.
        batch_size: Examples of one step, over all processes.
        seed: Fixes the order, together with the epoch.
        shuffle: Whether each epoch has its own random order, for training.
        device: Where batches live.
        rank: Number of this process.
        world_size: Number of processes.

    Raises:
        ValueError: A size or number is out of range.
    """

    def __init__(
        self,
        split: TensorSplit,
        batch_size: int,
        *,
        seed: int,
        shuffle: bool,
        device: torch.device | str = "cpu",
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        self._sharding = Sharding(len(split), batch_size, rank, world_size, training=shuffle)
        self._seed, self._shuffle = seed, shuffle
        self._epoch = self._start = 0
        self._lengths = lengths(split.inputs)
        self._tokens, self._labels = split.inputs.to(device), split.labels.to(device)
        self.num_examples = self._sharding.num_examples

    def set_epoch(self, epoch: int, start: int = 0) -> None:
        """Choose the epoch that the next iteration runs through.

        Args:
            epoch: Number of the epoch, from 0.
            start: Batches of it to leave out.

        Raises:
            ValueError: A number is negative.
        """
        if epoch < 0 or start < 0:
            raise ValueError(f"expected an epoch and start of 0 or more, got {epoch} and {start}")
        self._epoch, self._start = epoch, start

    def __len__(self) -> int:
        """Return the number of batches of this process in a whole epoch."""
        return self._sharding.num_batches

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Iterate over the epoch's token numbers (batch, width) and labels (batch,)."""
        size = self._sharding.local_batch_size
        own = self._order()[self._sharding.own_rows][self._start * size :]
        for rows in own.split(size) if len(own) else ():
            width = int(self._lengths[rows].max())
            chosen = rows.to(self._tokens.device)
            yield self._tokens[:, :width].index_select(0, chosen), self._labels[chosen]

    def _order(self) -> Tensor:
        if not self._shuffle:
            return self._lengths.argsort(stable=True)
        size = self._sharding.batch_size
        order = permutation(len(self._labels), self._seed, self._epoch)
        whole = len(order) // size * size
        pools = [
            rows[self._lengths[rows].argsort(stable=True)]
            for rows in order[:whole].split(_POOL * size)
        ]
        if not whole:
            return order
        batches = torch.cat(pools).view(-1, size)
        shuffled = batches[permutation(len(batches), self._seed, self._epoch)]
        return torch.cat((shuffled.flatten(), order[whole:]))
