"""The state of a training to disk and back."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from qimlp.distributed import ProcessGroup
from qimlp.settings import TrainSettings
from qimlp.training.engine.events import EpochDone
from qimlp.training.engine.train_state import TrainState
from qimlp.training.optim.stored import (
    load_optimizer,
    optimizer_groups,
    optimizer_tensors,
    plain,
)
from qimlp.training.recording.state_file import StoredState, write_state


def save_state(state: TrainState, path: Path, settings: TrainSettings, fingerprint: str) -> None:
    """Write a state; every process must call this, the main one writes.

    Args:
        state: The state.
        path: The state file.
        settings: Of the run.
        fingerprint: Of the data.

    Raises:
        OSError: If it cannot be written.
    """
    progress, processes = state.progress, state.processes
    tensors: dict[str, Tensor] = {"loss_sum": processes.gather(progress.loss_sum)}
    for name, random in _random_states(processes.device).items():
        tensors[f"random.{name}"] = processes.gather(random)
    if not processes.is_main:
        return
    parts = {
        "model": state.network.state_dict(),
        "average": {} if state.average is None else state.average.model.state_dict(),
        "best": state.best,
        "optimizer": optimizer_tensors(state.optimizer, state.network),
    }
    for part, named in parts.items():
        tensors |= {f"{part}.{name}": tensor for name, tensor in named.items()}
    info: dict[str, Any] = {
        "fingerprint": fingerprint,
        "settings": settings.numeric(),
        "step": progress.step,
        "epochs": [epoch.to_dict() for epoch in progress.epochs],
        "window_seconds": progress.window_seconds,
        "groups": optimizer_groups(state.optimizer),
        "schedule": None if state.schedule is None else plain(state.schedule.state_dict()),
    }
    write_state(path, tensors, info)


def restore_state(state: TrainState, stored: StoredState, settings: TrainSettings) -> None:
    """Continue from a stored state.

    Args:
        state: Freshly made from the same settings; changed in place.
        stored: Written by `save_state`.
        settings: Of the run.

    Raises:
        ValueError: If the state is of other settings or another number of processes, or damaged.
    """
    changed = settings.changed_since(stored.info.get("settings"))
    if changed:
        raise ValueError(
            f"{stored.path}: the run was trained with other settings ({', '.join(changed)}); "
            "put settings.json back as it was, or start the run again with --overwrite"
        )
    sums = stored.tensors.get("loss_sum")
    if sums is None or sums.dim() == 0:
        raise ValueError(
            f"{stored.path} is damaged (no loss_sum); start the run again with --overwrite"
        )
    if len(sums) != state.processes.size:
        raise ValueError(
            f"{stored.path}: the run was started with {len(sums)} processes, this is "
            f"{state.processes.size}; resume it with the same number"
        )
    try:
        _restore(state, stored, sums)
    except (RuntimeError, KeyError, IndexError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(
            f"{stored.path} is damaged or of another network ({reason}); start the run again "
            "with --overwrite"
        ) from error


def _restore(state: TrainState, stored: StoredState, sums: Tensor) -> None:
    progress, processes, info = state.progress, state.processes, stored.info
    state.network.load_state_dict(stored.part("model"))
    if state.average is not None:
        state.average.model.load_state_dict(stored.part("average"))
    load_optimizer(
        state.optimizer,
        state.network,
        stored.part("optimizer"),
        info["groups"],
        stepped=info["step"] > 0,
    )
    if state.schedule is not None:
        state.schedule.load_state_dict(info["schedule"])
    progress.loss_sum.copy_(sums[processes.rank])
    progress.step = info["step"]
    progress.epochs = [EpochDone.from_dict(epoch) for epoch in info["epochs"]]
    progress.window_seconds = list(info["window_seconds"])
    state.best = {k: t.to(processes.device) for k, t in stored.part("best").items()}
    if progress.epochs:
        _require_whole(state.best, state.evaluated)
    _restore_random_states(stored.part("random"), processes)


def _require_whole(weights: dict[str, Tensor], network: nn.Module) -> None:
    if weights.keys() != network.state_dict().keys():
        raise ValueError("the best weights are missing")


def _random_states(device: torch.device) -> dict[str, Tensor]:
    states = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    return states


def _restore_random_states(states: dict[str, Tensor], processes: ProcessGroup) -> None:
    # Torch reads a view from the beginning of what it is a view of: each needs memory of its own.
    torch.set_rng_state(states["cpu"][processes.rank].clone())
    if processes.device.type == "cuda" and "cuda" in states:
        torch.cuda.set_rng_state(states["cuda"][processes.rank].clone(), processes.device)
