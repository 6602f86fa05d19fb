"""The integer arithmetic of a network as the body of its C files."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qimlp.export.c.body import Body
from qimlp.export.c.integers.network import IntegerLayer, IntegerNetwork
from qimlp.export.c.integers.quantise import quantise, real_outputs
from qimlp.export.c.integers.simulation import simulate
from qimlp.export.c.integers.source import Text, write
from qimlp.export.c.literals import real
from qimlp.export.description import Array, Description

_RELATIVE_ERROR = 1e-6  # of targets, which are made of integers by one multiply-add of floats


def integer_body(
    description: Description,
    name: str,
    *,
    weights: str,
    activations: str,
    input_type: str,
    calibration: Array | None,
) -> Body:
    """Write a network in integers.

    Args:
        description: Of the network.
        name: What every identifier begins with.
        weights: `"i8"` or `"i4"`.
        activations: `"i8"` or `"i16"`.
        input_type: `"uint8_t"` or `"float"`.
        calibration: Raw examples of the train part, of shape (n, features).

    Returns:
        The body. Of a regression it gives values in the targets' own units; else logits in units
        of the macro `OUTPUT_SCALE`.

    Raises:
        ValueError: If there are no examples, or a sum could overflow.
    """
    if calibration is None:
        raise ValueError(
            f"activations {activations}: expected raw examples of the train part to calibrate "
            "integers on, got none; give calibration, or export a run, which has them"
        )
    network = quantise(
        description,
        calibration,
        weights=weights,
        activations=activations,
        pixels=input_type == "uint8_t",
    )
    return body_of(network, description, name)


def body_of(network: IntegerNetwork, description: Description, name: str) -> Body:
    """Write a quantised network.

    Args:
        network: Quantised.
        description: What it was made from.
        name: What every identifier begins with.

    Returns:
        The body.
    """
    text, scale = write(network, name), network.layers[-1].scale
    of_values = description.output_scale is not None

    def outputs(raw: Array) -> NDArray[Any]:
        sums = simulate(network, raw)
        if not of_values:
            return sums.astype(np.int32)
        return real_outputs(network, description, sums).astype(np.float32)

    def reals(raw: Array) -> Array:
        return real_outputs(network, description, simulate(network, raw))

    return Body(
        input_type="float" if network.entry.kind == "floats" else "uint8_t",
        output_type="float" if of_values else "int32_t",
        state=text.state + (_sums(network) if of_values else ""),
        constants=text.constants,
        code=_values(text, network, description) if of_values else text.code,
        static_bytes=text.static_bytes + (4 * network.layers[-1].out_features) * of_values,
        constant_bytes=text.constant_bytes,
        code_bytes=_code_bytes(network),
        stack_bytes=text.stack_bytes,
        multiply_adds=sum(layer.multiply_adds for layer in network.layers),
        outputs=outputs,
        real_outputs=reals,
        tolerance=_RELATIVE_ERROR if of_values else 0.0,
        macros=() if of_values else (("OUTPUT_SCALE", real(scale)),),
        quantisation=_quantisation(network),
    )


def _sums(network: IntegerNetwork) -> str:
    return f"    int32_t results[{network.layers[-1].out_features}];\n"


def _values(text: Text, network: IntegerNetwork, description: Description) -> str:
    """The calls, and a loop that brings their sums to the targets' units."""
    count, unit = network.layers[-1].out_features, network.layers[-1].scale
    scale, shift = description.output_scale, description.output_shift
    if scale is None or shift is None:
        return text.code
    lines = [
        f"    outputs[{k}] = (float)state->results[{k}] * {real(unit * float(scale[k]))};\n"
        f"    outputs[{k}] += {real(float(shift[k]))};\n"
        for k in range(count)
    ]
    return text.code.replace(", outputs)", ", state->results)") + "".join(lines)


def _code_bytes(network: IntegerNetwork) -> int:
    """About the size of the code in Thumb-2, built for size, as measured on some networks."""
    forms = {(len(layer.in_dims), len(layer.bias)) for layer in network.layers}
    nested = sum(300 + 110 * (modes - 2) for modes, _ in forms if modes > 1)
    entry = 60 if network.entry.kind == "pixels" else 150
    return 560 + nested + 160 * any(modes == 1 for modes, _ in forms) + entry


def _quantisation(network: IntegerNetwork) -> dict[str, Any]:
    entry = network.entry
    return {
        "weights": network.weights,
        "activations": network.activations,
        "input": {"kind": entry.kind, "scale": entry.scale, "zero": entry.zero},
        "output_scale": network.layers[-1].scale,
        "layers": [_layer(layer) for layer in network.layers],
    }


def _layer(layer: IntegerLayer) -> dict[str, Any]:
    known: dict[str, Any] = {
        "order": list(layer.order),
        "rank": layer.rank,
        "sum_scale": layer.scale,
        "multiply_adds": layer.multiply_adds,
    }
    if layer.activation is not None:
        known |= {
            "activation": layer.activation.name,
            "output_scale": layer.activation.scale,
            "output_zero": layer.activation.zero,
        }
    return known
