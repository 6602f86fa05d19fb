"""What `NAME.json` says about a network in C."""

from __future__ import annotations

import hashlib
from importlib.metadata import version
from typing import Any

import numpy as np

from qimlp._version import __version__
from qimlp.export.c.render import Program
from qimlp.export.description import Array, Description


def details(description: Description, program: Program) -> dict[str, Any]:
    """Say what `NAME.json` holds.

    Args:
        description: Of the network.
        program: The same in C.

    Returns:
        Plain data for JSON.
    """
    body = program.body
    layers = [
        {
            "in_dims": list(layer.shape.in_dims),
            "out_dims": list(layer.shape.out_dims),
            "rank": layer.shape.rank,
            "bias": _bias_form(layer.bias_factors, layer.bias),
            "activation": layer.activation,
            "parameters": layer.parameters,
        }
        for layer in description.layers
    ]
    return {
        "name": program.name,
        "input": {
            "type": body.input_type,
            "features": program.features,
            "shape": list(description.feature_shape),
            "columns": list(description.feature_names),
        },
        "output": {
            "type": body.output_type,
            "outputs": program.outputs,
            "task": description.task.kind,
            "names": list(program.answer_names),
        },
        "layers": layers,
        "parameters": description.parameters,
        "quantisation": dict(body.quantisation),
        "multiply_adds": body.multiply_adds,
        "bytes": {
            "tables": body.constant_bytes,
            "names": program.names_bytes,
            "code_about": body.code_bytes,
            "static_ram": body.static_bytes,
            "stack_at_most": body.stack_bytes,
        },
        "fingerprint": fingerprint(description),
        "versions": {
            "qimlp": __version__,
            **{package: version(package) for package in ("torch", "numpy")},
        },
    }


def _bias_form(vectors: tuple[Array, ...] | None, bias: Array | None) -> str | None:
    return "kronecker" if vectors is not None else None if bias is None else "dense"


def fingerprint(description: Description) -> str:
    """Hash all numbers of a network: weights, biases, scaling, order and units.

    Args:
        description: Of the network.

    Returns:
        64 hexadecimal digits of SHA-256.
    """
    digest = hashlib.sha256()
    arrays = [description.shift, description.scale]
    for given in (description.order, description.output_shift, description.output_scale):
        arrays += [] if given is None else [np.asarray(given, np.float64)]
    for layer in description.layers:
        biases = layer.bias_factors or (() if layer.bias is None else (layer.bias,))
        arrays += [*layer.factors, *biases]
        digest.update(layer.activation.encode())
    for array in arrays:
        digest.update(repr(array.shape).encode() + np.ascontiguousarray(array, "<f8").tobytes())
    return digest.hexdigest()
