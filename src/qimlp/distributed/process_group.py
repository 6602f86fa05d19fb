"""Where a run computes: one process on one device, or several processes through Accelerate.

A single process does not go through Accelerate: its state is one per Python process and can not
change device from run to run, and there is nothing it would have to do.
"""

import atexit
import time
import warnings
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import torch
from torch import Tensor, nn

from qimlp.distributed.devices import pick_device
from qimlp.distributed.launcher import launched_processes
from qimlp.distributed.meeting import Meeting, ProcessLostError, current_meeting, meet

PROCESS_TIMEOUT = 600.0
"""Seconds after which a process that does not answer counts as lost."""

_REST_SECONDS = 0.2  # a thread that has only to drop a tensor takes microseconds, if it runs


@dataclass(frozen=True)
class ProcessGroup:
    """The processes that train one model together, seen from one of them.

    Attributes:
        device: Device of this process.
        rank: Index of this process.
        size: Number of processes.
        accelerator: The `accelerate.Accelerator` where there are several, else None.
        meeting: Through which they tell each other why they end; None where there is one, or where
            torch's group was opened by somebody else.
    """

    device: torch.device
    rank: int = 0
    size: int = 1
    accelerator: Any = None
    meeting: Meeting | None = field(default=None, repr=False)

    @classmethod
    def alone(cls, device: torch.device | str = "cpu") -> "ProcessGroup":
        """Make the group of one process.

        Args:
            device: Where it computes.

        Returns:
            The group.
        """
        return cls(torch.device(device))

    @property
    def is_main(self) -> bool:
        """Whether this process writes files and reports."""
        return self.rank == 0

    def wrap(self, model: nn.Module) -> nn.Module:
        """Move a model to the device and, with several processes, make it data-parallel.

        Args:
            model: The model; its parameters stay the ones that are trained.

        Returns:
            The module to call in training.
        """
        model.to(self.device)
        if self.accelerator is None:
            return model
        wrapped: nn.Module = self.accelerator.prepare_model(model)
        return wrapped

    def sum(self, values: Tensor) -> Tensor:
        """Sum a tensor over the processes.

        Args:
            values: A tensor of the same shape in every process.

        Returns:
            The sum, the same everywhere.
        """
        if self.accelerator is None:
            return values
        total: Tensor = self.accelerator.reduce(values, reduction="sum")
        return total

    def any(self, flag: bool) -> bool:
        """Whether any process says yes.

        Args:
            flag: What this process says.

        Returns:
            The same in every process.
        """
        if self.accelerator is None:
            return flag
        return bool(self.sum(torch.tensor(float(flag), device=self.device)) > 0)

    def gather(self, values: Tensor) -> Tensor:
        """Stack one tensor per process.

        Args:
            values: (...), on any device, same shape in every process.

        Returns:
            (size, ...), on the CPU, the same everywhere.
        """
        if self.accelerator is None:
            return values.cpu().unsqueeze(0)
        stacked: Tensor = self.accelerator.gather(values.to(self.device).unsqueeze(0))
        return stacked.cpu()

    def barrier(self) -> None:
        """Wait until every process is here."""
        if self.accelerator is not None:
            self.accelerator.wait_for_everyone()

    def require_same(self, facts: Mapping[str, str]) -> None:
        """Refuse processes that are told different things.

        Args:
            facts: What must be the same everywhere, by name.

        Raises:
            ValueError: In every process, if one differs from process 0.
            ProcessLostError: If another process has failed, or does not come in time.
        """
        if self.meeting is not None:
            self.meeting.require_same(facts)

    def autocast(self, mixed_precision: str) -> AbstractContextManager[Any]:
        """Context for the forward pass.

        Args:
            mixed_precision: `"no"` or `"bf16"`.

        Returns:
            A context manager that can be entered again and again.
        """
        if mixed_precision == "no":
            return nullcontext()
        return torch.autocast(self.device.type, dtype=torch.bfloat16)


def connect(device: str, timeout: float = PROCESS_TIMEOUT) -> ProcessGroup:
    """Find this process's place and device; the first call meets the other processes.

    Args:
        device: `"auto"`, `"cpu"`, `"mps"`, `"cuda"`, `"cuda:1"` and so on.
        timeout: Seconds to wait for other processes, at the start and in every exchange; the first
            call decides.

    Returns:
        The group of one process, or of all that a launcher started.

    Raises:
        ValueError: If the device is not there, or differs from what the launcher gave.
        OSError: If the processes cannot meet, or not all come in time.
    """
    if launched_processes() == 1:
        return ProcessGroup(pick_device(device))
    from accelerate import Accelerator  # noqa: PLC0415 - only several processes need it

    on_cpu = device == "cpu" or not torch.accelerator.is_available()
    if not torch.distributed.is_initialized():
        _join(on_cpu, timeout)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "OMP_NUM_THREADS")
        accelerator = Accelerator(cpu=on_cpu, mixed_precision="no")
    if accelerator.num_processes != launched_processes():
        raise ValueError(
            f"{launched_processes()} processes were launched but {accelerator.num_processes} "
            "found each other; check the launcher's settings, or start one process"
        )
    if device not in ("auto", accelerator.device.type):
        raise ValueError(
            f"device {device!r}: the launcher placed this process on {accelerator.device}; "
            "leave the device at 'auto' and choose it in the launcher"
        )
    rank, size = accelerator.process_index, accelerator.num_processes
    return ProcessGroup(accelerator.device, rank, size, accelerator, current_meeting())


def _join(on_cpu: bool, timeout: float) -> None:
    """Open torch's process group over the store of the meeting."""
    from torch.distributed import PrefixStore, init_process_group  # type: ignore[attr-defined]  # noqa: PLC0415

    meeting = meet(timeout)
    found = None if on_cpu else torch.accelerator.current_accelerator()
    backend = "gloo" if found is None else torch.distributed.get_default_backend_for_device(found)
    try:
        init_process_group(
            backend,
            store=PrefixStore("group", meeting.store),
            rank=meeting.rank,
            world_size=meeting.size,
            timeout=timedelta(seconds=timeout),
        )
    except RuntimeError as error:
        raise meeting.failure() or ProcessLostError(
            "the processes found each other but cannot connect; name the network between the "
            "machines, as by GLOO_SOCKET_IFNAME=eth0 (NCCL_SOCKET_IFNAME on GPUs), and see that no "
            "firewall is between"
        ) from error
    if on_cpu:
        atexit.register(_close_group)


def _close_group() -> None:
    """Let gloo's threads come to rest before the interpreter ends.

    They hold the tensors of the last collective a moment longer than it lasts, and need the
    interpreter to let go of them; one that asks for it while it ends aborts the process. Closing
    the group alone does not end them: `DistributedDataParallel` leaves a reference to it behind.
    """
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
        time.sleep(_REST_SECONDS)
