"""Processes and devices."""

from qimlp.distributed.failures import Failures, is_first_to_say
from qimlp.distributed.launcher import launched_rank
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
    "launched_rank",
]
