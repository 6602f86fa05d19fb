"""The layers of a network for tables, by the kernel where it is there and a call is plain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from qimlp.ops import native
from qimlp.ops._torch_private import is_jit_tracing, is_transformed, shortest_call
from qimlp.ops.tables import definition


def column_embedding(
    x: Tensor,
    frequencies: Tensor | None,
    weight: Tensor | None,
    bias: Tensor | None,
    table: Tensor | None,
    cardinalities: Sequence[int],
) -> Tensor:
    """Turn every column of a table into a vector.

    A number x becomes `[sin(2 pi c x), cos(2 pi c x), x] @ weight + bias`, a category a row.

    Args:
        x: Of shape (n, p + q): p numbers, then q codes of categories, from 0 (unseen or missing) to
            V; what is no code counts as 0.
        frequencies: c of shape (p, k), in turns for each unit of `x`; None without numbers.
        weight: Of shape (p, 2 k + 1, e): rows for k sines, k cosines and the number; or None.
        bias: Of shape (p, e), or None.
        table: Rows of all categories, column after column, of shape (sum of V + 1, e); None
            without categories.
        cardinalities: V of every category.

    Returns:
        Shape (n, p + q, e).
    """
    if not _FUSED or not _runs_now():
        return definition.column_embedding(x, frequencies, weight, bias, table, cardinalities)
    out: Tensor = _EMBEDDING(x, frequencies, weight, bias, table, cardinalities)
    return out


def member_layer(
    x: Tensor,
    left: Tensor,
    right: Tensor,
    bias: Tensor | None,
    *,
    gelu: bool = False,
    residual: bool = False,
    dropout: float = 0.0,
) -> Tensor:
    """Apply Kronecker layers of one shape, those of several members at once.

    For each member: `sum_r left[:, :, r] @ x @ right[:, r] + bias`, then the exact GELU and dropout
    where asked for, and x is added to the result.

    Args:
        x: Shape (m, n, a, b), or (1, n, a, b) where all members have the same; or (g, n, a, b),
            where m / g neighbours share one.
        left: Shape (m, a', a, rank).
        right: Shape (m, b, rank, b').
        bias: Shape (m, a', b'), or None.
        gelu: Whether GELU follows.
        residual: Whether x is added at the end; then sizes stay and members do not share x.
        dropout: Share of GELU's results that become 0, drawn by torch's generator.

    Returns:
        Shape (m, n, a', b').
    """
    now = _runs_now()
    seed = 0
    if dropout and now and x.device.type == "cpu":
        seed = int(torch.empty((), dtype=torch.int64).random_())
    elif dropout:  # a graph must draw anew each time it runs
        y = definition.member_layer(x, left, right, bias, gelu=gelu, residual=False)
        y = functional.dropout(y, dropout)
        return x + y if residual else y
    if not _FUSED or not now:
        size = (left.shape[0], x.shape[1], left.shape[1], right.shape[3])
        mask = definition.dropout_mask(seed, size, dropout, x.dtype) if dropout else None
        return definition.member_layer(
            x, left, right, bias, gelu=gelu, residual=residual, mask=mask
        )
    out: Tensor = _LAYER(x, left, right, bias, gelu, residual, dropout, seed)
    return out


def member_head(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Apply dense layers of one shape, those of several members at once: `x @ weight + bias`.

    Args:
        x: Shape (m, n, inputs).
        weight: Shape (m, inputs, outputs).
        bias: Shape (m, outputs).

    Returns:
        Shape (m, n, outputs).
    """
    if not _FUSED or not _runs_now():
        return definition.member_head(x, weight, bias)
    out: Tensor = _HEAD(x, weight, bias)
    return out


def fuses_networks(x: Tensor) -> bool:
    """Whether `table_network` takes a call: by the kernel, now, on the CPU."""
    return _FUSED and x.device.type == "cpu" and _runs_now()


def table_network(
    x: Tensor,
    parameters: Sequence[Tensor],
    cardinalities: Sequence[int],
    layers: int,
    *,
    dropout: float = 0.0,
) -> Tensor:
    """Apply a network for tables in one call, where `fuses_networks` says so.

    It is `column_embedding`, then `member_layer` with GELU and dropout for each layer, residual
    where sizes stay, then `member_head`; and a linear model of the numbers and the categories'
    vectors is added where there is a weight for it.

    Args:
        x: Numbers and codes of shape (n, columns).
        parameters: `frequencies`, `weight` and `bias` of the numbers if there are any, `table` of
            the categories if there are any, `left`, `right` and `bias` of each layer, `weight` and
            `bias` of the head, and the linear model's weight if there is one.
        cardinalities: As for `column_embedding`.
        layers: Their number.
        dropout: As for `member_layer`, behind each layer.

    Returns:
        Outputs of all members, of shape (m, n, outputs).
    """
    seeds = [0] * layers
    if dropout:
        seeds = torch.empty(layers, dtype=torch.int64).random_().tolist()
    out: Tensor = _NETWORK(x, parameters, cardinalities, dropout, seeds)
    return out


def _runs_now() -> bool:
    """Whether a call is neither traced nor transformed; the kernel itself sees to all else."""
    return not (torch.compiler.is_compiling() or is_transformed() or is_jit_tracing())


_FUSED = native.available()
_EMBEDDING: Any = shortest_call(torch.ops.qimlp.column_embedding.default) if _FUSED else None
_LAYER: Any = shortest_call(torch.ops.qimlp.member_layer.default) if _FUSED else None
_HEAD: Any = shortest_call(torch.ops.qimlp.member_head.default) if _FUSED else None
_NETWORK: Any = shortest_call(torch.ops.qimlp.table_network.default) if _FUSED else None
