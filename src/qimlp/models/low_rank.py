"""A multilayer perceptron of low-rank layers, a control at the parameters of a QiMLP."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import nn

from qimlp.models.activations import activation as find_activation
from qimlp.models.dense import DenseNetwork
from qimlp.models.registry import register
from qimlp.shapes import as_size


@register
class LowRankMLP(DenseNetwork):
    """Layers whose weight is a product of two thin matrices, with an activation between them.

    A layer is two `nn.Linear`: `in -> rank` without and `rank -> out` with a bias. Where the rank
    is not below both widths, and so would save nothing, the layer is one `nn.Linear`. Weights are
    Gaussian and keep the scale of what passes through, as in a `QiMLP`; biases start at zero.

    Args:
        widths: Width of the input and of every layer's output.
        rank: Inner width of every layer.
        activation: `"gelu"`, `"relu"`, `"silu"`, `"tanh"` or `"identity"`; the last layer has
            none.
        device: Where the parameters lie.
        dtype: Their dtype.

    Raises:
        TypeError: A size is no integer, or the dtype no floating-point `torch.dtype`.
        ValueError: Fewer than two widths, a size below 1, an unknown name.
    """

    kind = "low-rank"

    def __init__(
        self,
        widths: Sequence[int],
        *,
        rank: int = 1,
        activation: str = "gelu",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(widths, device, dtype)
        self.rank = as_size("rank", rank)
        chosen = find_activation(activation)
        layers: list[nn.Module] = []
        for depth, (ins, outs) in enumerate(pairwise(self.widths), start=1):
            inner = ins
            if self.rank < min(ins, outs):
                inner = self.rank
                first = nn.Linear(ins, inner, bias=False, device=device, dtype=dtype)
                nn.init.normal_(first.weight, std=ins**-0.5)
                layers.append(first)
            last = nn.Linear(inner, outs, device=device, dtype=dtype)
            gain = 1.0 if depth == 1 else chosen.gain
            nn.init.normal_(last.weight, std=gain * inner**-0.5)
            nn.init.zeros_(last.bias)
            layers += [last, chosen.make()]
        self.layers = nn.Sequential(*layers[:-1])
        self._config = {
            "widths": list(self.widths),
            "rank": self.rank,
            "activation": activation,
        }
