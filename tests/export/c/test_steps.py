"""Plans of mode products, checked by doing them and by trying all orders."""

from dataclasses import replace
from itertools import combinations, pairwise, permutations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from qimlp.export.c.arena import Needs, place
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
    wide = layer_of([(28, 28), (28, 28)], 4, 0)
    assert plan(wide).apart
    assert plan(wide).needs.total == 3 * 784 + 28
    assert plan(wide, apart=False).needs.total == 4 * 784 + 28
    assert plan(wide, input_held=False).needs.total == 2 * 784 + 28
    assert not plan(layer_of([(28, 28), (28, 28)], 2, 0)).apart
    low_rank = layer_of([(1, 64), (32, 1)], 2, 0)
    assert plan(low_rank).needs.total == 64 + 1 + 64


def overlaps(a: tuple[int, int], b: tuple[int, int]) -> bool:
    return a[0] < b[0] + b[1] and b[0] < a[0] + a[1]


needs = st.builds(
    Needs,
    before=st.just(0),
    between=st.integers(0, 9),
    behind=st.integers(1, 9),
    copies=st.integers(1, 3),
    apart=st.booleans(),
    row=st.integers(1, 4),
)


@given(st.integers(0, 9), st.lists(needs, min_size=1, max_size=5))
def test_what_lives_together_does_not_overlap(first: int, given: list[Needs]) -> None:
    layers = []
    for layer in given:
        layers.append(replace(layer, before=first))
        first = layer.behind
    places, total = place(layers)
    assert all(a.behind == b.before for a, b in pairwise(places))
    for layer, at in zip(layers, places, strict=True):
        if layer.apart:
            ends = [(at.before, layer.before), (at.behind, layer.behind)]
            others = layer.between
        else:
            assert at.before == at.behind
            ends = [(at.before, layer.cell)]
            others = (layer.copies - 1) * layer.between
        spans = [*ends, (at.between, others), (at.row, layer.row)]
        assert all(start >= 0 and start + size <= total for start, size in spans)
        assert not any(overlaps(a, b) for a, b in combinations(spans, 2) if a[1] and b[1])


def test_one_layer_after_the_other_needs_no_more_than_the_largest() -> None:
    chain = [Needs(784, 392, 196, row=28), Needs(196, 0, 100, row=196), Needs(100, 50, 10, row=10)]
    assert place(chain)[1] == 784 + 28
    apart = [Needs(784, 784, 784, 4, True, 28)] * 3
    assert place(apart)[1] == 3 * 784 + 28
