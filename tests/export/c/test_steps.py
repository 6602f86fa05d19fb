"""Plans of mode products, checked by doing them and by trying all orders."""

from itertools import pairwise, permutations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from qimlp.export.c.arena import Buffers, place
from qimlp.export.c.steps import Plan, plan, simplified
from qimlp.export.description import Array, Layer

dims = st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5)), min_size=1, max_size=4)


def layer_of(pairs: list[tuple[int, int]], rank: int, seed: int) -> Layer:
    random = np.random.default_rng(seed)
    return Layer(tuple(random.normal(size=(rank, o, i)) for o, i in pairs), None, None, "identity")


def apply_steps(layer: Layer, found: Plan, x: Array) -> Array:
    """Do the steps as their definition says."""
    grid = x[None]
    for step in found.steps:
        factor = layer.factors[step.mode]
        grid = grid.reshape(step.copies_in, step.outer, step.size_in, step.inner)
        grid = np.einsum(
            "coi,caib->caob", factor, np.broadcast_to(grid, (len(factor), *grid.shape[1:]))
        )
        if step.copies_out == 1:
            grid = grid.sum(axis=0, keepdims=True)
        assert grid.size == step.elements_out
    return grid.ravel()


@given(dims, st.integers(1, 3), st.integers(0, 9))
def test_steps_compute_the_layer(pairs: list[tuple[int, int]], rank: int, seed: int) -> None:
    layer = layer_of(pairs, rank, seed)
    short = simplified(layer)
    np.testing.assert_allclose(short.weight, layer.weight, atol=1e-12)
    assert short.parameters <= layer.parameters
    x = np.random.default_rng(seed).normal(size=layer.shape.in_features)
    np.testing.assert_allclose(apply_steps(short, plan(short), x), layer.weight @ x, atol=1e-11)


@given(dims.filter(lambda pairs: len(pairs) > 1), st.integers(1, 3))
def test_no_order_takes_fewer_multiply_adds(pairs: list[tuple[int, int]], rank: int) -> None:
    layer = layer_of(pairs, rank, 0)
    costs = []
    for order in permutations(range(len(pairs))):
        width, cost = layer.shape.in_features, 0
        for mode in order:
            width = width // layer.shape.in_dims[mode] * layer.shape.out_dims[mode]
            cost += rank * width * layer.shape.in_dims[mode]
        costs.append(cost)
    assert plan(layer).multiply_adds == min(costs) == layer.shape.multiply_adds()


def test_sum_over_copies_apart_where_that_holds_less() -> None:
    layer = layer_of([(28, 28), (28, 28)], 4, 0)
    assert plan(layer).apart
    assert plan(layer).buffers.most_held == 3 * 784
    assert plan(layer, apart=False).buffers.most_held == 5 * 784
    assert plan(layer, first="fibre").buffers.most_held == 28 + 2 * 784
    low_rank = layer_of([(1, 64), (32, 1)], 2, 0)
    assert not plan(low_rank).apart
    assert plan(low_rank).buffers.most_held == 66


def overlaps(a: tuple[int, int], b: tuple[int, int]) -> bool:
    return a[0] < b[0] + b[1] and b[0] < a[0] + a[1]


sizes = st.tuples(
    st.lists(st.integers(0, 9), min_size=1, max_size=3), st.integers(1, 9), st.booleans()
)


@given(st.integers(0, 9), st.lists(sizes, min_size=1, max_size=4))
def test_buffers_that_live_together_do_not_overlap(
    first: int, rest: list[tuple[list[int], int, bool]]
) -> None:
    layers = []
    for between, last, apart in rest:
        layers.append(Buffers((first, *between, last), apart))
        first = last
    placed, total = place(layers)
    assert total == max(layer.most_held for layer in layers)
    behind = None
    for layer, offsets in zip(layers, placed, strict=True):
        spans = list(zip(offsets, layer.sizes, strict=True))
        assert behind is None or behind == spans[0]
        behind = spans[-1]
        assert all(start >= 0 and start + size <= total for start, size in spans)
        together = list(pairwise(spans))
        if layer.apart:
            together += [(span, end) for span in spans[1:-1] for end in (spans[0], spans[-1])]
            together.append((spans[0], spans[-1]))
        assert not any(overlaps(*pair) for pair in together)
