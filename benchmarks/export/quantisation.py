"""Accuracy that integers cost on MNIST's test images: `-m benchmarks.export.quantisation`.

Integers are calibrated on images of the train part. Their outputs are those of the NumPy
simulation, which the C equals bit for bit (`tests/export/c`); bytes and instructions are those of
the C as built for and run on an emulated Cortex-M4, where the tools for that are installed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks import report
from benchmarks.export.boards import BOARDS, Network, missing, run, size
from qimlp.bench.environment import setting
from qimlp.data import DataSet, load
from qimlp.export.c.integers import integer_body
from qimlp.export.c.render import Program, all_texts
from qimlp.export.c.write import program_of
from qimlp.export.describe import describe
from qimlp.predictor import Predictor
from qimlp.training import fit, load_run, resolve_settings

NETWORKS = {"2b": 1, "3b": 4, "4b": 4}
"""Models of the paper, and their ranks."""

FORMATS = (("i8", "i8"), ("i4", "i8"), ("i8", "i16"), ("i4", "i16"))
"""Weights and activations."""

_HEADER = (
    *("network", "parameters", "weights/activations", "accuracy", "in integers", "loss, points"),
    *("same class", "flash", "static RAM", "stack", "instructions"),
)
_MEASURED = ("flash", "ram", "stack", "instructions")
_CALIBRATION = 1024


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; return its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.export.quantisation",
        description="Accuracy that integers cost on MNIST.",
    )
    parser.add_argument("--data-dir", help="folder of mnist; default: QIMLP_DATA")
    parser.add_argument("--epochs", type=int, default=5, help="of training (default: 5)")
    parser.add_argument("--runs", type=Path, metavar="DIR", help="run folders named 2b, 3b and 4b")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there too")
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    images = load("mnist", data_dir=given.data_dir, streaming=False)
    rows: list[dict[str, Any]] = []
    for model, rank in NETWORKS.items():
        trained = _trained(model, rank, given)
        for weights, activations in FORMATS:
            name = {"network": f"{model} rank {rank}"}
            rows.append(name | _row(trained, images, weights, activations))
            print(" ".join(_line(rows[-1])), file=sys.stderr, flush=True)
    where = setting(torch.device("cpu"), torch.float32, 1)
    print("Integers on MNIST's test images: " + report.described(where))
    print("Bytes and instructions: Cortex-M4, -Os.\n")
    report.print_table(_HEADER, [_line(row) for row in rows])
    report.save(given.json, "quantisation", where, rows)
    return 0


def _trained(model: str, rank: int, given: argparse.Namespace) -> Predictor:
    if given.runs is not None:
        return load_run(given.runs / model, device="cpu").predictor
    chosen = {"data": "mnist", "model": model, "rank": rank, "epochs": given.epochs}
    here = {"data_dir": given.data_dir, "device": "cpu", "threads": 1}
    with tempfile.TemporaryDirectory() as folder:
        result = fit(resolve_settings({**chosen, **here}), out=Path(folder))
        return load_run(result.folder, device="cpu").predictor


def _row(trained: Predictor, images: DataSet, weights: str, activations: str) -> dict[str, Any]:
    description = describe(trained)
    rows = images.train.inputs[:: len(images.train.inputs) // _CALIBRATION].double().numpy()
    body = integer_body(
        description,
        "net",
        weights=weights,
        activations=activations,
        input_type="uint8_t",
        calibration=rows,
    )
    tests = images.test.inputs.numpy()
    right = np.asarray(images.test.labels)
    exact = np.concatenate([_classes(description.outputs(x)) for x in np.array_split(tests, 20)])
    found = np.concatenate([_classes(body.outputs(x)) for x in np.array_split(tests, 20)])
    row = {
        "parameters": description.parameters,
        "weights": weights,
        "activations": activations,
        "accuracy": float((exact == right).mean()),
        "integer_accuracy": float((found == right).mean()),
        "same": float((exact == found).mean()),
    }
    if missing() is None:
        program = program_of(description, "net", body, rows)
        row |= _on_board(program, tests[:1])
    return row


def _classes(outputs: NDArray[Any]) -> NDArray[np.int64]:
    return outputs.argmax(axis=1)


def _on_board(program: Program, rows: NDArray[Any]) -> dict[str, Any]:
    """What the C takes on a Cortex-M4."""
    board = next(board for board in BOARDS if board.name == "M4")
    with tempfile.TemporaryDirectory() as folder:
        for file, text in all_texts(program):
            (Path(folder) / file).write_text(text)
        network = Network(Path(folder), "net", "uint8", "int32", program.features, program.outputs)
        bytes_, ran = size(network, board), run(network, rows, board)
    return {
        "flash": bytes_.flash,
        "ram": bytes_.ram,
        "stack": ran.stack,
        "instructions": float(ran.instructions[0]),
    }


def _line(row: dict[str, Any]) -> list[str]:
    loss = 100 * (row["accuracy"] - row["integer_accuracy"])
    measured = (f"{row[key]:,.0f}" if key in row else "-" for key in _MEASURED)
    return [
        row["network"],
        f"{row['parameters']:,}",
        f"{row['weights']}/{row['activations']}",
        f"{row['accuracy']:.4f}",
        f"{row['integer_accuracy']:.4f}",
        f"{loss:.2f}",
        f"{100 * row['same']:.2f} %",
        *measured,
    ]


if __name__ == "__main__":
    sys.exit(main())
