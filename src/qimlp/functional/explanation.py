"""Ask how a call would be computed, and why."""

from __future__ import annotations

import torch

from qimlp.ops import Explanation, explain_choice
from qimlp.shapes import KroneckerShape, Problem, as_size


def explain(
    shape: KroneckerShape,
    batch: int | None = 1,
    *,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
    needs_grad: bool = True,
) -> Explanation:
    """Say which way a call of this shape takes and why the others are not taken.

    Args:
        shape: the layer, such as `KroneckerShape((28, 28), (28, 28))`.
        batch: number of rows; `None` while it is unknown, as in a traced graph.
        dtype: of input and factors.
        device: where they lie.
        needs_grad: whether a backward pass follows.

    Returns:
        An `Explanation`; `print` it.

    Raises:
        TypeError: `shape` is none, or `batch` is no integer.
        ValueError: `batch` is below 0.
    """
    if not isinstance(shape, KroneckerShape):
        raise TypeError(
            f"shape: expected a KroneckerShape such as KroneckerShape((28, 28), (28, 28)), "
            f"got {shape!r}"
        )
    if batch is not None:
        as_size("batch", batch, least=0)
    name = str(dtype).removeprefix("torch.")
    problem = Problem(shape, batch, name, torch.device(device).type, needs_grad)
    return explain_choice(problem)
