"""Exported MNIST networks on emulated microcontrollers: `-m benchmarks.export.cortex`.

Each network is trained for a moment, or read from a run, and exported in integers with weights of 8
and 4 bits. Its outputs on the boards are held against the simulation before anything is printed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks import report
from benchmarks.export import boards
from benchmarks.export.limits import LIMITS
from qimlp.bench.environment import setting
from qimlp.data import load
from qimlp.export.c.integers import integer_body
from qimlp.export.c.render import all_texts
from qimlp.export.c.write import program_of
from qimlp.export.describe import describe
from qimlp.predictor import Predictor
from qimlp.training import fit, load_run, resolve_settings

Rows = NDArray[Any]

NETWORKS = {"2b": 1, "3b": 4, "4b": 4}
"""Models and their ranks."""
LEVELS = ("-Os", "-O2")
FIGURES = ("flash", "ram", "stack", "instructions")
_HEADER = ("network", "weights", "processor", "level", *FIGURES, "wanted", "")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; return its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.export.cortex", description="Exported C on Cortex-M."
    )
    parser.add_argument("--data-dir", help="folder of mnist; default: QIMLP_DATA")
    parser.add_argument(
        "--runs", nargs="+", type=Path, metavar="RUN", help="run folders to take, not to train"
    )
    parser.add_argument("--epochs", type=int, default=1, help="of training (default: 1)")
    parser.add_argument("--images", type=int, default=20, help="test images (default: 20)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there too")
    given = parser.parse_args(arguments)
    if (reason := boards.missing()) is not None:
        print(f"Nothing is measured: {reason}")
        return 0
    torch.set_num_threads(1)
    images = load("mnist", data_dir=given.data_dir, streaming=False)
    x = images.test.inputs[: given.images].numpy()
    calibration = images.train.inputs[:1024].double().numpy()
    rows: list[dict[str, Any]] = []
    with TemporaryDirectory() as folder:
        runs = given.runs or _trained(given.data_dir, given.epochs, Path(folder) / "runs")
        for number, run in enumerate(runs):
            for weights in ("i8", "i4"):
                place = Path(folder) / f"c{number}{weights}"
                rows += measured(run, weights, place, x, calibration)
    return _print(rows, given)


def _trained(data_dir: str | None, epochs: int, folder: Path) -> list[Path]:
    chosen = {"data": "mnist", "epochs": epochs, "device": "cpu", "threads": 1}
    if data_dir is not None:
        chosen["data_dir"] = data_dir
    return [
        fit(resolve_settings({**chosen, "model": model, "rank": rank}), out=folder / model).folder
        for model, rank in NETWORKS.items()
    ]


def measured(run: Path, weights: str, folder: Path, x: Rows, train: Rows) -> list[dict[str, Any]]:
    """Export a run's network and measure it on every board at every level.

    Args:
        run: Folder of the run.
        weights: `"i8"` or `"i4"`.
        folder: To be made, for the C.
        x: Raw examples, of shape (n, features).
        train: Raw examples to calibrate on.

    Returns:
        A row for each board and level.

    Raises:
        SystemExit: If an output is not the simulation's, or the self-test fails.
    """
    loaded = load_run(run, device="cpu")
    network, expected = _exported(loaded.predictor, weights, folder, x, train)
    rows = []
    for board in boards.BOARDS:
        for level in LEVELS:
            where = (loaded.settings.model, weights, board.name, level)
            found = boards.run(network, x, board, level)
            if not np.array_equal(found.outputs, expected):
                raise SystemExit(f"{' '.join(where)}: outputs are not those of the simulation")
            if boards.self_test(network, board, level) != 0:
                raise SystemExit(f"{' '.join(where)}: the self-test fails")
            rows.append(_row(where, boards.size(network, board, level), found))
    return rows


def _exported(
    predictor: Predictor, weights: str, folder: Path, x: Rows, train: Rows
) -> tuple[boards.Network, Rows]:
    """Write the C; returns where, and what it computes for the examples."""
    description = describe(predictor)
    body = integer_body(
        description,
        "net",
        weights=weights,
        activations="i8",
        input_type="uint8_t",
        calibration=train,
    )
    folder.mkdir()
    for file, text in all_texts(program_of(description, "net", body, train)):
        (folder / file).write_text(text, encoding="ascii")
    sizes = (description.in_features, description.num_outputs)
    return boards.Network(folder, "net", "uint8", "int32", *sizes), body.outputs(x)


def _row(where: tuple[str, str, str, str], size: boards.Size, found: boards.Run) -> dict[str, Any]:
    figures = {
        "flash": size.flash,
        "ram": size.ram,
        "stack": found.stack,
        "instructions": int(found.instructions.max()),
    }
    wanted = LIMITS.get(where, {})
    met = all(figures[figure] <= most for figure, most in wanted.items())
    return {
        **dict(zip(_HEADER, where, strict=False)),
        **figures,
        "wanted": wanted,
        "verdict": report.verdict(met) if wanted else "",
    }


def _print(rows: list[dict[str, Any]], given: argparse.Namespace) -> int:
    where = setting(torch.device("cpu"), torch.float32, given.images)
    print(f"Exported MNIST networks, {given.images} images, outputs those of the simulation.\n")
    lines = [
        [
            *(str(row[key]) for key in _HEADER[:4]),
            *(f"{row[figure]:,}" for figure in FIGURES),
            ", ".join(f"{figure} {most:,}" for figure, most in row["wanted"].items()),
            row["verdict"],
        ]
        for row in rows
    ]
    report.print_table(_HEADER, lines)
    report.save(given.json, "export.cortex", where, rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
