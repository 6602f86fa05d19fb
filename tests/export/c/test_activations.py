"""Activations in single precision, on all of their range, against float64."""

from pathlib import Path

import numpy as np
import pytest

from qimlp.export.c.floats import float_body
from qimlp.export.c.write import program_of
from qimlp.export.description import ACTIVATIONS, Array, Layer
from tests.export.c.compiled import outputs_in_c
from tests.export.c.networks import described

ONE_ROUNDING = 2.0**-24


def activated(name: str, x: Array, folder: Path) -> Array:
    """Apply an activation in C, as a layer whose weight is 1."""
    layer = Layer((np.ones((1, 1, 1)),), None, None, name)
    network = described((layer,))
    program = program_of(network, "net", float_body(network, "net"))
    return outputs_in_c(program, folder, x[:, None])[:, 0].astype(np.float64)


def points(low: float, high: float) -> Array:
    return np.linspace(low, high, 20_001).astype(np.float32).astype(np.float64)


def test_gelu_is_as_exact_as_with_erff(tmp_path: Path) -> None:
    x = points(-8, 8)
    x = x[x != 0]
    exact = ACTIVATIONS["gelu"](x)
    error = np.abs(activated("gelu", x, tmp_path) - exact)
    erf = (2 * exact / x - 1).astype(np.float32)  # the best that an erff can give
    with_erff = np.float32(0.5) * x.astype(np.float32) * (np.float32(1) + erf)
    assert error.max() <= np.abs(with_erff - exact).max()
    relative = error / np.abs(exact)
    assert relative[x > 0].max() < 3 * ONE_ROUNDING
    assert relative[(x < 0) & (x > -3)].max() < 12 * ONE_ROUNDING


@pytest.mark.parametrize(("name", "roundings"), [("tanh", 4), ("silu", 6), ("relu", 0)])
def test_others_are_exact_to_rounding(name: str, roundings: int, tmp_path: Path) -> None:
    x = points(-20, 20)
    exact = ACTIVATIONS[name](x)
    error = np.abs(activated(name, x, tmp_path) - exact)
    assert (error <= roundings * ONE_ROUNDING * np.abs(exact)).all()


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_far_values_stay_finite(name: str, tmp_path: Path) -> None:
    x = np.array([-1e30, -1e4, -104.0, -88.5, -87.0, -1e-30, 0.0, 1e-30, 87.0, 88.5, 104.0, 1e30])
    x = x.astype(np.float32).astype(np.float64)
    found, exact = activated(name, x, tmp_path), ACTIVATIONS[name](x)
    np.testing.assert_allclose(found, exact, rtol=1e-6, atol=1e-8)
