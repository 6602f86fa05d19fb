"""What networks of ordinary layers between given widths have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from qimlp.models.pretrained import Pretrained
from qimlp.ops import check_device, check_dtype
from qimlp.shapes import as_dims


class DenseNetwork(Pretrained):
    """Layers one after the other; a subclass makes `layers` and says what made them.

    Attributes:
        widths: Width of the input and of every layer's output.
        layers: The layers and their activations.

    Args:
        widths: Width of the input and of every layer's output.
        device: Where the parameters will lie.
        dtype: Their dtype.

    Raises:
        TypeError: A width is no integer, or the dtype no floating-point `torch.dtype`.
        ValueError: Fewer than two widths, or one below 1.
    """

    layers: nn.Sequential
    _config: dict[str, Any]

    def __init__(
        self,
        widths: Sequence[int],
        device: torch.device | str | None,
        dtype: torch.dtype | None,
    ) -> None:
        super().__init__()
        self.widths = as_dims("widths", widths)
        if len(self.widths) < 2:
            raise ValueError(
                f"widths: expected the input's and at least one layer's, got {self.widths}"
            )
        check_device(device)
        check_dtype(dtype)

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
