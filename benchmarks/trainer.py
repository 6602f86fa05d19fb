"""Times a step of `qimlp train` beside the bare step of its network: `-m benchmarks.trainer`.

The trainer's step has what the bare one has (forward, loss, backward, AdamW, cleared gradients) and
besides a batch gathered from the data, label smoothing, the schedule and the averaged weights; one
row has the full-matrix optimizer in AdamW's place.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

import torch

from benchmarks import options, report
from benchmarks.blobs import blobs
from qimlp.bench.environment import setting
from qimlp.bench.formatting import seconds, times
from qimlp.bench.timing import interleave
from qimlp.bench.training_step import training_step
from qimlp.distributed.process_group import connect
from qimlp.predictor.network import build_network, layer_sizes
from qimlp.shapes import PAPER_WIDTHS
from qimlp.training import TrainSettings, resolve_settings
from qimlp.training.engine.loop import train_epoch
from qimlp.training.engine.open_step import open_step
from qimlp.training.engine.train_state import TrainState
from qimlp.training.opening.training_data import TrainingData
from qimlp.training.steps.step import Step

_TRAINER, _BARE = "trainer", "bare"
_EXAMPLES = 10_000
_HEADER = ("network", _TRAINER, _BARE, "ratio", "spread")
NETWORKS = (
    ("mnist", "2b", "adamw"),
    ("mnist", "3b", "adamw"),
    ("mnist", "4b", "adamw"),
    ("mnist", "4b", "full-matrix"),
    ("cifar10", "2b", "adamw"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; return its exit code."""
    parser = options.parser("trainer", "Time the trainer's step beside the bare one.", rounds=7)
    given = parser.parse_args(arguments)
    device, dtype, rounds = options.resolve(parser, given)
    if device.type != "cpu" or dtype != torch.float32:
        parser.error("the trainer is timed in float32 on the CPU")
    rows: list[dict[str, Any]] = []
    lines: list[list[str]] = []
    for data_set, model, optimizer in NETWORKS:
        calls, steps = _calls(data_set, model, optimizer)
        timings = interleave(calls, rounds=rounds, device=device)
        trainer, bare = (timings.median(name) / steps for name in (_TRAINER, _BARE))
        ratio, spread = timings.speedup(_BARE, over=_TRAINER), timings.spread(_TRAINER)
        label = f"{data_set} {model}" + ("" if optimizer == "adamw" else f", {optimizer}")
        rows.append(
            {"network": label, "trainer_s": trainer, "bare_s": bare, "ratio": ratio}
            | {"spread": spread}
        )
        lines.append([label, seconds(trainer), seconds(bare), times(ratio), f"{spread:.0%}"])
    where = setting(device, dtype, rounds)
    print("A step of the trainer: " + report.described(where))
    print(f"Ratio: {_TRAINER} over {_BARE} (1: the trainer adds nothing).\n")
    report.print_table(_HEADER, lines)
    report.save(given.json, "trainer", where, rows)
    return 0


def _calls(
    data_set: str, model: str, optimizer: str
) -> tuple[dict[str, Callable[[], object]], int]:
    """One epoch of the trainer, as many bare steps, and their number."""
    settings = resolve_settings(
        {"data": data_set, "model": model, "epochs": 10_000, "device": "cpu", "threads": 1}
        | {"order": "none", "optimizer": optimizer}
    )
    data = TrainingData(settings, blobs(_EXAMPLES, PAPER_WIDTHS[data_set][0]))
    processes = connect(settings.compute.device)
    batches = data.train_batches(processes)
    sizes = layer_sizes(
        settings.network,
        in_features=data.in_features,
        out_features=data.task.num_outputs,
        data_set=settings.data_name,
    )
    network = build_network(settings.network, sizes)
    train_state = TrainState(
        network, settings.optimisation, settings.compute, len(batches), processes
    )
    inputs, labels = next(iter(batches))
    step = training_step(build_network(settings.network, sizes), inputs, labels)

    def bare() -> None:
        for _ in range(len(batches)):
            step()

    take = open_step(train_state, batches, data.task, settings.optimisation, settings.compute)
    return {_TRAINER: _epoch(train_state, batches, take, settings), _BARE: bare}, len(batches)


def _epoch(
    train_state: TrainState, batches: Any, take: Step, settings: TrainSettings
) -> Callable[[], object]:
    def call() -> None:
        train_state.progress.step = 0
        train_state.progress.loss_sum.zero_()
        train_epoch(
            train_state,
            batches,
            take,
            batch_size=settings.optimisation.batch_size,
            log_every=settings.compute.log_every,
            should_stop=lambda: False,
            on_steps=lambda _: None,
        )

    return call


if __name__ == "__main__":
    sys.exit(main())
