"""Descriptions of small networks of any form."""

from __future__ import annotations

from itertools import pairwise
from math import prod

import numpy as np
from hypothesis import strategies as st

from qimlp.export.description import ACTIVATIONS, Array, Description, Layer
from qimlp.tasks import Classification, Regression

BIASES = ("kronecker", "dense", "none")


def random_layer(
    random: np.random.Generator,
    ins: tuple[int, ...],
    outs: tuple[int, ...],
    rank: int,
    bias: str,
    activation: str,
) -> Layer:
    """Weights of about unit gain, biases of about one."""
    deviation = (rank * prod(ins)) ** (-0.5 / len(ins))
    factors = tuple(
        random.normal(size=(rank, o, i)) * deviation for i, o in zip(ins, outs, strict=True)
    )
    vectors = tuple(random.normal(size=o) for o in outs) if bias == "kronecker" else None
    vector = random.normal(size=prod(outs)) if bias == "dense" else None
    return Layer(factors, vectors, vector, activation)


def described(
    layers: tuple[Layer, ...],
    *,
    shift: Array | float = 0.0,
    scale: Array | float = 1.0,
    order: tuple[int, ...] | None = None,
    pixels: bool = False,
    regression: bool = False,
) -> Description:
    """A network of these layers."""
    outputs, features = layers[-1].shape.out_features, layers[0].shape.in_features
    names = tuple(f"answer {k}" for k in range(outputs))
    shifts = np.linspace(-3, 40, outputs) if regression else None
    scales = np.linspace(0.5, 9, outputs) if regression else None
    task = Regression.of(names) if regression else Classification(names)
    return Description(
        layers=layers,
        shift=np.atleast_1d(np.asarray(shift, float)),
        scale=np.atleast_1d(np.asarray(scale, float)),
        order=order,
        feature_shape=(1, features) if pixels else (features,),
        feature_names=(),
        pixels=pixels,
        task=task,
        output_shift=shifts,
        output_scale=scales,
    )


@st.composite
def descriptions(draw: st.DrawFn) -> Description:
    """Networks of one to three layers of any form, with any scaling and order."""
    random = np.random.default_rng(draw(st.integers(0, 2**20)))
    factors = draw(st.integers(1, 4))
    size = st.integers(1, {1: 40, 2: 9, 3: 5, 4: 4}[factors])
    sizes = st.lists(size, min_size=factors, max_size=factors).map(tuple)
    bodies = draw(st.lists(sizes, min_size=2, max_size=4))
    layers = tuple(
        random_layer(
            random,
            *(ins, outs),
            rank=draw(st.integers(1, 3)),
            bias=draw(st.sampled_from(BIASES)),
            activation=draw(st.sampled_from(sorted(ACTIVATIONS))),
        )
        for ins, outs in pairwise(bodies)
    )
    features = layers[0].shape.in_features
    order = tuple(random.permutation(features).tolist()) if draw(st.booleans()) else None
    if order is not None and draw(st.booleans()):  # columns of a grid
        order = tuple(np.arange(features).reshape(bodies[0]).T.ravel().tolist())
    pixels = draw(st.booleans())
    spread = 60.0 if pixels else 1.0
    scaling = draw(st.sampled_from(["none", "overall", "each"]))
    shift: Array | float = {"none": 0.0, "overall": 2.1 * spread}.get(scaling, 0.0)
    scale: Array | float = 1.0 if scaling == "none" and not pixels else 1.3 * spread
    if scaling == "each":
        shift = random.normal(size=features) * spread * 10
        scale = random.uniform(0.5, 2, size=features) * spread
    return described(
        layers,
        shift=shift,
        scale=scale,
        order=order,
        pixels=pixels,
        regression=draw(st.booleans()),
    )


def raw_rows(description: Description, count: int, seed: int = 0) -> Array:
    """Examples as a user has them, which `float` holds exactly."""
    random = np.random.default_rng(seed)
    shape = (count, description.in_features)
    if description.pixels:
        return random.integers(0, 256, shape).astype(float)
    rows = description.shift + description.scale * random.normal(size=shape)
    return rows.astype(np.float32).astype(float)
