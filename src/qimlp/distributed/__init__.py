"""Processes and devices."""

from qimlp.distributed.process_group import ProcessGroup, connect, launched_rank
from qimlp.distributed.threads import cpu_threads

__all__ = ["ProcessGroup", "connect", "cpu_threads", "launched_rank"]
