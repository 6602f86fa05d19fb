"""A module as a program of torch.export, for any number of rows."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from numpy.typing import NDArray
from torch.export import Dim, ExportedProgram

from qimlp.export.runnable.probe import Probe
from qimlp.export.runnable.runnable import Runnable


def traced(runnable: Runnable, tried: Probe) -> ExportedProgram:
    """Trace a module.

    Args:
        runnable: The module.
        tried: Rows to trace it with; more than one, or their number would be taken for fixed.

    Returns:
        The program, for 1 row and more.
    """
    arguments = tuple(torch.from_numpy(tried.inputs[each.name][:3]) for each in runnable.inputs)
    rows = tuple({0: Dim("n", min=1)} for _ in arguments)
    with quiet(), torch.no_grad():
        return torch.export.export(runnable, arguments, dynamic_shapes={"inputs": rows})


@torch.inference_mode()
def run_program(program: ExportedProgram, tried: Probe) -> dict[str, NDArray[Any]]:
    """Run a program.

    Args:
        program: Of a `Runnable`.
        tried: The rows.

    Returns:
        Its outputs by name.
    """
    found = program.module()(*(torch.from_numpy(rows) for rows in tried.inputs.values()))
    return {name: tensor.numpy() for name, tensor in found.items()}


@contextmanager
def quiet() -> Iterator[None]:
    """Keep what torch says about its own inside to itself."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "torch.export", "onnxscript")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            for logger in loggers:
                logger.setLevel(logging.ERROR)
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
