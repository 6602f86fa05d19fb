"""Scaling of inputs, fitted once on training data and kept with the network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite, prod
from typing import Any

import torch
from torch import Tensor

from qimlp.data.dataset import TensorSplit

KINDS = ("none", "unit", "symmetric", "standardize", "overall")
_CHUNK_ELEMENTS = 2**18
"""Summed at a time, so that the float64 copy stays in the processor's cache."""


@dataclass(frozen=True)
class Scaling:
    """`(x - shift) / scale`, with one shift and scale for all features, per channel or each.

    Attributes:
        kind: `"none"`; `"unit"`, to [0, 1]; `"symmetric"`, to [-1, 1]; `"standardize"`,
            to mean 0 and standard deviation 1; `"overall"`, the same with all features together.
        in_features: Number of features F of one example.
        shift: 1, C or F numbers; C channels are F / C consecutive features each.
        scale: As many positive numbers.

    Raises:
        ValueError: The kind is unknown, or the numbers are not as described.
    """

    kind: str
    in_features: int
    shift: tuple[float, ...]
    scale: tuple[float, ...]

    def __post_init__(self) -> None:
        _check_kind(self.kind)
        groups = len(self.shift)
        if groups == 0 or len(self.scale) != groups or self.in_features % groups:
            raise ValueError(
                f"expected as many shifts as scales, dividing {self.in_features} features; got "
                f"{groups} and {len(self.scale)}"
            )
        if not all(isfinite(value) for value in (*self.shift, *self.scale)) or min(self.scale) <= 0:
            raise ValueError("expected finite shifts and finite positive scales")

    @classmethod
    def fit(cls, kind: str, split: TensorSplit, feature_shape: tuple[int, ...]) -> Scaling:
        """Measure a scaling on training examples.

        Ranges (`unit`, `symmetric`) are 0..255 for `uint8`; for floats the observed range,
        of all pixels of images together, of each feature of tables. `standardize` takes one
        mean and standard deviation for grey images, one per channel of (C, H, W), one per feature
        of tables; `overall` takes one of each for all features. A range or deviation of 0 counts
        as 1.

        Args:
            kind: One of `KINDS`.
            split: The training examples.
            feature_shape: Shape of one example.

        Returns:
            The scaling.

        Raises:
            ValueError: The kind is unknown, or `feature_shape` is not that of the examples.
        """
        _check_kind(kind)
        inputs = split.inputs
        if prod(feature_shape) != inputs.shape[1]:
            raise ValueError(
                f"feature shape {feature_shape} does not fit inputs with {inputs.shape[1]} features"
            )
        per_feature = inputs.shape[1] if len(feature_shape) == 1 else 1
        if kind == "none":
            shift, scale = torch.zeros(1), torch.ones(1)
        elif kind == "overall":
            shift, scale = _moments(inputs, 1)
        elif kind == "standardize":
            channels = feature_shape[0] if len(feature_shape) == 3 else per_feature
            shift, scale = _moments(inputs, channels)
        else:
            low, high = _range(inputs, per_feature)
            if kind == "unit":
                shift, scale = low, high - low
            else:
                shift, scale = (low + high) / 2, (high - low) / 2
        scale = torch.where(scale > 0, scale, 1.0)
        return cls(kind, inputs.shape[1], tuple(shift.tolist()), tuple(scale.tolist()))

    def apply(self, inputs: Tensor) -> Tensor:
        """Scale inputs.

        Args:
            inputs: (N, in_features), any dtype, on any device.

        Returns:
            (N, in_features), `float32`, on the same device; a copy unless nothing changes.

        Raises:
            ValueError: The number of features differs from the fitted one.
        """
        if inputs.ndim != 2 or inputs.shape[1] != self.in_features:
            raise ValueError(
                f"expected inputs (N, {self.in_features}), got shape {tuple(inputs.shape)}"
            )
        if self.kind == "none":
            return inputs.to(torch.float32)
        values = inputs.to(torch.float32, copy=True, memory_format=torch.contiguous_format)
        if len(self.shift) == 1:
            return values.sub_(self.shift[0]).div_(self.scale[0])
        shift, scale = (
            torch.tensor(numbers, dtype=torch.float32, device=inputs.device).unsqueeze(1)
            for numbers in (self.shift, self.scale)
        )
        values.view(len(values), len(self.shift), -1).sub_(shift).div_(scale)
        return values

    def to_dict(self) -> dict[str, Any]:
        """Describe the scaling for a JSON file.

        Returns:
            What `from_dict` takes.
        """
        return {
            "kind": self.kind,
            "in_features": self.in_features,
            "shift": list(self.shift),
            "scale": list(self.scale),
        }

    @classmethod
    def from_dict(cls, description: Mapping[str, Any]) -> Scaling:
        """Rebuild a scaling from its description.

        Args:
            description: What `to_dict` returned.

        Returns:
            An equal scaling.

        Raises:
            ValueError: Keys are missing or unknown, or values are not as described.
        """
        keys = {"kind", "in_features", "shift", "scale"}
        if set(description) != keys:
            raise ValueError(f"expected keys {sorted(keys)}, got {sorted(description)}")
        try:
            return cls(
                kind=str(description["kind"]),
                in_features=int(description["in_features"]),
                shift=tuple(float(value) for value in description["shift"]),
                scale=tuple(float(value) for value in description["scale"]),
            )
        except TypeError as error:
            raise ValueError(f"a scaling's description holds a wrong type: {error}") from error


def _check_kind(kind: str) -> None:
    if kind not in KINDS:
        raise ValueError(f"unknown scaling {kind!r}: expected one of {', '.join(KINDS)}")


def _range(inputs: Tensor, groups: int) -> tuple[Tensor, Tensor]:
    """Lowest and highest value per group of features: (groups,) each, `float64`."""
    if inputs.dtype == torch.uint8:
        return torch.zeros(1), torch.full((1,), 255.0)
    low, high = inputs.reshape(-1, groups).aminmax(dim=0)
    return low.double(), high.double()


def _moments(inputs: Tensor, groups: int) -> tuple[Tensor, Tensor]:
    """Mean and (population) deviation per group of consecutive features, summed in float64."""
    count = inputs.numel() / groups
    rows = max(1, _CHUNK_ELEMENTS // inputs.shape[1])
    total = torch.zeros(groups, dtype=torch.float64)
    for chunk in inputs.split(rows):
        total += chunk.double().reshape(len(chunk), groups, -1).sum(dim=(0, 2))
    mean = total / count
    squares = torch.zeros(groups, dtype=torch.float64)
    for chunk in inputs.split(rows):
        centred = chunk.double().reshape(len(chunk), groups, -1) - mean.unsqueeze(1)
        squares += centred.square().sum(dim=(0, 2))
    return mean, (squares / count).sqrt()
