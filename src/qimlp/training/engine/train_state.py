"""Everything of one training that changes while it goes on."""

from __future__ import annotations

import torch
from torch import Tensor

from qimlp.distributed import ProcessGroup
from qimlp.models import Pretrained
from qimlp.settings import ComputeSettings, OptimisationSettings
from qimlp.training.engine.progress import Progress
from qimlp.training.optim.average import WeightAverage
from qimlp.training.optim.build import build_optimizer, build_schedule


class TrainState:
    """Network, optimizer, schedule, averaged weights, best weights and progress.

    Args:
        network: The network, freshly built.
        optimisation: How the weights are found.
        compute: Gives the dtype, unless the network keeps its own.
        steps_per_epoch: Optimizer steps of one epoch.
        processes: Processes and device.
    """

    def __init__(
        self,
        network: Pretrained,
        optimisation: OptimisationSettings,
        compute: ComputeSettings,
        steps_per_epoch: int,
        processes: ProcessGroup,
    ) -> None:
        self.network = (
            network if network.keeps_dtype else network.to(dtype=getattr(torch, compute.dtype))
        )
        self.forward = processes.wrap(self.network)
        self.processes = processes
        self.steps_per_epoch = steps_per_epoch
        self.optimizer = build_optimizer(self.network, optimisation)
        self.schedule = build_schedule(
            self.optimizer, optimisation, optimisation.epochs * steps_per_epoch
        )
        self.average = (
            None
            if optimisation.ema_decay is None
            else WeightAverage(self.network, optimisation.ema_decay)
        )
        precise = torch.float32 if processes.device.type == "mps" else torch.float64
        self.progress = Progress(torch.zeros((), dtype=precise, device=processes.device))
        self.best: dict[str, Tensor] = {}

    @property
    def evaluated(self) -> Pretrained:
        """The network that is evaluated and kept: the averaged one where there is one."""
        return self.network if self.average is None else self.average.model

    def restart(self, start: Pretrained) -> None:
        """Take the weights of another network of the same shape, before the first step.

        Args:
            start: The other network.
        """
        weights = start.state_dict()
        self.network.load_state_dict(weights)
        if self.average is not None:
            self.average.model.load_state_dict(weights)

    def keep_best(self) -> None:
        """Remember the evaluated network's weights as the best so far."""
        self.best = {k: t.detach().clone() for k, t in self.evaluated.state_dict().items()}

    def use_best(self) -> None:
        """Put the best weights into the evaluated network."""
        self.evaluated.load_state_dict(self.best)
