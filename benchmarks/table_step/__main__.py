"""Times an optimizer step of the network for tables: `python -m benchmarks.table_step`.

Every part is computed by the kernel and by its definition in torch's own operations, in one process
and interleaved. The parts stand alone, so that they do not add up to the step: in it the kernel
runs the network as one call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from benchmarks import options, report
from benchmarks.table_step.cases import CASES, Case
from qimlp.bench.environment import setting
from qimlp.bench.formatting import seconds, times
from qimlp.bench.timing import interleave
from qimlp.models import TableNetwork
from qimlp.ops import column_embedding, member_head, member_layer, reason
from qimlp.ops.tables import layers
from qimlp.settings import OptimisationSettings
from qimlp.tasks import Classification
from qimlp.training.optim.build import build_optimizer
from qimlp.training.steps.direct import DirectStep

_HEADER = ("rows x columns", "part", "kernel", "spread", "definition")
_ROUNDS = 11

Call = Callable[[], object]


@contextmanager
def _definitions() -> Iterator[None]:
    """Compute by the definitions, as where there is no kernel."""
    fused, layers._FUSED = layers._FUSED, False
    try:
        yield
    finally:
        layers._FUSED = fused


def _by_definition(call: Call) -> Call:
    def run() -> None:
        with _definitions():
            call()

    return run


def _forward_and_back(compute: Callable[[], Tensor], learned: Sequence[Tensor]) -> Call:
    upstream = torch.ones_like(compute())
    return lambda: torch.autograd.grad(compute(), learned, upstream)


def parts_of(case: Case) -> dict[str, Call]:
    """Make what is timed: the parts forward and back, the step, and answers.

    Args:
        case: Sizes.

    Returns:
        Calls by name.
    """
    torch.manual_seed(0)
    network = TableNetwork(case.numbers, case.cardinalities, 2, **case.options)
    x, targets = case.rows(), torch.arange(case.batch) % 2
    embedding, (left, right, bias) = network.embedding, network.layer(0)
    drawn = (embedding.frequencies, embedding.weight, embedding.bias, embedding.categories)
    grids = embedding(x).detach().unsqueeze(0).requires_grad_()
    shape = (network.members, case.batch, *bias.shape[1:])
    inner = torch.randn(shape, requires_grad=True)
    flat = inner.detach().flatten(2).requires_grad_()
    share = network.config["dropout"]
    learned = [parameter for parameter in drawn if parameter is not None]
    optimizer = build_optimizer(network, OptimisationSettings())
    step = DirectStep(optimizer, network, Classification(("0", "1")), members=network.members)

    def answer() -> None:
        network.eval()
        with torch.no_grad():
            network(x)
        network.train()

    return {
        "embedding": _forward_and_back(
            lambda: column_embedding(x, *drawn, case.cardinalities), learned
        ),
        "first layer": _forward_and_back(
            lambda: member_layer(grids, left, right, bias, gelu=True, dropout=share),
            (grids, left, right, bias),
        ),
        "second layer": _forward_and_back(
            lambda: member_layer(inner, *network.layer(1), gelu=True, residual=True, dropout=share),
            (inner, *network.layer(1)),
        ),
        "head": _forward_and_back(
            lambda: member_head(flat, network.head, network.head_bias),
            (flat, network.head, network.head_bias),
        ),
        "step": lambda: step(x, targets),
        "answers": answer,
    }


def measure(case: Case, rounds: int) -> list[tuple[list[str], dict[str, Any]]]:
    """Time every part; return the table's rows and those of the JSON file."""
    found = []
    for name, call in parts_of(case).items():
        timings = interleave(
            {"kernel": call, "definition": _by_definition(call)},
            rounds=rounds,
            device=torch.device("cpu"),
        )
        kernel, factor = timings.median("kernel"), timings.speedup("kernel", "definition")
        cells = [str(case), name, seconds(kernel), f"{timings.spread('kernel'):.0%}", times(factor)]
        fields = {"case": str(case), "part": name, "seconds": kernel, "speedup": factor}
        found.append((cells, fields))
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; return its exit code."""
    parser = options.parser(
        "table_step", "Time an optimizer step of the network for tables.", rounds=_ROUNDS
    )
    given = parser.parse_args(arguments)
    device, dtype, rounds = options.resolve(parser, given)
    if device.type != "cpu" or dtype is not torch.float32:
        parser.error("expected --device cpu and --dtype float32, which the kernel is timed in")
    if not layers._FUSED:
        parser.error(reason())
    rows = [row for case in CASES for row in measure(case, rounds)]
    where = setting(device, dtype, rounds)
    report.print_heading("Step of the network for tables", where)
    report.print_table(_HEADER, [cells for cells, _ in rows])
    report.save(given.json, "table_step", where, [fields for _, fields in rows])
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
