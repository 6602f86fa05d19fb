"""Where a run computes: one process on one device, or several processes through Accelerate.

A single process does not go through Accelerate: its state is one per Python process and can not
change device from run to run, and there is nothing it would have to do.
"""

import atexit
import os
import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from qimlp.files import printable

_REST_SECONDS = 0.2  # a thread that has only to drop a tensor takes microseconds, if it runs


@dataclass(frozen=True)
class ProcessGroup:
    """The processes that train one model together, seen from one of them.

    Attributes:
        device: Device of this process.
        rank: Index of this process.
        size: Number of processes.
        accelerator: The `accelerate.Accelerator` where there are several, else None.
    """

    device: torch.device
    rank: int = 0
    size: int = 1
    accelerator: Any = None

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


def launched_processes() -> int:
    """How many processes a launcher (`accelerate launch`, `torchrun`) started.

    Returns:
        1 without a launcher.
    """
    return _launcher_number("WORLD_SIZE", 1)


def launched_rank() -> int:
    """Index of this process among the launched ones.

    Returns:
        0 without a launcher.
    """
    return _launcher_number("RANK", 0)


def _launcher_number(name: str, default: int) -> int:
    text = os.environ.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise ValueError(
            f"{name}: expected a number, as a launcher sets it, got {printable(text, 40)!r}; "
            "unset it to run one process"
        )
    return int(text)


def connect(device: str) -> ProcessGroup:
    """Find this process's place and device.

    Args:
        device: `"auto"`, `"cpu"`, `"mps"`, `"cuda"`, `"cuda:1"` and so on.

    Returns:
        The group of one process, or of all that a launcher started.

    Raises:
        ValueError: If the device is not there, or differs from what the launcher gave.
    """
    if launched_processes() == 1:
        return ProcessGroup(_pick_device(device))
    from accelerate import Accelerator  # noqa: PLC0415 - only several processes need it

    on_cpu = device == "cpu" or not torch.accelerator.is_available()
    is_first = not torch.distributed.is_initialized()
    accelerator = Accelerator(cpu=on_cpu, mixed_precision="no")
    if is_first and on_cpu:
        atexit.register(_close_group)
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
    return ProcessGroup(
        accelerator.device, accelerator.process_index, accelerator.num_processes, accelerator
    )


def _close_group() -> None:
    """Let gloo's threads come to rest before the interpreter ends.

    They hold the tensors of the last collective a moment longer than it lasts, and need the
    interpreter to let go of them; one that asks for it while it ends aborts the process. Closing
    the group alone does not end them: `DistributedDataParallel` leaves a reference to it behind.
    """
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
        time.sleep(_REST_SECONDS)


def _pick_device(name: str) -> torch.device:
    found = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    if name == "auto":
        return found or torch.device("cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ValueError(
            f"device {name!r}: expected auto, cpu, cuda, cuda:1, mps or another name of torch's"
        ) from None
    if device.type == "cpu":
        return device
    if found is None or found.type != device.type:
        raise ValueError(
            f"device {name!r} is not available here; available: cpu"
            + (f", {found.type}" if found else "")
        )
    count = torch.accelerator.device_count()
    if device.index is not None and device.index >= count:
        raise ValueError(f"device {name!r}: this machine has {count}, numbered from 0")
    return device
