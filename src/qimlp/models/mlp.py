"""The classic multilayer perceptron, the paper's control."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import nn

from qimlp.files import shown
from qimlp.models.activations import activation as find_activation
from qimlp.models.dense import DenseNetwork
from qimlp.models.registry import register


@register
class MLP(DenseNetwork):
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
        super().__init__(widths, device, dtype)
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
