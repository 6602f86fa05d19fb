"""From a module to an ONNX model: torch's exporter, then all that is not needed is taken away."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import torch

from qimlp._version import __version__
from qimlp.export.runnable.probe import Probe
from qimlp.export.runnable.runnable import Runnable
from qimlp.export.runnable.trace import quiet, traced

OPSET = 20
"""The first with `Gelu`; ONNX Runtime knows it since 1.17."""

_FOLDED = 16
"""Elements of the largest constant that is computed at export: sizes and the like. Larger ones, a
bias of many outputs, say, are computed by what reads the file, from fewer numbers."""


def onnx_model(runnable: Runnable, tried: Probe, metadata: Mapping[str, Any]) -> Any:
    """Convert a module.

    Args:
        runnable: The module.
        tried: Rows to trace it with.
        metadata: Kept with the model; each value as JSON.

    Returns:
        `onnx.ModelProto`, the same for the same module.
    """
    import onnx_ir  # noqa: PLC0415 - optional
    import onnxscript.optimizer  # noqa: PLC0415
    from onnx_ir.passes import common  # noqa: PLC0415

    with quiet():
        found = torch.onnx.export(
            traced(runnable, tried),
            dynamo=True,
            opset_version=OPSET,
            input_names=[each.name for each in runnable.inputs],
            output_names=[each.name for each in runnable.outputs],
            optimize=False,
            verbose=False,
        )
        if found is None:
            raise ValueError("torch's exporter gave no model")
        model = found.model
        onnxscript.optimizer.optimize(model, output_size_limit=_FOLDED)
        for clean in (
            common.LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0),
            common.CommonSubexpressionEliminationPass(),
            common.DeduplicateInitializersPass(),
            common.RemoveUnusedNodesPass(),
            common.ClearMetadataAndDocStringPass(),
        ):
            clean(model)
        proto = onnx_ir.to_proto(model)
    _strip(proto)
    proto.producer_name, proto.producer_version = "qimlp", __version__
    for key, value in metadata.items():
        proto.metadata_props.add(key=key, value=json.dumps(value))
    return proto


def _strip(proto: Any) -> None:
    """Give values short names; take away the shapes between nodes and all that says whence."""
    graph = proto.graph
    kept = {value.name for value in (*graph.input, *graph.output)}
    names: dict[str, str] = {"": ""}
    for value in (*graph.initializer, *graph.node):
        for old in [value.name] if hasattr(value, "raw_data") else value.output:
            if old not in kept:
                names.setdefault(old, f"{'c' if hasattr(value, 'raw_data') else 'v'}{len(names)}")
    for tensor in graph.initializer:
        tensor.name = names.get(tensor.name, tensor.name)
        tensor.doc_string = ""
        del tensor.metadata_props[:]
    for node in graph.node:
        node.name = node.doc_string = ""
        del node.metadata_props[:]
        for values in (node.input, node.output):
            values[:] = [names.get(value, value) for value in values]
    del graph.value_info[:]
    del graph.metadata_props[:]
    del proto.metadata_props[:]
    graph.name = "qimlp"
    graph.doc_string = proto.doc_string = proto.domain = ""
    for value in (*graph.input, *graph.output):
        del value.metadata_props[:]
        value.type.tensor_type.shape.dim[0].dim_param = "n"
