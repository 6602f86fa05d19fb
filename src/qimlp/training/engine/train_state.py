"""Everything of one run that changes while it trains, and its way to disk and back."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from qimlp.distributed import ProcessGroup
from qimlp.models import Pretrained
from qimlp.settings import TrainSettings
from qimlp.training.engine.events import EpochDone
from qimlp.training.optim.average import WeightAverage
from qimlp.training.optim.build import build_optimizer, build_schedule
from qimlp.training.runs.optimizer_state import (
    load_optimizer,
    optimizer_groups,
    optimizer_tensors,
    plain,
)
from qimlp.training.runs.state_file import StoredState, write_state


@dataclass
class Progress:
    """Where a run is.

    Attributes:
        step: Optimizer steps done.
        epochs: Whole epochs done, each with its evaluation.
        loss_sum: 0-d, this process's sum of the step losses of the running epoch.
        window_seconds: Seconds per step of every logged window.
    """

    loss_sum: Tensor
    step: int = 0
    epochs: list[EpochDone] = field(default_factory=list)
    window_seconds: list[float] = field(default_factory=list)


class TrainState:
    """Model, optimizer, schedule, averaged weights, best weights and progress.

    Args:
        model: The network, freshly built.
        settings: The run's settings.
        steps_per_epoch: Optimizer steps of one epoch.
        processes: Processes and device.
    """

    def __init__(
        self,
        model: Pretrained,
        settings: TrainSettings,
        steps_per_epoch: int,
        processes: ProcessGroup,
    ) -> None:
        self._settings = settings
        self.model = model.to(dtype=getattr(torch, settings.dtype))
        self.forward = processes.wrap(self.model)
        self.processes = processes
        self.steps_per_epoch = steps_per_epoch
        self.optimizer = build_optimizer(self.model, settings)
        self.schedule = build_schedule(self.optimizer, settings, settings.epochs * steps_per_epoch)
        self.average = (
            None if settings.ema_decay is None else WeightAverage(self.model, settings.ema_decay)
        )
        precise = torch.float32 if processes.device.type == "mps" else torch.float64
        self.progress = Progress(torch.zeros((), dtype=precise, device=processes.device))
        self.best: dict[str, Tensor] = {}

    @property
    def evaluated(self) -> Pretrained:
        """The model that is evaluated and kept: the averaged one where there is one."""
        return self.model if self.average is None else self.average.model

    def restart(self, start: Pretrained) -> None:
        """Take the weights of another network of the same shape, before the first step."""
        weights = start.state_dict()
        self.model.load_state_dict(weights)
        if self.average is not None:
            self.average.model.load_state_dict(weights)

    def keep_best(self) -> None:
        """Remember the evaluated model's weights as the best so far."""
        self.best = {k: t.detach().clone() for k, t in self.evaluated.state_dict().items()}

    def use_best(self) -> None:
        """Put the best weights into the evaluated model."""
        self.evaluated.load_state_dict(self.best)

    def save(self, path: Path, fingerprint: str) -> None:
        """Write the state; every process must call this, the main one writes.

        Args:
            path: The state file.
            fingerprint: Of the data.

        Raises:
            OSError: If it cannot be written.
        """
        tensors: dict[str, Tensor] = {"loss_sum": self.processes.gather(self.progress.loss_sum)}
        for name, state in _random_states(self.processes.device).items():
            tensors[f"random.{name}"] = self.processes.gather(state)
        if not self.processes.is_main:
            return
        parts = {
            "model": self.model.state_dict(),
            "average": {} if self.average is None else self.average.model.state_dict(),
            "best": self.best,
            "optimizer": optimizer_tensors(self.optimizer, self.model),
        }
        for part, named in parts.items():
            tensors |= {f"{part}.{name}": tensor for name, tensor in named.items()}
        info: dict[str, Any] = {
            "fingerprint": fingerprint,
            "settings": self._settings.numeric(),
            "step": self.progress.step,
            "epochs": [epoch.to_dict() for epoch in self.progress.epochs],
            "window_seconds": self.progress.window_seconds,
            "groups": optimizer_groups(self.optimizer),
            "schedule": None if self.schedule is None else plain(self.schedule.state_dict()),
        }
        write_state(path, tensors, info)

    def load(self, state: StoredState) -> None:
        """Continue from a stored state.

        Args:
            state: Written by `save` of a train_state built from the same settings.

        Raises:
            ValueError: If the state is of other settings or another number of processes, or
                damaged.
        """
        changed = self._settings.changed_since(state.info.get("settings"))
        if changed:
            raise ValueError(
                f"{state.path}: the run was trained with other settings ({', '.join(changed)}); "
                "put settings.json back as it was, or start the run again with --overwrite"
            )
        sums = state.tensors.get("loss_sum")
        if sums is None or sums.dim() == 0:
            raise ValueError(
                f"{state.path} is damaged (no loss_sum); start the run again with --overwrite"
            )
        if len(sums) != self.processes.size:
            raise ValueError(
                f"{state.path}: the run was started with {len(sums)} processes, this is "
                f"{self.processes.size}; resume it with the same number"
            )
        try:
            self.model.load_state_dict(state.part("model"))
            if self.average is not None:
                self.average.model.load_state_dict(state.part("average"))
            load_optimizer(
                self.optimizer,
                self.model,
                state.part("optimizer"),
                state.info["groups"],
                stepped=state.info["step"] > 0,
            )
            if self.schedule is not None:
                self.schedule.load_state_dict(state.info["schedule"])
            self.progress.loss_sum.copy_(sums[self.processes.rank])
            self.progress.step = state.info["step"]
            self.progress.epochs = [EpochDone(**epoch) for epoch in state.info["epochs"]]
            self.progress.window_seconds = list(state.info["window_seconds"])
            self.best = {k: t.to(self.processes.device) for k, t in state.part("best").items()}
            if self.progress.epochs:
                _require_whole(self.best, self.evaluated)
            _restore_random_states(state.part("random"), self.processes)
        except (RuntimeError, KeyError, IndexError, TypeError, ValueError) as error:
            reason = " ".join(str(error).split())
            raise ValueError(
                f"{state.path} is damaged or of another network ({reason}); start the run again "
                "with --overwrite"
            ) from error


def _require_whole(weights: dict[str, Tensor], model: nn.Module) -> None:
    if weights.keys() != model.state_dict().keys():
        raise ValueError("the best weights are missing")


def _random_states(device: torch.device) -> dict[str, Tensor]:
    states = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    return states


def _restore_random_states(states: dict[str, Tensor], processes: ProcessGroup) -> None:
    torch.set_rng_state(states["cpu"][processes.rank])
    if processes.device.type == "cuda" and "cuda" in states:
        torch.cuda.set_rng_state(states["cuda"][processes.rank], processes.device)
