"""What an artefact takes, and arrays as a network's inputs: offsets, order, scaling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from qimlp.predictor import Predictor


@dataclass(frozen=True)
class Input:
    """One tensor that an artefact takes.

    Attributes:
        name: Its name.
        dtype: `"float32"`, `"float64"`, `"int64"` or `"string"`.
        width: Values of a row.
        says: What else is known of it, ready for JSON.
    """

    name: str
    dtype: str
    width: int
    says: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Give plain data for JSON."""
        return {"name": self.name, "dtype": self.dtype, "shape": ["n", self.width], **self.says}


class ArrayPreparation(nn.Module):
    """`((raw - offsets) - shift) / scale`, in the network's order; as a `Predictor` computes it.

    Args:
        predictor: Of a network on arrays, images, or the features of texts.
    """

    offsets: Tensor | None
    order: Tensor | None
    shift: Tensor | None
    scale: Tensor | None

    def __init__(self, predictor: Predictor) -> None:
        super().__init__()
        features, scaling = predictor.features, predictor.scaling
        self._width = scaling.in_features
        self._groups = len(scaling.shift)
        self._constant("offsets", features.offsets or (), 0.0, torch.float64)
        self._constant("shift", scaling.shift, 0.0, torch.float32)
        self._constant("scale", scaling.scale, 1.0, torch.float32)
        order = None if features.order is None else torch.tensor(features.order, dtype=torch.int32)
        if order is not None and torch.equal(order, torch.arange(len(order))):
            order = None
        self.register_buffer("order", order)
        says: dict[str, Any] = {}
        if len(predictor.feature_shape) > 1:
            says["feature_shape"] = list(predictor.feature_shape)
        if predictor.feature_names and not features.of_texts:
            says["columns"] = list(predictor.feature_names)
        dtype = "float32" if self.offsets is None else "float64"
        self.inputs = (Input("x", dtype, self._width, says),)

    def _constant(
        self, name: str, values: Sequence[float], neutral: float, dtype: torch.dtype
    ) -> None:
        """Keep a constant; none where it would change nothing."""
        known = torch.tensor(values, dtype=dtype)
        changes = bool((known != neutral).any())
        self.register_buffer(name, (known if len(values) != 1 else known[0]) if changes else None)

    def forward(self, x: Tensor) -> Tensor:
        """Prepare raw rows.

        Args:
            x: Of shape (n, features).

        Returns:
            `float32` of the same shape.
        """
        if self.offsets is not None:
            x = (x - self.offsets).float()
        if self.order is not None:
            x = torch.index_select(x, 1, self.order)
        if 1 < self._groups < self._width and not (self.shift is None and self.scale is None):
            x = self._scaled(x.reshape(-1, self._groups, self._width // self._groups), (-1, 1))
            return x.flatten(1)
        return self._scaled(x, (-1,))

    def _scaled(self, x: Tensor, shape: tuple[int, ...]) -> Tensor:
        if self.shift is not None:
            x = x - (self.shift if self.shift.dim() == 0 else self.shift.reshape(shape))
        if self.scale is not None:
            x = x / (self.scale if self.scale.dim() == 0 else self.scale.reshape(shape))
        return x
