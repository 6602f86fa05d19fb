"""Layers as few matrix products, with nothing between them that a runtime would have to compute.

A layer takes and gives a grid, (n, q, s) to (n, p, r), so that layers whose bodies agree follow
each other without a change of shape. Weights lie as the products take them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from math import prod
from operator import itemgetter

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from qimlp.export.description import Array, Layer
from qimlp.export.runnable.bias import Bias
from qimlp.export.runnable.group import Group

_OVERHEAD = 2**14
"""Multiply-adds that take as long as starting a product does."""

_SMALL = 6
"""By how much slower runtimes are at many small products than at one."""

_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": functional.gelu,
    "relu": functional.relu,
    "silu": functional.silu,
    "tanh": torch.tanh,
}


def arranged(layers: Iterable[Layer], dtype: torch.dtype, *, compact: bool) -> nn.Sequential:
    """Arrange layers for few and cheap products.

    Args:
        layers: From the input to the output.
        dtype: What they compute in.
        compact: Whether constants that can be computed from smaller ones are kept as these: for a
            file whose reader computes them once. Else they are computed now.

    Returns:
        Modules that map (n, in_features) to (n, out_features).
    """
    steps: list[nn.Module] = []
    for layer in layers:
        steps += _steps(layer, dtype, compact)
        if layer.activation != "identity":
            steps.append(_Activation(layer.activation))
    return nn.Sequential(*steps, _Flat())


def _steps(layer: Layer, dtype: torch.dtype, compact: bool) -> list[nn.Module]:
    shape = layer.shape
    if shape.num_factors == 2 and shape.in_dims[0] == shape.out_dims[1] == 1:  # low rank
        out, into = layer.factors
        first, second = into.transpose(1, 0, 2), out.transpose(2, 1, 0)  # the copies are in between
        return [
            _Dense([first], None, dtype, compact=compact),
            _Dense([second], layer, dtype, compact=compact),
        ]
    plans: list[tuple[int, Callable[[], nn.Module]]] = [
        (
            _OVERHEAD + shape.in_features * shape.out_features,
            lambda: _Dense(layer.factors, layer, dtype, compact=compact),
        )
    ]
    for place in range(1, shape.num_factors):
        for turn in (False, True):
            make = partial(_Two, layer, place, turn, dtype, compact=compact)
            plans.append((_two_cost(layer, place, turn), make))
    if shape.num_factors > 2:
        plans.append((_chain_cost(layer), lambda: _Chain(layer, dtype, compact=compact)))
    return [min(plans, key=itemgetter(0))[1]()]


def _two_cost(layer: Layer, place: int, first_first: bool) -> int:
    """Multiply-adds of `_Two` for one row."""
    ins, outs, rank = layer.shape.in_dims, layer.shape.out_dims, layer.shape.rank
    q, s, p, r = prod(ins[:place]), prod(ins[place:]), prod(outs[:place]), prod(outs[place:])
    return 2 * _OVERHEAD + rank * (p * s * (q + r) if first_first else q * r * (s + p))


def _chain_cost(layer: Layer) -> int:
    """Multiply-adds of `_Chain` for one row."""
    ins, outs, rank = layer.shape.in_dims, layer.shape.out_dims, layer.shape.rank
    count = len(ins)
    products = (prod(outs[: i + 1]) * prod(ins[i:]) for i in range(count))
    return count * _OVERHEAD + _SMALL * rank * sum(products)


class _Activation(nn.Module):
    def __init__(self, name: str) -> None:
        super().__init__()
        self._apply_to = _ACTIVATIONS[name]

    def forward(self, x: Tensor) -> Tensor:
        return self._apply_to(x)


class _Flat(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x if x.dim() == 2 else x.flatten(1)


class _Dense(nn.Module):
    """One product, by the whole weight."""

    def __init__(
        self, factors: Sequence[Array], biased: Layer | None, dtype: torch.dtype, *, compact: bool
    ) -> None:
        super().__init__()
        self.weight = Group(factors, "o|i", dtype, compact=compact)
        self._ins = (prod(factor.shape[2] for factor in factors),)
        grid = (prod(factor.shape[1] for factor in factors),)
        self.bias = None if biased is None else Bias.of(biased, grid, dtype, compact=compact)

    def forward(self, x: Tensor) -> Tensor:
        bias = None if self.bias is None else self.bias.grid()
        return functional.linear(_shaped(x, self._ins), self.weight(), bias)


class _Two(nn.Module):
    """`sum_c A_c X B_c^T` by two products; A and B may each stand for several bodies."""

    def __init__(
        self, layer: Layer, place: int, first_first: bool, dtype: torch.dtype, *, compact: bool
    ) -> None:
        super().__init__()
        shape = layer.shape
        self._first_first, self._rank = first_first, shape.rank
        self._ins = (prod(shape.in_dims[:place]), prod(shape.in_dims[place:]))
        self._outs = (prod(shape.out_dims[:place]), prod(shape.out_dims[place:]))
        left, right = layer.factors[:place], layer.factors[place:]
        self.left = Group(left, "or|i" if first_first else "o|ir", dtype, compact=compact)
        self.right = Group(right, "ri|o" if first_first else "i|ro", dtype, compact=compact)
        self.bias = Bias.of(layer, self._outs, dtype, compact=compact)

    def forward(self, x: Tensor) -> Tensor:
        (q, s), (p, r), rank = self._ins, self._outs, self._rank
        x = _shaped(x, self._ins)
        if self._first_first:
            y = torch.matmul(self.left(), x)
            y = torch.matmul(_shaped(y, (p, rank * s)), self.right())
        else:
            y = torch.matmul(x, self.right())
            y = torch.matmul(self.left(), _shaped(y, (q * rank, r)))
        return y if self.bias is None else y + self.bias.grid()


class _Chain(nn.Module):
    """A product for every body, from the first to the last, over which the copies are summed."""

    first: Tensor
    last: Tensor

    def __init__(self, layer: Layer, dtype: torch.dtype, *, compact: bool) -> None:
        super().__init__()
        shape = layer.shape
        self._shape = shape
        first, *middle, last = layer.factors
        self.register_buffer("first", _tensor(first.reshape(-1, first.shape[2]), dtype))
        for place, factor in enumerate(middle):
            self.register_buffer(f"middle_{place}", _tensor(factor[:, None], dtype))
        self.register_buffer("last", _tensor(last.transpose(0, 2, 1), dtype))
        self._grid = (prod(shape.out_dims[:-1]), shape.out_dims[-1])
        self.bias = Bias.of(layer, self._grid, dtype, compact=compact)

    def forward(self, x: Tensor) -> Tensor:
        ins, outs, rank = self._shape.in_dims, self._shape.out_dims, self._shape.rank
        z = torch.matmul(self.first, _shaped(x, (ins[0], prod(ins[1:]))))
        for place in range(1, len(ins) - 1):
            grid = (rank, prod(outs[:place]), ins[place], prod(ins[place + 1 :]))
            z = torch.matmul(self.get_buffer(f"middle_{place - 1}"), _shaped(z, grid))
        z = torch.matmul(_shaped(z, (rank, self._grid[0], ins[-1])), self.last)
        z = z.sum(dim=1) if rank > 1 else z.squeeze(1)
        return z if self.bias is None else z + self.bias.grid()


def _shaped(x: Tensor, grid: tuple[int, ...]) -> Tensor:
    """Rows in another shape; nothing where they have it."""
    return x if tuple(x.shape[1:]) == grid else x.reshape(-1, *grid)


def _tensor(values: Array, dtype: torch.dtype) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values)).to(dtype)
