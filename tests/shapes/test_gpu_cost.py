"""When the fused GPU kernels are predicted to pay; nothing here needs a GPU."""

import pytest

from qimlp.shapes import KroneckerShape
from qimlp.shapes.cost import candidates
from qimlp.shapes.gpu_limits import fused_groups
from qimlp.shapes.problem import Problem


def cheapest(dims, batch, dtype, *, rank=1, needs_grad=True, captured=False, fused=True):
    shape = KroneckerShape(dims, dims, rank)
    problem = Problem(shape, batch, dtype, "cuda", needs_grad, captured=captured)
    return candidates(problem, fused=fused)[0]


@pytest.mark.parametrize("needs_grad", [False, True])
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_a_large_batch_that_memory_limits_is_fused(rank, needs_grad):
    chosen = cheapest((64, 64), 65536, "bfloat16", rank=rank, needs_grad=needs_grad)
    assert chosen.method == "fused"
    assert chosen.extra_bytes == 0


def test_without_the_kernels_another_way_is_taken():
    assert cheapest((64, 64), 65536, "bfloat16", fused=False).method != "fused"


def test_small_steps_are_fused_where_launches_are_recorded():
    """Python around a launch takes longer than the launch; a recording has none."""
    assert cheapest((28, 28), 50, "float32").method != "fused"
    assert cheapest((28, 28), 50, "float32", captured=True).method == "fused"


def test_many_copies_in_float32_are_left_to_matrix_products():
    assert cheapest((28, 28), 65536, "float32", rank=16).method != "fused"


@pytest.mark.parametrize("dims", [(4, 4, 7, 7), (8,) * 6])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_groups_are_those_that_fit_into_fast_memory(dims, dtype):
    shape = KroneckerShape(dims, dims)
    found = candidates(Problem(shape, 64, dtype, "cuda"), fused=True)
    (fused,) = [candidate for candidate in found if candidate.method == "fused"]
    assert fused.groups == fused_groups(shape, dtype)


def test_more_passes_cost_more():
    def seconds(dims):
        found = candidates(
            Problem(KroneckerShape(dims, dims), 4096, "bfloat16", "cuda"), fused=True
        )
        return next(c.seconds for c in found if c.method == "fused")

    assert seconds((64, 64)) < seconds((64, 16, 4)) < seconds((8, 8, 8, 8, 8))
