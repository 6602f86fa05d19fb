"""The classic multilayer perceptron, the paper's control."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from qimlp.files import shown
from qimlp.models.activations import activation as find_activation
from qimlp.models.pretrained import Pretrained
from qimlp.models.registry import register
from qimlp.ops import check_device, check_dtype
from qimlp.shapes import as_dims


@register
class MLP(Pretrained):
    """`nn.Linear` layers with an activation between them, and dropout behind the last one.

    The paper puts its dropout behind the last layer, so this network does; `dropout=0` is the
    better control.

    Args:
        widths: Width of the input and of every layer's output, such as `[784, 784, 784, 10]`.
        activation: `"gelu"`, `"relu"`, `"silu"`, `"tanh"` or `"identity"`; the last layer has
            none.
        dropout: Share of outputs set to zero while training, in [0, 1).
        device: Where the parameters lie.
        dtype: Their dtype.

    Raises:
        TypeError: A width is no integer, or the dtype no floating-point `torch.dtype`.
        ValueError: Fewer than two widths, a dropout outside [0, 1), an unknown name.
    """

    kind = "mlp"

    def __init__(
        self,
        widths: Sequence[int],
        *,
        activation: str = "gelu",
        dropout: float = 0.1,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.widths = as_dims("widths", widths)
        if len(self.widths) < 2:
            raise ValueError(
                f"widths: expected the input's and at least one layer's, got {self.widths}"
            )
        check_device(device)
        check_dtype(dtype)
        if not isinstance(dropout, int | float):
            raise TypeError(f"dropout: expected a share in [0, 1), got {shown(dropout)}")
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout: expected a share in [0, 1), got {dropout}")
        make = find_activation(activation).make
        layers: list[nn.Module] = []
        for ins, outs in pairwise(self.widths):
            layers += [nn.Linear(ins, outs, device=device, dtype=dtype), make()]
        layers[-1] = nn.Dropout(dropout)
        self.layers = nn.Sequential(*layers)
        self._config = {
            "widths": list(self.widths),
            "activation": activation,
            "dropout": dropout,
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
