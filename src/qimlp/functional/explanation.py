"""Ask how a call would be computed, and why."""

from __future__ import annotations

import torch

from qimlp.ops import Explanation, check_device, check_dtype, explain_choice
from qimlp.shapes import KroneckerShape, Problem, as_size


def explain(
    shape: KroneckerShape,
    batch: int | None = 1,
    *,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
    needs_grad: bool = True,
) -> Explanation:
    """Say by which method a call of this shape is computed, and why not by the others.

    Args:
        shape: The layer's dims and rank, such as `KroneckerShape((28, 28), (28, 28))`.
        batch: Number of rows; `None` while it is unknown, as in a traced graph.
        dtype: Of input and factors, a `torch.dtype`.
        device: Where they lie.
        needs_grad: Whether a backward pass follows.

    Returns:
        An `Explanation`; `print` it.

    Raises:
        TypeError: `shape` is none, `batch` is no integer, or `dtype` no floating-point
            `torch.dtype`.
        ValueError: `batch` is below 0, or `device` names none.
    """
    if not isinstance(shape, KroneckerShape):
        raise TypeError(
            f"shape: expected a KroneckerShape such as KroneckerShape((28, 28), (28, 28)), "
            f"got {shape!r:.80}"
        )
    if batch is not None:
        as_size("batch", batch, least=0)
    check_dtype(dtype)
    check_device(device)
    name = str(dtype).removeprefix("torch.")
    problem = Problem(shape, batch, name, torch.device(device).type, needs_grad)
    return explain_choice(problem)
