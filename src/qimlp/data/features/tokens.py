"""Texts as token numbers: made once, kept as rows of one tensor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from qimlp.data.extras import import_extra
from qimlp.data.features.encoder_files import is_token_count, load_encoder
from qimlp.files import shown

PADDING = -1
"""Stands after a text's last token."""


@dataclass(frozen=True)
class Tokenizer:
    """How texts become token numbers.

    Attributes:
        description: The tokenizer, as the JSON text of the library `tokenizers`.
        max_tokens: Tokens of a text that are read.
    """

    description: str
    max_tokens: int

    @classmethod
    def of_encoder(cls, name: str, max_tokens: int) -> Tokenizer:
        """Take an encoder's tokenizer.

        Args:
            name: As in `qimlp.data.features.encoder.Encoder`.
            max_tokens: Tokens of a text that are read.

        Returns:
            The tokenizer.

        Raises:
            FileNotFoundError: There is no such encoder.
            ValueError: Its tokenizer is not one of the library `tokenizers`.
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
            (N, max_tokens) `float32`, which holds such numbers exactly; `PADDING` after a
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
        """Read what `vars` gave.

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
        (N,) `int64`.
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
