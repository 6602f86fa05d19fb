"""What a launcher (`torchrun`, `accelerate launch`, Slurm) says of this process."""

import os
import socket

from qimlp.files import printable

_MOST_PROCESSES = 10**6
_LAST_PORT = 2**16 - 1


def launched_processes() -> int:
    """How many processes a launcher started.

    Returns:
        1 without a launcher.

    Raises:
        ValueError: If the launcher's number is none.
    """
    return _number("WORLD_SIZE", 1)


def launched_rank() -> int:
    """Index of this process among the launched ones.

    Returns:
        0 without a launcher.

    Raises:
        ValueError: If the launcher's number is none.
    """
    return _number("RANK", 0)


def checked_place() -> tuple[int, int]:
    """Index of this process and number of processes, which must fit each other.

    Returns:
        `(rank, size)`.

    Raises:
        ValueError: If they do not.
    """
    rank, size = launched_rank(), launched_processes()
    if not 1 <= size <= _MOST_PROCESSES or rank >= size:
        raise ValueError(
            f"RANK {rank} and WORLD_SIZE {size}: expected a rank below the number of processes; "
            "check what starts them, or unset both to run one process"
        )
    return rank, size


def meeting_point() -> tuple[str, int]:
    """Address at which the processes meet: that of process 0, or of torchrun's first machine.

    Returns:
        Host and port.

    Raises:
        ValueError: If the launcher gave none, or no port.
    """
    host = os.environ.get("MASTER_ADDR", "").strip()
    if not host:
        raise ValueError(
            f"WORLD_SIZE is {launched_processes()}, but MASTER_ADDR is not set: expected the "
            "address of the machine of process 0; start the processes with torchrun, or unset "
            "WORLD_SIZE to run one process"
        )
    port = _number("MASTER_PORT", 29500)
    if not 0 < port <= _LAST_PORT:
        raise ValueError(f"MASTER_PORT: expected a port from 1 to {_LAST_PORT}, got {port}")
    return host, port


def hosts_meeting() -> bool:
    """Whether this process is the one that the others meet at; under torchrun its agent is."""
    return launched_rank() == 0 and os.environ.get("TORCHELASTIC_USE_AGENT_STORE") != "True"


def machine() -> str:
    """Name of this machine among those of the job, which may share a host name."""
    node = os.environ.get("GROUP_RANK") or os.environ.get("SLURM_NODEID") or ""
    return f"{socket.gethostname()}:{node}"


def _number(name: str, default: int) -> int:
    text = os.environ.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise ValueError(
            f"{name}: expected a number, as a launcher sets it, got {printable(text, 40)!r}; "
            "unset it to run one process"
        )
    return int(text)
