"""The state of an unfinished run on disk: safetensors files that are replaced whole.

Tensors are named `model.*`, `average.*`, `best.*`, `optimizer.<parameter>.<key>`,
`random.*` and `loss_sum`; everything that is not a tensor is one JSON object in the file's
metadata, and so is a checksum of all of it. Nothing is pickled.

Beside the newest state lies an earlier one that the disk is known to hold: a power cut or a broken
disk costs some seconds of training, not the run. Waiting for the disk takes longer than a short
epoch, so it is done every few seconds at most.
"""

import json
import os
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import safetensors
import safetensors.torch
import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from qimlp.files import (
    parse_json,
    printable,
    require_regular,
    shown,
    sync_file,
    validated,
    write_bytes,
)
from qimlp.models import checksum
from qimlp.nn import current_name

_FORMAT = "qimlp-training-state-1"
_PREVIOUS = "previous.safetensors"
_SECONDS_BETWEEN_SYNCS = 5.0
_MOST_INFO_BYTES = 128 * 2**20

_Count = Annotated[int, Field(ge=0, le=2**53)]


class _Info(BaseModel):
    """What a state holds beside tensors."""

    model_config = ConfigDict(strict=True, extra="allow")

    fingerprint: str
    settings: dict[str, Any]
    step: _Count
    epochs: list[dict[str, Any]]
    window_seconds: list[float]
    groups: list[dict[str, Any]]
    schedule: dict[str, Any] | None


@dataclass(frozen=True)
class StoredState:
    """A state as read from disk.

    Attributes:
        tensors: All tensors by their full names, on the CPU.
        info: The JSON object.
        path: Where it came from.
        note: What to tell the user, where it is not the newest state; else empty.
    """

    tensors: dict[str, Tensor]
    info: dict[str, Any]
    path: Path
    note: str = ""

    def part(self, prefix: str) -> dict[str, Tensor]:
        """Take the tensors of one part.

        Args:
            prefix: `"model"`, `"average"`, `"best"`, ...

        Returns:
            Tensors by the rest of their names.
        """
        start = prefix + "."
        return {k[len(start) :]: t for k, t in self.tensors.items() if k.startswith(start)}


def write_state(path: Path, tensors: dict[str, Tensor], info: dict[str, Any]) -> None:
    """Write a state whole; an earlier state stays beside it.

    Args:
        path: The file.
        tensors: By full name, on any device.
        info: Anything JSON can hold.

    Raises:
        OSError: If it cannot be written.
    """
    own = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    text = json.dumps(info)
    metadata = {"format": _FORMAT, "info": text, "sha256": checksum(own, text)}
    content = safetensors.torch.save(own, metadata)
    previous = path.with_name(_PREVIOUS)
    due = _age(previous) >= _SECONDS_BETWEEN_SYNCS
    if due and path.is_file():
        sync_file(path)
        _keep(path, previous)
    write_bytes(path, content, durable=due)


def _age(path: Path) -> float:
    """Seconds since a file was written; endless where there is none, or the clock was set back."""
    try:
        seconds = time.time() - path.stat().st_mtime
    except OSError:
        return float("inf")
    return seconds if seconds >= 0 else float("inf")


def _keep(path: Path, previous: Path) -> None:
    """Give a state its second name; where a disk knows no second names it loses the first."""
    try:
        previous.unlink(missing_ok=True)
        os.link(path, previous, follow_symlinks=False)
    except OSError:
        path.replace(previous)


def find_state(path: Path) -> StoredState | None:
    """Read the newest state that is whole.

    Args:
        path: A file of `write_state`.

    Returns:
        The state, with a note if it is not the newest; None where none was written yet.

    Raises:
        ValueError: If there are states and none of them is whole.
        OSError: If a state cannot be read.
    """
    previous = path.with_name(_PREVIOUS)
    if not os.path.lexists(path):
        return read_state(previous) if os.path.lexists(previous) else None
    try:
        return read_state(path)
    except (ValueError, OSError) as error:
        if not os.path.lexists(previous):
            raise
        try:
            earlier = read_state(previous)
        except (ValueError, OSError):
            raise error from None
    note = f"{printable(str(path))} is damaged: going on from the state before it, step "
    return replace(earlier, note=note + str(earlier.info["step"]))


def read_state(path: Path) -> StoredState:
    """Read a state and check that it is whole.

    Args:
        path: A file of `write_state`.

    Returns:
        The state; its tensors own their memory.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If the file is truncated, damaged or something else.
        OSError: If it is no regular file.
    """
    require_regular(path, what="the state of a run")
    name = printable(str(path))
    again = "start the run again with --overwrite"
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {key: file.get_tensor(key).clone() for key in file.keys()}  # noqa: SIM118
    except safetensors.SafetensorError:
        raise ValueError(f"{name} is truncated or damaged; {again}") from None
    if metadata.get("format") != _FORMAT:
        got = shown(metadata.get("format"))
        raise ValueError(f"{name}: expected a state of format {_FORMAT}, got {got}")
    text = metadata.get("info", "")
    stored = metadata.get("sha256")  # states of earlier versions have none
    if stored is not None and stored != checksum(tensors, text):
        raise ValueError(f"{name} is damaged: its checksum is another; {again}")
    if len(text) > _MOST_INFO_BYTES:
        raise ValueError(f"{name}: expected at most {_MOST_INFO_BYTES:,} characters of metadata")
    info = parse_json(text, source=path, what="the state of a run")
    validated(_Info, info, source=path)
    for key, tensor in tensors.items():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise ValueError(f"{name}: {printable(key, 80)} holds numbers that are not finite")
    return StoredState({current_name(key): tensor for key, tensor in tensors.items()}, info, path)
