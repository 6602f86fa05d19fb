"""The definitions. They are never optimised; the kernel is compared with them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate

import torch
from torch import Tensor
from torch.nn import functional

_WORD = 1 << 64


def column_embedding(
    x: Tensor,
    frequencies: Tensor | None,
    weight: Tensor | None,
    bias: Tensor | None,
    table: Tensor | None,
    cardinalities: Sequence[int],
) -> Tensor:
    """Turn every column of a table into a vector; see `qimlp.ops.column_embedding`."""
    parts = []
    numbers = x.shape[1] - len(cardinalities)
    if frequencies is not None and weight is not None and bias is not None:
        parts.append(periodic_embedding(x[:, :numbers], frequencies, weight, bias))
    if table is not None:
        known = torch.tensor(cardinalities, device=x.device, dtype=x.dtype)
        starts = [0, *accumulate(size + 1 for size in cardinalities[:-1])]
        codes = x[:, numbers:]
        codes = torch.where((codes > 0) & (codes < known + 1), codes, 0).long()
        parts.append(functional.embedding(codes + torch.tensor(starts, device=x.device), table))
    return parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)


def periodic_embedding(x: Tensor, frequencies: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Map each number to a vector by sines, cosines and the number itself.

    Args:
        x: Numbers of shape (n, p).
        frequencies: Of shape (p, k), in turns for each unit of `x`.
        weight: Of shape (p, 2 k + 1, e): rows for k sines, k cosines and the number.
        bias: Of shape (p, e).

    Returns:
        Shape (n, p, e).
    """
    angles = 2 * math.pi * frequencies * x.unsqueeze(2)
    features = torch.cat((angles.sin(), angles.cos(), x.unsqueeze(2)), dim=2)
    return torch.baddbmm(bias.unsqueeze(1), features.transpose(0, 1), weight).transpose(0, 1)


def member_layer(
    x: Tensor,
    left: Tensor,
    right: Tensor,
    bias: Tensor | None,
    *,
    gelu: bool,
    residual: bool,
    mask: Tensor | None = None,
) -> Tensor:
    """Apply the Kronecker layers of several members; see `qimlp.ops.member_layer`.

    Args:
        x: As there.
        left: As there.
        right: As there.
        bias: As there.
        gelu: As there.
        residual: As there.
        mask: What dropout multiplies by, shaped as the result.
    """
    members, groups, n, a = left.shape[0], *x.shape[:3]
    if groups not in (1, members):
        x = x.repeat_interleave(members // groups, dim=0)
    mixed = torch.matmul(x.flatten(1, 2), right.flatten(2))
    mixed = mixed.view(members, n, a * left.shape[3], right.shape[3])
    y = torch.matmul(left.flatten(2).unsqueeze(1), mixed)
    if bias is not None:
        y = y + bias.unsqueeze(1)
    if gelu:
        y = functional.gelu(y)
    if mask is not None:
        y = y * mask
    return x + y if residual else y


def member_head(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Apply dense layers of several members; see `qimlp.ops.member_head`."""
    return torch.baddbmm(bias.unsqueeze(1), x, weight)


def dropout_mask(
    seed: int, size: tuple[int, int, int, int], share: float, dtype: torch.dtype
) -> Tensor:
    """Draw what dropout multiplies by: 0, or 1 over the share that is kept.

    Entries are numbered within each of the m n rows of a' b', four to a word of SplitMix64 (Steele,
    Lea and Flood 2014). An entry is kept where its 16 bits are below the kept share of 65,536.

    Args:
        seed: From 0 to 2^63.
        size: (m, n, a', b').
        share: Of the entries that become 0.
        dtype: Of the mask.

    Returns:
        A mask of that size on the CPU.
    """
    kept = max(1, round((1 - share) * 65536))
    width = size[2] * size[3]
    words = -(-width // 4)
    z = torch.arange(1, size[0] * size[1] * words + 1) * _signed(0x9E3779B97F4A7C15) + seed
    z = (z ^ _shift(z, 30)) * _signed(0xBF58476D1CE4E5B9)
    z = (z ^ _shift(z, 27)) * _signed(0x94D049BB133111EB)
    z = z ^ _shift(z, 31)
    bits = torch.stack([_shift(z, 16 * place) & 0xFFFF for place in range(4)], dim=1)
    keeps = bits.view(size[0] * size[1], 4 * words)[:, :width] < kept
    return (keeps.to(dtype) * (65536 / kept)).reshape(size)


def _signed(word: int) -> int:
    return word - _WORD if word >= _WORD // 2 else word


def _shift(words: Tensor, places: int) -> Tensor:
    """Shift to the right as unsigned numbers."""
    return (words >> places) & (_WORD // (1 << places) - 1 if places else -1)
