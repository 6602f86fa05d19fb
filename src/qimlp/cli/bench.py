"""`qimlp bench`: is the layer worth it, for this shape and on this machine?"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from qimlp.bench import (
    BOTH,
    LINEAR,
    MLP,
    OURS,
    STEPS,
    TABLE,
    Case,
    ExtraMemory,
    Machine,
    MeasuredLayer,
    MeasuredStep,
    answer,
    measure_extra_memory,
    measure_layer,
    measure_step,
    require_memory,
    seconds,
    setting,
    times,
)
from qimlp.cli.output.console import make_table, open_console
from qimlp.files import write_json
from qimlp.ops import reason
from qimlp.settings import MOST_THREADS, parse_dims
from qimlp.shapes import KroneckerShape, plan

_DTYPES = ("float32", "float64", "bfloat16", "float16")
_ROUNDS, _QUICK_ROUNDS = 11, 3
_COLUMNS = ("case", "mode", "method", OURS, f"over {LINEAR}", "x floor", "memory")
_STEP_COLUMNS = ("training step", OURS, f"over {MLP}", "x floor")


def bench_command(
    *,
    dims: Annotated[
        str | None,
        typer.Option(help='Bodies of input and output of your layer, such as "28x28,28x28".'),
    ] = None,
    in_features: Annotated[int | None, typer.Option("--in", help="Or its input width,")] = None,
    out_features: Annotated[int | None, typer.Option("--out", help="and output width.")] = None,
    factors: Annotated[
        int | None, typer.Option(help="Number of factors for --in and --out; 2 by default.")
    ] = None,
    rank: Annotated[
        int | None, typer.Option(help="Number of summed Kronecker products; 1 by default.")
    ] = None,
    batch: Annotated[int | None, typer.Option(help="Rows of your input; 50 by default.")] = None,
    dtype: Annotated[str, typer.Option(help=f"{', '.join(_DTYPES)}.")] = "float32",
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    threads: Annotated[int, typer.Option(help="CPU threads.")] = 1,
    quick: Annotated[bool, typer.Option("--quick", help="Few samples: rough numbers.")] = False,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the figures to this file, too.")
    ] = None,
) -> None:
    """Time your layer, or a table of layers, against nn.Linear and the machine's floor."""
    own, note = _own_case(dims, in_features, out_features, factors, rank, batch)
    machine = Machine(_device(device), _dtype(dtype))
    if not 1 <= threads <= MOST_THREADS:
        raise ValueError(f"--threads: expected 1 to {MOST_THREADS}, got {threads}")
    if json_file is not None and not json_file.resolve().parent.is_dir():
        raise ValueError(f"--json: the folder of {json_file} does not exist; create it first")
    rounds = _QUICK_ROUNDS if quick else _ROUNDS
    for case in TABLE if own is None else (own,):
        require_memory(case, machine.device, machine.dtype)
    console = open_console()
    with _threads(threads):
        where = setting(machine.device, machine.dtype, rounds)
        try:
            if own is None:
                figures = _bench_table(console, machine, rounds)
            else:
                figures = _bench_own(console, machine, rounds, own)
        except RuntimeError as error:  # torch has no other class for it on the CPU
            if "memory" not in str(error):
                raise
            why = str(error).splitlines()[0]
            raise ValueError(f"{why}; take a smaller batch or layer") from error
    if note:
        console.print(f"Of these bodies the planner says: {note}.", markup=False, soft_wrap=True)
    for line in (
        ", ".join(f"{key} {value}" for key, value in where.items()),
        f"{reason()[0].upper()}{reason()[1:]}.",
    ):
        console.print(line, markup=False, soft_wrap=True)
    if json_file is not None:
        write_json(json_file, {"setting": where, "kernel": reason(), **figures})
        console.print(f"Figures: {json_file}", markup=False, soft_wrap=True)


def _bench_table(console: Console, machine: Machine, rounds: int) -> dict[str, Any]:
    """Measure everything, then print; so a wrong result prints nothing."""
    layers: list[MeasuredLayer] = []
    steps: list[MeasuredStep] = []
    with _progress(sum(len(case.modes) for case in TABLE) + len(STEPS) + 1) as advance:
        for case in TABLE:
            advance(case.label, 0)
            for measured in measure_layer(case, machine, rounds):
                layers.append(measured)
                advance(case.label, 1)
        for step in STEPS:
            advance(step.label, 0)
            steps.append(measure_step(step, machine, rounds))
            advance(step.label, 1)
        cases = [case for case in TABLE if BOTH in case.modes]
        advance("memory", 0)
        extra = dict(zip(cases, _memory(cases, machine, OURS), strict=True))
        advance("memory", 1)
    _print_layers(console, layers, extra)
    table = make_table("", _STEP_COLUMNS)
    for taken in steps:
        ratio = times(taken.speedups[MLP])
        floor = times(taken.multiple_of_floor)
        table.add_row(taken.step.label, seconds(taken.seconds), ratio, floor)
    console.print(table)
    return {
        "layers": [_fields(measured, extra) for measured in layers],
        "steps": [taken.fields() for taken in steps],
    }


def _bench_own(console: Console, machine: Machine, rounds: int, case: Case) -> dict[str, Any]:
    with _progress(4) as advance:
        advance(case.label, 0)
        layers = []
        for measured in measure_layer(case, machine, rounds):
            layers.append(measured)
            advance(case.label, 1)
        memory: dict[str, ExtraMemory | None] = {}
        for name in (OURS, LINEAR):
            if name in layers[0].timings.samples:
                memory[name] = _memory([case], machine, name)[0]
            advance("memory", 1)
    extra = {case: memory[OURS]}
    _print_layers(console, layers, extra)
    lines = answer({measured.mode: measured for measured in layers}, memory)
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)
    console.print()
    return {"layers": [_fields(measured, extra) for measured in layers], "answer": lines}


def _memory(cases: list[Case], machine: Machine, name: str) -> list[ExtraMemory | None]:
    return measure_extra_memory(
        cases,
        device=machine.device,
        dtype=machine.dtype,
        threads=torch.get_num_threads(),
        contestant=name,
    )


def _print_layers(
    console: Console, layers: list[MeasuredLayer], extra: dict[Case, ExtraMemory | None]
) -> None:
    table = make_table("", _COLUMNS, left=3)
    for measured in layers:
        memory = extra.get(measured.case) if measured.mode == BOTH else None
        ratio = measured.speedups.get(LINEAR)
        table.add_row(
            measured.case.label,
            measured.mode,
            measured.method,
            seconds(measured.seconds),
            "-" if ratio is None else times(ratio),
            times(measured.multiple_of_floor),
            "-" if memory is None else times(memory.multiple),
        )
    console.print(table)
    for line in (
        f"over {LINEAR}: its time over that of {OURS}; above 1 {OURS} is faster.",
        "x floor: time over the least that the arithmetic and the data could take here.",
        "memory: peak of forward and backward over the size of output and input gradient.",
    ):
        console.print(line, markup=False, soft_wrap=True)


def _fields(measured: MeasuredLayer, extra: dict[Case, ExtraMemory | None]) -> dict[str, Any]:
    fields = measured.fields()
    memory = extra.get(measured.case)
    if measured.mode == BOTH and memory is not None:
        fields["extra_peak_bytes"] = memory.peak_bytes
        fields["extra_peak_rows"] = memory.rows
        fields["extra_peak_over_results"] = memory.multiple
    return fields


def _own_case(
    dims: str | None,
    in_features: int | None,
    out_features: int | None,
    factors: int | None,
    rank: int | None,
    batch: int | None,
) -> tuple[Case | None, str]:
    """The user's own layer and what the planner remarks about it; None for the table."""
    rows = 50 if batch is None else batch
    if rows < 1:
        raise ValueError(f"--batch: expected at least 1, got {rows}")
    copies = 1 if rank is None else rank
    if dims is not None:
        if (in_features, out_features, factors) != (None, None, None):
            raise ValueError("--dims says it all: leave out --in, --out and --factors")
        bodies = parse_dims(dims)
        if len(bodies) != 2:
            raise ValueError(
                f'--dims {dims!r}: expected the bodies of input and output, such as "28x28,28x28"'
            )
        inside, outside = bodies
        return Case(KroneckerShape(inside, outside, copies), rows), ""
    if in_features is not None and out_features is not None:
        first = plan(in_features, out_features, factors or 2, copies, batch=rows, limit=1)[0]
        return Case(KroneckerShape(first.in_dims, first.out_dims, copies), rows), first.note
    if (in_features, out_features, factors, rank, batch) != (None,) * 5:
        raise ValueError(
            "expected a layer: --in and --out, or --dims; without --in, --out, --factors, --rank "
            "and --batch a table of layers is timed"
        )
    return None, ""


def _dtype(name: str) -> torch.dtype:
    if name not in _DTYPES:
        raise ValueError(f"--dtype: expected one of {', '.join(_DTYPES)}, got {name!r}")
    dtype: torch.dtype = getattr(torch, name)
    return dtype


def _device(name: str) -> torch.device:
    try:
        device = torch.device(name)
    except RuntimeError:
        device = torch.device("meta")
    if device.type not in ("cpu", "cuda"):
        raise ValueError(f"--device: expected cpu or cuda, got {name!r}")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        count = torch.cuda.device_count()
        raise ValueError(
            f"--device {name}: torch finds {count} CUDA devices here; try --device cpu"
        )
    return device


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Let torch compute on so many threads meanwhile."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _progress(total: int) -> Iterator[Any]:
    """A bar on standard error, if that is a terminal; gives what moves it."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(24), MofNCompleteColumn())
    with Progress(
        *columns,
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as bars:
        task = bars.add_task("", total=total)

        def advance(description: str, steps: int) -> None:
            bars.update(task, description=description, advance=steps)

        yield advance
