"""A trained network in plain NumPy: what the C and HTML exports are written from.

It is the definition that both are compared with: `float64`, one formula for each step.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from qimlp.shapes import KroneckerShape
from qimlp.tasks import Task

Array: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Layer:
    """A layer and the activation behind it.

    The weight is `sum_c kron(factors[0][c], ..., factors[M-1][c])` (paper, Eq. 2). A dense layer
    has one factor and rank 1; a low-rank one has two, of input dims `(1, i)` and output dims
    `(o, 1)`.

    Attributes:
        factors: M >= 1 arrays of shape `(rank, out_i, in_i)`.
        bias_factors: M vectors whose Kronecker product is the bias (Eq. 3), or None.
        bias: A vector of all outputs, or None.
        activation: `"gelu"` (exact), `"relu"`, `"silu"`, `"tanh"` or `"identity"`.
    """

    factors: tuple[Array, ...]
    bias_factors: tuple[Array, ...] | None
    bias: Array | None
    activation: str

    @property
    def shape(self) -> KroneckerShape:
        """Dims and rank."""
        ins = tuple(factor.shape[2] for factor in self.factors)
        outs = tuple(factor.shape[1] for factor in self.factors)
        return KroneckerShape(ins, outs, self.factors[0].shape[0])

    @property
    def parameters(self) -> int:
        """Numbers of the layer."""
        biases = self.bias_factors or (() if self.bias is None else (self.bias,))
        return sum(array.size for array in (*self.factors, *biases))

    @property
    def weight(self) -> Array:
        """The full weight, of shape (out_features, in_features)."""
        rank = self.shape.rank
        copies = [_product([factor[c] for factor in self.factors]) for c in range(rank)]
        return sum(copies[1:], copies[0])

    @property
    def full_bias(self) -> Array:
        """The bias as a vector; zeros where there is none."""
        if self.bias_factors is not None:
            return _product(self.bias_factors)
        return np.zeros(self.shape.out_features) if self.bias is None else self.bias

    def apply(self, x: Array) -> Array:
        """Apply the layer, factor by factor.

        Args:
            x: Of shape (n, in_features).

        Returns:
            Of shape (n, out_features).
        """
        shape = self.shape
        grid = np.repeat(x.reshape(len(x), 1, *shape.in_dims), shape.rank, axis=1)
        for place, factor in enumerate(self.factors, start=2):
            last = np.moveaxis(grid, place, -1)
            grid = np.moveaxis(np.einsum("nc...i,coi->nc...o", last, factor), -1, place)
        total = grid.sum(axis=1).reshape(len(x), shape.out_features) + self.full_bias
        return ACTIVATIONS[self.activation](total)


def _product(arrays: Iterable[Array]) -> Array:
    """The Kronecker product of matrices, or of vectors."""
    product: Array = np.ones(1)
    for array in arrays:
        product = np.kron(product, array).astype(np.float64, copy=False)
    return product


_erf = np.vectorize(math.erf, otypes=[float])


def _sigmoid(x: Array) -> Array:
    return np.exp(-np.logaddexp(0.0, -x))


ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "gelu": lambda x: 0.5 * x * (1 + _erf(x / math.sqrt(2))),
    "relu": lambda x: np.maximum(x, 0.0),
    "silu": lambda x: x * _sigmoid(x),
    "tanh": np.tanh,
    "identity": lambda x: x,
}


@dataclass(frozen=True, eq=False)
class Description:
    """A network with all that stands between raw examples and answers.

    A raw example is one as the user has it, flattened, in its own units: pixels from 0 to 255, the
    columns of a table. The network's input is `((raw - shift) / scale)[order]`.

    Attributes:
        layers: From the input to the output.
        shift: One number or one for each raw feature.
        scale: As many, greater than 0.
        order: Numbers of the raw features in the network's order, or None.
        feature_shape: Shape of one raw example.
        feature_names: Columns of the training table; empty for images and arrays.
        pixels: Whether raw features are whole numbers from 0 to 255.
        task: What the outputs mean.
        output_shift: Of a regression, what is added to each scaled output; else None.
        output_scale: Of a regression, what each output is multiplied by before; else None.
    """

    layers: tuple[Layer, ...]
    shift: Array
    scale: Array
    order: tuple[int, ...] | None
    feature_shape: tuple[int, ...]
    feature_names: tuple[str, ...]
    pixels: bool
    task: Task
    output_shift: Array | None = None
    output_scale: Array | None = None

    @property
    def in_features(self) -> int:
        """Number of raw features."""
        return self.layers[0].shape.in_features

    @property
    def num_outputs(self) -> int:
        """Number of outputs."""
        return self.layers[-1].shape.out_features

    @property
    def parameters(self) -> int:
        """Numbers of all layers."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def answer_names(self) -> tuple[str, ...]:
        """What each output is of: a class, a label or a target."""
        return self.task.class_names or self.task.target_names

    def inputs(self, raw: ArrayLike) -> Array:
        """Scale and order raw examples.

        Args:
            raw: Of shape (n, in_features).

        Returns:
            What the first layer takes, of the same shape.

        Raises:
            ValueError: If the shape is another one.
        """
        rows = np.asarray(raw, dtype=np.float64)
        if rows.ndim != 2 or rows.shape[1] != self.in_features:
            raise ValueError(
                f"expected examples of shape (n, {self.in_features}), got {rows.shape}"
            )
        scaled = (rows - self.shift) / self.scale
        return scaled if self.order is None else scaled[:, list(self.order)]

    def outputs(self, raw: ArrayLike) -> Array:
        """Compute logits, or of a regression values in the targets' own units.

        Args:
            raw: Of shape (n, in_features).

        Returns:
            Of shape (n, num_outputs), `float64`.

        Raises:
            ValueError: If the shape is another one.
        """
        x = self.inputs(raw)
        for layer in self.layers:
            x = layer.apply(x)
        if self.output_scale is not None and self.output_shift is not None:
            x = x * self.output_scale + self.output_shift
        return x

    def answers(self, raw: ArrayLike) -> Array:
        """Compute what a user asks for: probabilities, or values.

        Args:
            raw: Of shape (n, in_features).

        Returns:
            Of shape (n, num_outputs), `float64`.

        Raises:
            ValueError: If the shape is another one.
        """
        outputs = self.outputs(raw)
        if self.output_scale is not None:
            return outputs
        return self.task.answers(torch.from_numpy(outputs)).numpy()
