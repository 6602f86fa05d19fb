"""Networks in integers: C against the simulation, bit for bit, and that against float64."""

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from qimlp.export.c.integers import integer_body
from qimlp.export.c.integers.proof import largest_sums
from qimlp.export.c.integers.quantise import quantise
from qimlp.export.c.write import program_of
from qimlp.export.description import Description
from tests.export.c.compiled import outputs_in_c
from tests.export.c.networks import described, descriptions, random_layer, raw_rows

SANITIZED = ("-fsanitize=undefined", "-fno-sanitize-recover=all")


def without_last_activation(description: Description) -> Description:
    *hidden, last = description.layers
    return replace(description, layers=(*hidden, replace(last, activation="identity")))


def outputs_of_both(
    description: Description, weights: str, activations: str, *options: str
) -> tuple[np.ndarray, np.ndarray]:
    rows = raw_rows(description, 40)
    body = integer_body(
        description,
        "net",
        weights=weights,
        activations=activations,
        input_type="uint8_t" if description.pixels else "float",
        calibration=rows[:20],
    )
    with tempfile.TemporaryDirectory() as folder:
        program = program_of(description, "net", body, rows)
        found = outputs_in_c(program, Path(folder), rows, *options)
    return found, body.outputs(rows)


@settings(max_examples=20, deadline=None)
@given(
    descriptions().map(without_last_activation),
    st.sampled_from(["i8", "i4"]),
    st.sampled_from(["i8", "i16"]),
)
def test_c_is_the_simulation_bit_for_bit(
    description: Description, weights: str, activations: str
) -> None:
    found, expected = outputs_of_both(description, weights, activations, *SANITIZED)
    if found.dtype == np.float32:  # targets, which floats are made of in the end
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-5)
    else:
        assert np.array_equal(found, expected)


@settings(max_examples=15, deadline=None)
@given(descriptions().map(without_last_activation), st.sampled_from(["i8", "i16"]))
def test_integers_are_near_float64(description: Description, activations: str) -> None:
    rows = raw_rows(description, 200)
    wanted = description.outputs(rows)
    spread = wanted.std(axis=0).max()
    assume(spread > 1e-3)
    body = integer_body(
        description,
        "net",
        weights="i8",
        activations=activations,
        input_type="uint8_t" if description.pixels else "float",
        calibration=rows,
    )
    error = np.sqrt(np.square(body.real_outputs(rows) - wanted).mean())
    assert error <= (0.12 if activations == "i8" else 0.05) * max(spread, 1.0)


@settings(max_examples=20, deadline=None)
@given(
    descriptions().map(without_last_activation),
    st.sampled_from(["i8", "i4"]),
    st.sampled_from(["i8", "i16"]),
)
def test_no_sum_leaves_32_bits(description: Description, weights: str, activations: str) -> None:
    network = quantise(
        description,
        raw_rows(description, 20),
        weights=weights,
        activations=activations,
        pixels=description.pixels,
    )
    assert all(max(largest_sums(layer)) < 2**31 for layer in network.layers)


def test_a_sum_that_could_overflow_is_refused() -> None:
    random = np.random.default_rng(0)
    layer = random_layer(random, (3000,), (2,), 1, "dense", "identity")
    wide = replace(layer, factors=(np.ones_like(layer.factors[0]),))
    description = described((wide,))
    with pytest.raises(ValueError, match="which 32 bits do not hold"):
        quantise(
            description,
            raw_rows(description, 4),
            weights="i8",
            activations="i16",
            pixels=False,
        )


def test_integers_need_examples_to_calibrate_on() -> None:
    layer = random_layer(np.random.default_rng(0), (4,), (2,), 1, "dense", "identity")
    with pytest.raises(ValueError, match="to calibrate integers on, got none"):
        integer_body(
            described((layer,)),
            "net",
            weights="i8",
            activations="i8",
            input_type="float",
            calibration=None,
        )


def test_what_is_not_a_number_is_the_least() -> None:
    layer = random_layer(np.random.default_rng(0), (4,), (2,), 1, "dense", "identity")
    description = described((layer,))
    body = integer_body(
        description,
        "net",
        weights="i8",
        activations="i8",
        input_type="float",
        calibration=raw_rows(description, 20),
    )
    rows = np.array([[np.nan, np.inf, -np.inf, 1e30]] * 2)
    with tempfile.TemporaryDirectory() as folder:
        found = outputs_in_c(program_of(description, "net", body), Path(folder), rows, *SANITIZED)
    assert np.array_equal(found, body.outputs(rows))
