"""Which way a convolution with a Kronecker kernel is computed."""

from __future__ import annotations

from typing import Literal

from qimlp.shapes.layer import KroneckerShape

Path = Literal["two", "dense", "rows"]

#: Multiply-adds that take as long as a number between two steps does, written, turned and read:
#: 8 images of 128 channels of 28 x 28, 3 x 3 kernels, one thread of a Xeon with AVX-512.
_PER_NUMBER = 200


def convolution_path(shape: KroneckerShape, channels: int) -> Path:
    """Choose how to compute a convolution whose kernel, as a matrix, has factors.

    Args:
        shape: Of the kernel as a matrix, as wide as the channels times the kernel's pixels.
        channels: Channels of the input.

    Returns:
        `"two"`: the last factor as a convolution of parts of the channels, then the first as one
        of a single pixel, where there are two factors and the first parts no channel. `"rows"`:
        what the kernel sees is laid out. `"dense"`: the kernel is built. Whichever costs least for
        a place of the output.
    """
    costs: dict[Path, float] = {
        "dense": shape.dense_weight_parameters,
        "rows": shape.multiply_adds() + _PER_NUMBER * shape.in_features,
    }
    if shape.num_factors == 2 and channels % shape.in_dims[0] == 0:
        inner = shape.in_dims[0] * shape.rank * shape.out_dims[1]
        costs["two"] = inner * (shape.in_dims[1] + shape.out_dims[0] + _PER_NUMBER)
    return min(costs, key=costs.__getitem__)
