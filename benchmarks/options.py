"""The command-line options that all benchmark programs share."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

_DTYPES = {
    "float32": torch.float32,
    "float64": torch.float64,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}
_QUICK_ROUNDS = 3


def parser(program: str, description: str, *, rounds: int) -> argparse.ArgumentParser:
    """Return a parser with the shared options."""
    options = argparse.ArgumentParser(
        prog=f"python -m benchmarks.{program}", description=description
    )
    options.add_argument("--device", default="cpu", help="cpu or cuda (default: cpu)")
    options.add_argument("--dtype", default="float32", choices=_DTYPES, help="default: float32")
    options.add_argument(
        "--rounds", type=int, default=rounds, help=f"samples of each callable (default: {rounds})"
    )
    options.add_argument(
        "--quick", action="store_true", help=f"{_QUICK_ROUNDS} rounds: rough numbers"
    )
    options.add_argument("--json", type=Path, metavar="FILE", help="write the results there too")
    return options


def resolve(
    options: argparse.ArgumentParser, given: argparse.Namespace
) -> tuple[torch.device, torch.dtype, int]:
    """Return device, dtype and rounds; end the program with one line where one cannot be had."""
    rounds = _QUICK_ROUNDS if given.quick else given.rounds
    if rounds < 2:
        options.error(f"--rounds: expected at least 2, got {rounds}")
    try:
        device = torch.device(given.device)
    except RuntimeError:
        options.error(f"--device: expected cpu or cuda, got {given.device}")
    if device.type not in ("cpu", "cuda"):
        options.error(f"--device: expected cpu or cuda, got {given.device}")
    if device.type == "cuda" and not torch.cuda.is_available():
        options.error("--device: torch finds no CUDA device here; use --device cpu")
    if given.json is not None and not given.json.resolve().parent.is_dir():
        options.error(f"--json: the folder of {given.json} does not exist; create it first")
    torch.set_num_threads(1)
    return device, _DTYPES[given.dtype], rounds
