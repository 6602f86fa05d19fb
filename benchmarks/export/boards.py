"""Exported C on emulated microcontrollers: outputs, instructions, bytes of flash, RAM and stack.

Built by `arm-none-eabi-gcc`, run by `qemu-system-arm`, both from the system's packages (Debian:
`gcc-arm-none-eabi`, `qemu-system-arm`). Under `-icount shift=0` an instruction of the emulated
processor lasts a nanosecond, so that its timer counts instructions.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FIRMWARE = Path(__file__).parent / "firmware"
COMPILER, SIZE, EMULATOR = "arm-none-eabi-gcc", "arm-none-eabi-size", "qemu-system-arm"
WARNINGS = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic")


@dataclass(frozen=True)
class Board:
    """A processor and a machine of the emulator that has it, or one of the same instructions.

    Attributes:
        name: Of the processor.
        cpu: As the compiler calls it.
        machine: As the emulator calls it.
        ram: Bytes of it.
        tick: Instructions while its timer moves by one.
    """

    name: str
    cpu: str
    machine: str
    ram: int
    tick: float


BOARDS = (
    Board("M0+", "cortex-m0plus", "microbit", 16 << 10, 62.5),
    Board("M4", "cortex-m4", "mps2-an386", 256 << 10, 40),
    Board("M7", "cortex-m7", "mps2-an500", 256 << 10, 40),
)
"""No machine of the emulator has a Cortex-M0+; the M0 of `microbit` runs the same instructions."""


@dataclass(frozen=True)
class Network:
    """An exported network's C.

    Attributes:
        folder: Where `NAME.c`, `NAME.h` and `NAME_test.c` lie.
        name: Of the network.
        input: Type of a feature, `uint8` or `float32`.
        output: Type of an output, `int32` or `float32`.
        features: Number of inputs.
        outputs: Number of outputs.
    """

    folder: Path
    name: str
    input: str
    output: str
    features: int
    outputs: int


@dataclass(frozen=True)
class Size:
    """Bytes of a compiled `NAME.c`.

    Attributes:
        flash: Code and constants.
        ram: Static variables.
    """

    flash: int
    ram: int


@dataclass(frozen=True, eq=False)
class Run:
    """What a board computed.

    Attributes:
        outputs: Of shape (n, outputs).
        instructions: Of each example; the timer is as fine as `Board.tick`.
        stack: Most bytes of stack that a call took.
    """

    outputs: NDArray[np.generic]
    instructions: NDArray[np.float64]
    stack: int


def missing() -> str | None:
    """Say why nothing can be measured here; None where all tools are there."""
    absent = [tool for tool in (COMPILER, SIZE, EMULATOR) if shutil.which(tool) is None]
    return f"no {', '.join(absent)} on the PATH" if absent else None


def size(network: Network, board: Board, level: str = "-Os") -> Size:
    """Compile `NAME.c` and measure its sections.

    Args:
        network: Exported.
        board: For which processor.
        level: Of optimisation.

    Returns:
        Bytes of flash and RAM, without what other files and libraries add.
    """
    with tempfile.TemporaryDirectory() as folder:
        compiled = Path(folder) / "network.o"
        _compile([network.folder / f"{network.name}.c"], board, level, compiled, "-c", *WARNINGS)
        sections = _run([SIZE, "-A", str(compiled)]).splitlines()
    sizes = [line.split() for line in sections if line.startswith(".")]
    totals = {
        kinds: sum(int(line[1]) for line in sizes if line[0].startswith(kinds))
        for kinds in ((".text", ".rodata", ".data"), (".data", ".bss"))
    }
    flash, ram = totals.values()
    return Size(flash, ram)


def self_test(network: Network, board: Board, level: str = "-Os") -> int:
    """Run `NAME_test.c`.

    Args:
        network: Exported.
        board: Where.
        level: Of optimisation.

    Returns:
        Its exit code: 0 where all outputs agree.
    """
    sources = [network.folder / f"{network.name}.c", network.folder / f"{network.name}_test.c"]
    with tempfile.TemporaryDirectory() as folder:
        return _emulate(sources, board, level, Path(folder), seconds=60)


def run(
    network: Network,
    examples: NDArray[np.generic],
    board: Board,
    level: str = "-Os",
    seconds: float = 600,
) -> Run:
    """Compute the outputs of examples.

    Args:
        network: Exported.
        examples: Raw, of shape (n, features).
        board: Where.
        level: Of optimisation.
        seconds: Most to wait.

    Returns:
        Outputs and costs.

    Raises:
        RuntimeError: If the board stops with an error.
    """
    definitions = {
        "HEADER": f'"{network.name}.h"',
        "PREDICT": f"{network.name}_predict",
        "FEATURES": network.features,
        "OUTPUTS": network.outputs,
        "INPUT": {"uint8": "uint8_t", "float32": "float"}[network.input],
        "OUTPUT": {"int32": "int32_t", "float32": "float"}[network.output],
    }
    options = [f"-D{key}={value}" for key, value in definitions.items()]
    sources = [network.folder / f"{network.name}.c", FIRMWARE / "run.c"]
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "in").write_bytes(examples.astype(network.input).tobytes())
        code = _emulate(sources, board, level, place, *options, seconds=seconds)
        if code != 0:
            raise RuntimeError(f"{board.name}: exit code {code}")
        outputs = np.fromfile(place / "out", network.output).reshape(-1, network.outputs)
        costs = np.fromfile(place / "cost", np.uint32).reshape(-1, 2)
    if len(outputs) != len(examples):
        raise RuntimeError(f"{board.name}: {len(outputs)} outputs of {len(examples)} examples")
    return Run(outputs, costs[:, 0] * board.tick, int(costs[:, 1].max(initial=0)))


def _emulate(
    sources: Sequence[Path], board: Board, level: str, folder: Path, *options: str, seconds: float
) -> int:
    program = folder / "program.elf"
    linking = ["-nostdlib", "-T", str(FIRMWARE / "cortex.ld")]
    linking.append(f"-Wl,--defsym=RAM_BYTES={board.ram}")
    start = FIRMWARE / "start.c"
    _compile([start, *sources], board, level, program, *options, *linking)
    return subprocess.run(
        [
            *(EMULATOR, "-M", board.machine, "-nographic", "-monitor", "none", "-serial", "none"),
            *("-semihosting-config", "enable=on,target=native", "-icount", "shift=0"),
            *("-kernel", str(program)),
        ],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        timeout=seconds,
        check=False,
    ).returncode


def _compile(sources: Sequence[Path], board: Board, level: str, to: Path, *options: str) -> None:
    freestanding = ("-mthumb", "-ffreestanding", "-fno-tree-loop-distribute-patterns")
    folders = [f"-I{folder}" for folder in sorted({source.parent for source in sources})]
    machine = (f"-mcpu={board.cpu}", *freestanding, level)
    _run([COMPILER, *machine, *folders, *options, *map(str, sources), "-lgcc", "-o", str(to)])


def _run(command: Sequence[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]}: {done.stderr.strip()}")
    return done.stdout
