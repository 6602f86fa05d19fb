"""Which process holds something, and whether it is known to be dead."""

import os
import socket
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

_DEAD_STATES = ("Z", "X")


def this_process() -> dict[str, Any]:
    """Describe this process so that others can tell whether it is alive.

    Returns:
        `host`, its name for people; `system`, the start of the operating system and the set of
        process numbers that are seen from here, empty where the system does not say; `pid`; and
        `start`, when the process began in the system's own count, empty where it is not said.
    """
    pid = os.getpid()
    return {
        "host": socket.gethostname(),
        "system": _system(),
        "pid": pid,
        "start": _start(pid) or "",
    }


def known_dead(process: Mapping[str, Any]) -> bool:
    """Tell whether a process has ended for certain.

    Args:
        process: What `this_process` gave there.

    Returns:
        True if it ran under this very operating system and is gone. False if it is alive, and
        wherever it cannot be known from here: on another machine, before a restart of this one,
        in another container.
    """
    system, pid = process.get("system"), process.get("pid")
    if not system or system != _system() or not isinstance(pid, int):
        return False
    return _start(pid) != process.get("start")


@cache
def _system() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:  # not Linux
        return ""


def _start(pid: int) -> str | None:
    """Ticks since the start of the system at which a process began; None for one that is gone."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = status.rpartition(")")[2].split()  # the name before it may hold anything
    return None if fields[0] in _DEAD_STATES else fields[19]
