"""Ask how a call would be computed, and why."""

from __future__ import annotations

import torch

from qimlp.ops import choose
from qimlp.ops.choose import Explanation
from qimlp.shapes import KroneckerShape
from qimlp.shapes.problem import Problem


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
    """
    name = str(dtype).removeprefix("torch.")
    problem = Problem(shape, batch, name, torch.device(device).type, needs_grad)
    return choose.explain(problem)
