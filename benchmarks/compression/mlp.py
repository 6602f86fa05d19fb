"""Compresses a classic MLP on images: `python -m benchmarks.compression.mlp`.

For every ratio: low rank, Kronecker form and `form="auto"`, fitted to data and to weights alone,
as fitted and after one epoch of distillation over the train images. Beside them magnitude pruning
of the same bytes, weights rounded to int8, and torch's own int8. QIMLP_DATA names the data folder.
"""

from __future__ import annotations

import argparse
import copy
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import torch
from torch import nn

from benchmarks import report
from benchmarks.compression.rivals import BYTES, dynamic_int8, pruned, rounded
from benchmarks.compression.subjects import SUBJECTS, Images, images, trained
from qimlp.bench.environment import setting
from qimlp.bench.timing import interleave
from qimlp.compression import CompressionConfig
from qimlp.training import compress_, distill

_FORMS = ("low_rank", "kronecker", "auto", "pruned")
_CALIBRATION_ROWS, _BATCH = 8192, 64
_LR_PER_RATIO, _MOST_LR = 5e-5, 2e-2  # chosen on a dev part: the fewer parameters, the larger steps
_TIMED_ROWS = 256
_HEADER = ("ratio", "form", "fitted to", "reached", "as fitted", "tuned", "times as fast", "seeds")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; return its exit code."""
    given = _parser().parse_args(arguments)
    torch.set_num_threads(1)
    subject = SUBJECTS[given.data]
    data = images(subject, dev=given.dev)
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) if given.keep is None else given.keep
        for seed in given.seeds:
            network = trained(subject, data, seed, folder)
            rows.append({"seed": seed, "form": "dense", "tuned": data.accuracy(network)})
            print(f"seed {seed}: dense {rows[-1]['tuned']:.4f}", file=sys.stderr)
            rows += [{"seed": seed, **row} for row in _in_int8(network, data)]
            for row in _compressed(network, data, given, seed):
                rows.append({"seed": seed, **row})
                print(row, file=sys.stderr, flush=True)
    where = setting(torch.device("cpu"), torch.float32, 5)
    judged = "5,000 train images left out" if given.dev else "test set"
    print(f"{given.data}, MLP {'-'.join(map(str, subject.widths))}, accuracy on the {judged}:")
    print(report.described(where) + "\n")
    report.print_table(_HEADER, list(_lines(rows)))
    report.save(given.json, "compression.mlp", {"data": given.data, "judged": judged} | where, rows)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.compression.mlp",
        description="Compress a classic MLP on images: accuracy against parameters and time.",
    )
    parser.add_argument("--data", choices=SUBJECTS, default="mnist", help="default: mnist")
    parser.add_argument("--ratios", type=float, nargs="+", default=[20.0, 50.0, 100.0, 350.0])
    parser.add_argument("--forms", nargs="+", choices=_FORMS, default=list(_FORMS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--aware-only", action="store_true", help="no fits to the weights alone")
    parser.add_argument(
        "--dev", action="store_true", help="judge on train images that are left out: to choose"
    )
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep the trained MLPs there")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there too")
    return parser


def _in_int8(network: nn.Sequential, data: Images) -> Iterator[dict[str, Any]]:
    """One row for rounded weights, one for what torch makes of the network."""
    small, size = rounded(network)
    ratio = _bytes(network) / size
    yield {"form": "int8", "ratio": ratio, "reached": ratio, "fitted": data.accuracy(small)}
    quick = dynamic_int8(network)
    yield {
        "form": "torch int8",
        "ratio": ratio,
        "fitted": data.accuracy(quick),
        "speed": _speed(network, quick),
    }


def _compressed(
    network: nn.Sequential, data: Images, given: argparse.Namespace, seed: int
) -> Iterator[dict[str, Any]]:
    """One row for every way to compress a network."""
    for ratio in given.ratios:
        for form in (each for each in given.forms if each != "pruned"):
            for aware in (True,) if given.aware_only else (True, False):
                named = {"ratio": ratio, "form": form, "fitted_to": "data" if aware else "weights"}
                yield named | _compress(network, data, ratio, form, seed, aware=aware)
        if "pruned" in given.forms:
            yield {"ratio": ratio, "form": "pruned"} | _prune(network, data, ratio, seed)


def _compress(
    network: nn.Sequential, data: Images, ratio: float, form: Any, seed: int, *, aware: bool
) -> dict[str, Any]:
    student = copy.deepcopy(network)
    config = CompressionConfig(ratio=ratio, form=form, seed=seed)
    calibration = data.batches(seed, _BATCH)[: _CALIBRATION_ROWS // _BATCH] if aware else None
    start = time.perf_counter()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of a fit without data, as asked for
            found = compress_(student, config, calibration=calibration)
    except ValueError as error:
        return {"left_out": str(error)}
    seconds = time.perf_counter() - start
    row = {
        "reached": found.ratio,
        "parameters": found.parameters_after,
        "forms": [f"{layer.form} {layer.in_dims}x{layer.rank}" for layer in found.layers],
        "notes": list(found.notes),
        "seconds": seconds,
        "speed": _speed(network, student),
        "fitted": data.accuracy(student),
    }
    return row | _tuned(student, network, data, ratio, seed)


def _prune(network: nn.Sequential, data: Images, ratio: float, seed: int) -> dict[str, Any]:
    try:
        student = pruned(network, int(_bytes(network) / ratio))
    except ValueError as error:
        return {"left_out": str(error)}
    row = {"reached": ratio, "fitted": data.accuracy(student)}
    return row | _tuned(student, network, data, ratio, seed)


def _tuned(
    student: nn.Module, teacher: nn.Module, data: Images, ratio: float, seed: int
) -> dict[str, float]:
    """One epoch of distillation."""
    start = time.perf_counter()
    rate = min(_LR_PER_RATIO * ratio, _MOST_LR)
    distill(student, teacher, data.batches(seed + 1000, _BATCH), loss="kl", lr=rate)
    return {"tuned": data.accuracy(student), "tuning_seconds": time.perf_counter() - start}


def _bytes(network: nn.Module) -> int:
    return BYTES * sum(parameter.numel() for parameter in network.parameters())


def _speed(dense: nn.Module, small: nn.Module) -> float:
    """Time of the dense network's forward pass over the small one's."""
    inputs = torch.randn(_TIMED_ROWS, next(dense.parameters()).shape[1])
    calls = {"dense": lambda: dense(inputs), "small": lambda: small(inputs)}
    with torch.no_grad():
        return interleave(calls, rounds=5, device=inputs.device).speedup("small", over="dense")


def _lines(rows: Sequence[dict[str, Any]]) -> Iterator[list[str]]:
    """Lines of the table: mean and spread over the seeds."""
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in rows:
        ratio = 4.0 if row["form"].endswith("int8") else row.get("ratio", 1.0)
        groups.setdefault((ratio, row["form"], row.get("fitted_to", "")), []).append(row)
    for (ratio, form, fitted_to), group in sorted(groups.items(), key=lambda each: each[0][0]):
        if any("left_out" in row for row in group):
            yield [f"{ratio:g}", form, fitted_to, "-", "not reached", "-", "-", str(len(group))]
            continue
        cells = [_spread(group, key, digits) for key, digits in _COLUMNS]
        yield [f"{ratio:g}", form, fitted_to, *cells, str(len(group))]


_COLUMNS = (("reached", 1), ("fitted", 4), ("tuned", 4), ("speed", 1))


def _spread(group: Sequence[dict[str, Any]], key: str, digits: int) -> str:
    values = [row[key] for row in group if key in row]
    if not values:
        return "-"
    spread = f" +- {stdev(values):.{digits}f}" if len(values) > 1 and digits > 1 else ""
    return f"{mean(values):.{digits}f}{spread}"


if __name__ == "__main__":
    sys.exit(main())
