"""A multilayer perceptron of low-rank layers, a control at the parameters of a QiMLP."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from qimlp.models.activations import activation as find_activation
from qimlp.models.pretrained import Pretrained
from qimlp.models.registry import register
from qimlp.ops import check_device, check_dtype
from qimlp.shapes import as_dims, as_size


@register
class LowRankMLP(Pretrained):
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
        super().__init__()
        self.widths = as_dims("widths", widths)
        if len(self.widths) < 2:
            raise ValueError(
                f"widths: expected the input's and at least one layer's, got {self.widths}"
            )
        self.rank = as_size("rank", rank)
        check_device(device)
        check_dtype(dtype)
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

    @property
    def in_features(self) -> int:
        """Width of the input."""
        return self.widths[0]

    @property
    def out_features(self) -> int:
        """Width of the output."""
        return self.widths[-1]

    @property
    def config(self) -> dict[str, Any]:
        """What makes this network again: arguments of the constructor, ready for JSON."""
        return {"kind": self.kind, **self._config}

    def forward(self, x: Tensor) -> Tensor:
        """Apply the network to `x` of shape `(*, in_features)`; returns `(*, out_features)`."""
        y: Tensor = self.layers(x)
        return y
