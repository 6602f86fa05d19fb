"""Processes and devices; names are imported on first use, some need no torch."""

from typing import TYPE_CHECKING

from qimlp._faces import lazy_face

if TYPE_CHECKING:
    from qimlp.distributed.failures import Failures, is_first_to_say
    from qimlp.distributed.launcher import launched_processes, launched_rank
    from qimlp.distributed.meeting import ProcessLostError
    from qimlp.distributed.process_group import PROCESS_TIMEOUT, ProcessGroup, connect
    from qimlp.distributed.threads import cpu_threads

__all__ = [
    "PROCESS_TIMEOUT",
    "Failures",
    "ProcessGroup",
    "ProcessLostError",
    "connect",
    "cpu_threads",
    "is_first_to_say",
    "launched_processes",
    "launched_rank",
]

__getattr__ = lazy_face(
    __name__,
    {
        "failures": ("Failures", "is_first_to_say"),
        "launcher": ("launched_processes", "launched_rank"),
        "meeting": ("ProcessLostError",),
        "process_group": ("PROCESS_TIMEOUT", "ProcessGroup", "connect"),
        "threads": ("cpu_threads",),
    },
)
