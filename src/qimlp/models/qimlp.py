"""The quantum-inspired multilayer perceptron."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from qimlp.files import shown
from qimlp.models.activations import activation as find_activation
from qimlp.models.in_order import apply_in_order
from qimlp.models.pretrained import Pretrained
from qimlp.models.registry import register
from qimlp.nn import KroneckerLinear
from qimlp.shapes import KroneckerShape, as_dims


@register
class QiMLP(Pretrained):
    """Multi-body layers with an activation between them (paper, Eq. 4); no dropout.

    Args:
        dims: Bodies of the input and of every layer's output, such as
            `[(28, 28), (28, 28), (28, 28), (2, 5)]`, all of one length M.
        rank: Number of summed Kronecker products of every layer (the paper's copies k).
        bias: `"kronecker"` (Eq. 3), `"dense"` (also `True`), or `False`.
        activation: `"gelu"`, `"relu"`, `"silu"`, `"tanh"` or `"identity"`; the last layer has
            none.
        init: How the factors are drawn, `"normal"` or `"orthogonal"`.
        device: Where the parameters lie.
        dtype: Their dtype.

    Raises:
        TypeError: A size is no integer, or the dtype no floating-point `torch.dtype`.
        ValueError: Fewer than two entries of dims, entries of different lengths, an unknown name.
    """

    kind = "qimlp"

    def __init__(
        self,
        dims: Sequence[Sequence[int]],
        *,
        rank: int = 1,
        bias: str | bool = "kronecker",
        activation: str = "gelu",
        init: str = "normal",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.dims = network_dims(dims)
        chosen = find_activation(activation)
        layers: list[nn.Module] = []
        for depth, (ins, outs) in enumerate(pairwise(self.dims), start=1):
            shape = KroneckerShape(ins, outs, rank)
            last = depth == len(self.dims) - 1
            layers.append(
                KroneckerLinear(
                    shape.in_features,
                    shape.out_features,
                    bias,
                    in_dims=ins,
                    out_dims=outs,
                    rank=shape.rank,
                    init=init,
                    gain=1.0 if depth == 1 else chosen.gain,
                    device=device,
                    dtype=dtype,
                )
            )
            if last:
                break
            layers.append(chosen.make())
        self.layers = nn.Sequential(*layers)
        self._config = {
            "dims": [list(d) for d in self.dims],
            "rank": rank,
            "bias": bias,
            "activation": activation,
            "init": init,
        }

    @property
    def in_features(self) -> int:
        """Width of the input."""
        return self.kronecker_layers[0].in_features

    @property
    def out_features(self) -> int:
        """Width of the output."""
        return self.kronecker_layers[-1].out_features

    @property
    def kronecker_layers(self) -> list[KroneckerLinear]:
        """The multi-body layers, from the input to the output."""
        return [layer for layer in self.layers if isinstance(layer, KroneckerLinear)]

    @property
    def config(self) -> dict[str, Any]:
        """What makes this network again: arguments of the constructor, ready for JSON."""
        return {"kind": self.kind, **self._config}

    def forward(self, x: Tensor) -> Tensor:
        """Apply the network to `x` of shape `(*, in_features)`; returns `(*, out_features)`."""
        return apply_in_order(self.layers, x)


def network_dims(dims: Sequence[Sequence[int]]) -> list[tuple[int, ...]]:
    """Check a network's dims and return them as tuples.

    Args:
        dims: Bodies of the input and of every layer's output.

    Returns:
        The same, a list of tuples of one length.

    Raises:
        TypeError: A size is no integer, or an entry no sequence.
        ValueError: Fewer than two entries, or entries of different lengths.
    """
    if not isinstance(dims, Iterable):
        raise TypeError(
            f"dims: expected a sequence of bodies such as [(28, 28), (2, 5)], got {shown(dims)}"
        )
    checked = [as_dims(f"dims[{i}]", entry) for i, entry in enumerate(dims)]
    if len(checked) < 2:
        raise ValueError(
            "dims: expected the bodies of the input and of at least one layer, "
            f"got {shown(checked)}"
        )
    for i, entry in enumerate(checked):
        if len(entry) != len(checked[0]):
            raise ValueError(
                f"dims[{i}]: expected {len(checked[0])} bodies as dims[0] has, got {shown(entry)}"
            )
    return checked
