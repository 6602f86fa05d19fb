"""Networks as int8 C by qimlp.export: what they cost on a Cortex-M4, and what their C answers."""

from __future__ import annotations

import ctypes
import tempfile
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.export.boards import BOARDS, Network, size
from benchmarks.export.comparison.compiled import shared_library
from benchmarks.export.comparison.data import Array, Data
from benchmarks.export.comparison.networks import Trained
from qimlp.data import Scaling
from qimlp.export import to_c
from qimlp.predictor import Features, Predictor
from qimlp.tasks import Classification

_NAME, _CALIBRATION_ROWS = "model", 1000
_BOARD = next(board for board in BOARDS if board.name == "M4")
_CODE = 1500  # bytes of a CNN's loops: convolution, mean, dense layer; an estimate


@dataclass(frozen=True)
class Exported:
    """What a network costs in bytes, and how good it is in integers."""

    flash: int
    ram: int
    accuracy: float
    estimated: bool = False


def estimated(trained: Trained, data: Data) -> Exported:
    """Count a CNN's bytes, which no exporter here writes as C.

    Flash is weights in int8, biases in int32 and 1.5 kB of code. RAM is the two largest maps that
    follow each other, in int8; the input is the caller's. Accuracy is with weights of int8.
    """
    weights = sum(parameter.numel() for parameter in trained.network.parameters())
    biases = sum(each.numel() for each in trained.network.parameters() if each.dim() == 1)
    maps: list[int] = []

    def note(_: nn.Module, __: tuple[Tensor, ...], made: Tensor) -> None:
        maps.append(made[0].numel())

    hooks = [
        layer.register_forward_hook(note)
        for layer in trained.network.modules()
        if isinstance(layer, nn.Conv1d | nn.Conv2d | nn.Linear)
    ]
    with torch.no_grad():
        trained.network(trained.inputs(data.dev.rows[:1]))
    for hook in hooks:
        hook.remove()
    ram = max(first + second for first, second in pairwise(maps))
    trained.round_()
    return Exported(weights + 3 * biases + _CODE, ram, trained.accuracy(data.test), estimated=True)


def exported(trained: Trained, data: Data) -> Exported:
    """Write a network as C with integer weights and activations, compile it and ask it."""
    pixels = data.train.rows.dtype == np.uint8
    kinds = ("uint8", "int32") if pixels else ("float32", "int32")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "c"
        to_c(
            _predictor(trained, data),
            folder,
            name=_NAME,
            weights="i8",
            activations="i8",
            input="u8" if pixels else "f32",
            calibration=data.train.rows[:_CALIBRATION_ROWS],
        )
        cost = size(Network(folder, _NAME, *kinds, data.features, data.classes), _BOARD)
        outputs = _outputs(folder, data.test.rows.astype(kinds[0]), data.classes)
    accuracy = float((outputs.argmax(axis=1) == data.test.labels).mean())
    return Exported(cost.flash, cost.ram, accuracy)


def _predictor(trained: Trained, data: Data) -> Predictor:
    pixels = data.train.rows.dtype == np.uint8
    shift, scale = (tuple(map(float, each)) for each in (trained.shift, trained.scale))
    kind = "overall" if pixels else "standardize"
    return Predictor(
        network=trained.network,
        task=Classification(tuple(map(str, range(data.classes)))),
        features=Features(),
        scaling=Scaling(kind, data.features, shift, scale),
        feature_shape=(28, 28) if pixels else (data.features,),
    )


def _outputs(folder: Path, rows: Array, classes: int) -> Array:
    """Ask the C, compiled for this machine, for the logits of rows."""
    library = shared_library(folder / f"{_NAME}.c", folder)
    predict: Any = ctypes.CDLL(str(library)).model_predict
    predict.argtypes = (ctypes.c_void_p, ctypes.c_void_p)
    rows = np.ascontiguousarray(rows)
    outputs = np.zeros((len(rows), classes), np.int32)
    for row in range(len(rows)):
        into = outputs.ctypes.data + row * outputs.strides[0]
        predict(rows.ctypes.data + row * rows.strides[0], into)
    return outputs
