"""Processes and devices."""

from qimlp.distributed.process_group import ProcessGroup, connect, launched_rank

__all__ = ["ProcessGroup", "connect", "launched_rank"]
