"""Layers arranged for few products compute what the layers compute."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from qimlp.export.description import ACTIVATIONS, Layer
from qimlp.export.runnable import layers as subject
from qimlp.export.runnable.layers import arranged

SIZES = st.integers(1, 6)


@st.composite
def stacks(draw):
    """One to three layers of 1 to 4 bodies each, not of one number."""
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    layers: list[Layer] = []
    width = None
    for _ in range(draw(st.integers(1, 3))):
        bodies, rank = draw(st.integers(1, 4)), draw(st.integers(1, 4))
        outs = [draw(SIZES) for _ in range(bodies)]
        ins = [draw(SIZES) for _ in range(bodies)]
        if width is not None:  # as many inputs as the layer before gives
            ins = [width, *[1] * (bodies - 1)]
            ins = [ins[i] for i in draw(st.permutations(range(bodies)))]
        factors = tuple(random.normal(size=(rank, o, i)) for o, i in zip(outs, ins, strict=True))
        bias = draw(st.sampled_from(["none", "dense", "kronecker"]))
        layers.append(
            Layer(
                factors,
                tuple(random.normal(size=o) for o in outs) if bias == "kronecker" else None,
                random.normal(size=int(np.prod(outs))) if bias == "dense" else None,
                draw(st.sampled_from(sorted(ACTIVATIONS))),
            )
        )
        width = int(np.prod(outs))
    return layers, random.normal(size=(3, layers[0].shape.in_features))


@pytest.mark.parametrize("overhead", [0, 2**14, -(2**40)], ids=["cheapest", "usual", "many"])
@pytest.mark.parametrize("compact", [True, False])
def test_any_layers(monkeypatch, overhead, compact):
    monkeypatch.setattr(subject, "_OVERHEAD", overhead)

    @settings(max_examples=60, deadline=None)
    @given(stacks())
    def check(case):
        layers, x = case
        wanted = x
        for layer in layers:
            wanted = layer.apply(wanted)
        found = arranged(layers, torch.float64, compact=compact)(torch.from_numpy(x))
        size = max(1.0, np.abs(wanted).max())
        np.testing.assert_allclose(found.numpy() / size, wanted / size, atol=1e-12)

    check()


def kinds(layer):
    return [type(step).__name__ for step in arranged([layer], torch.float32, compact=True)][:-1]


def random_layer(ins, outs, rank=1):
    shapes = zip(outs, ins, strict=True)
    return Layer(tuple(np.ones((rank, o, i)) for o, i in shapes), None, None, "identity")


def test_products_are_few_where_layers_are_small_and_cheap_where_they_are_large():
    assert kinds(random_layer((28, 28), (28, 28))) == ["_Two"]
    assert kinds(random_layer((28, 28), (2, 5))) == ["_Dense"]
    assert kinds(random_layer((7, 4, 4, 7), (7, 4, 4, 7), rank=4)) == ["_Two"]
    assert kinds(random_layer((32, 32, 32), (32, 32, 32))) == ["_Chain"]
    assert kinds(random_layer((1, 784), (784, 1), rank=3)) == ["_Dense", "_Dense"]


def test_a_compact_layer_holds_no_more_numbers_than_it_has():
    layer = random_layer((7, 4, 28), (7, 4, 28), rank=2)
    vectors = tuple(np.ones(size) for size in (7, 4, 28))
    layer = Layer(layer.factors, vectors, None, "gelu")
    found = arranged([layer], torch.float32, compact=True)
    assert sum(buffer.numel() for buffer in found.buffers()) == layer.parameters
