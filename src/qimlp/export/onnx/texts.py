"""Categories as texts: `LabelEncoder` nodes, put in front of a model that takes codes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

ML_OPSET = 2
_CODES = "codes"


def take_texts(model: Any, name: str, codes: Sequence[Mapping[str, int]]) -> None:
    """Change an input of codes into one of texts, in place.

    Args:
        model: `onnx.ModelProto`.
        name: Of the input, `int64` of shape (n, categories).
        codes: Of each category, by text; other texts are code 0.
    """
    from onnx import TensorProto, helper, numpy_helper  # noqa: PLC0415 - optional

    graph = model.graph
    for node in graph.node:
        node.input[:] = [_CODES if each == name else each for each in node.input]
    old = next(each for each in graph.input if each.name == name)
    old.type.tensor_type.elem_type = TensorProto.STRING
    nodes = []
    for place, known in enumerate(codes):
        index, column, code = (f"{part}_{place}" for part in ("place", "text", "code"))
        graph.initializer.append(numpy_helper.from_array(_one(place), index))
        nodes.append(helper.make_node("Gather", [name, index], [column], axis=1))
        nodes.append(
            helper.make_node(
                "LabelEncoder",
                [column],
                [code if len(codes) > 1 else _CODES],
                domain="ai.onnx.ml",
                keys_strings=list(known),
                values_int64s=list(known.values()),
                default_int64=0,
            )
        )
    if len(codes) > 1:
        parts = [f"code_{place}" for place in range(len(codes))]
        nodes.append(helper.make_node("Concat", parts, [_CODES], axis=1))
    after = list(graph.node)
    del graph.node[:]
    graph.node.extend([*nodes, *after])
    model.opset_import.append(helper.make_opsetid("ai.onnx.ml", ML_OPSET))


def _one(place: int) -> Any:
    import numpy as np  # noqa: PLC0415

    return np.array([place], dtype=np.int64)
