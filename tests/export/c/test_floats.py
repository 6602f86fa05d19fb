"""Networks in single precision: C against the float64 definition."""

import tempfile
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from qimlp.export.c.floats import WEIGHTS, float_body
from qimlp.export.c.write import program_of
from qimlp.export.description import Description, Layer
from tests.export.c.compiled import SANITIZED, outputs_in_c
from tests.export.c.networks import described, descriptions, random_layer, raw_rows


def amplitude(description: Description, rows: np.ndarray) -> float:
    """How large the terms are whose rounding the answer holds: all signs made alike."""
    x = np.abs(description.inputs(rows))
    for layer in description.layers:
        positive = Layer(
            tuple(np.abs(f) for f in layer.factors),
            None if layer.bias_factors is None else tuple(np.abs(b) for b in layer.bias_factors),
            None if layer.bias is None else np.abs(layer.bias),
            "identity",
        )
        x = positive.apply(x)
    if description.output_scale is not None:
        x = x * description.output_scale + np.abs(description.output_shift)
    return float(x.max(initial=1e-6))


def require_close(description: Description, *, weights: str = "f32") -> None:
    rows = raw_rows(description, 5)
    given = "uint8_t" if description.pixels else "float"
    body = float_body(description, "net", weights=weights, input_type=given)
    with tempfile.TemporaryDirectory() as folder:
        found = outputs_in_c(
            program_of(description, "net", body), Path(folder), rows, test_options=SANITIZED
        )
    error = np.abs(found - body.outputs(rows)).max()
    assert error <= 1e-6 * amplitude(description, rows)


@settings(max_examples=25, deadline=None)
@given(descriptions(), st.sampled_from(WEIGHTS))
def test_any_network_is_as_in_float64(description: Description, weights: str) -> None:
    require_close(description, weights=weights)


def test_columns_far_from_zero_keep_how_they_differ(tmp_path: Path) -> None:
    """A zero point that a float cannot hold is two floats."""
    random = np.random.default_rng(0)
    layer = random_layer(random, (3,), (4,), 1, "dense", "tanh")
    shift = np.array([293.15, 101_325.4, 0.1])
    network = described((layer,), shift=shift, scale=np.array([0.01, 1.7, 1.0]))
    program = program_of(network, "net", float_body(network, "net"))
    assert "net_rest[3]" in program.body.constants
    rows = raw_rows(network, 50)
    found = outputs_in_c(program, tmp_path, rows)
    np.testing.assert_allclose(found, network.outputs(rows), rtol=0, atol=1e-6)
