"""Optimizer and learning-rate schedule of a run."""

from typing import Any

from torch import nn, optim
from torch.optim import Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR

from qimlp.models import TextNetwork, inner_network
from qimlp.ops import undecorated
from qimlp.settings import OptimisationSettings
from qimlp.training.optim.full_matrix import FullMatrixAdam
from qimlp.training.optim.param_groups import param_groups
from qimlp.training.optim.schedule import OneCycle, Schedule


class AdamW(optim.AdamW):
    """Torch's, without what imports the compiler (over a second) when it is first called."""

    add_param_group: Any = undecorated(Optimizer.add_param_group)
    state_dict: Any = undecorated(Optimizer.state_dict)
    load_state_dict: Any = undecorated(Optimizer.load_state_dict)
    zero_grad: Any = undecorated(Optimizer.zero_grad)


def build_optimizer(model: nn.Module, optimisation: OptimisationSettings) -> Optimizer:
    """Make Adam (with decoupled decay), fused where the device allows it, or the full-matrix one.

    Args:
        model: The model, on its device; the encoder of a `TextNetwork` gets `encoder_lr`.
        optimisation: `optimizer`, `lr`, `encoder_lr`, `factor_lr_scale`, `betas`, `weight_decay`.

    Returns:
        The optimizer, every parameter in exactly one group.

    Raises:
        ValueError: The model is too large for the full-matrix one.
    """
    decay, scale = optimisation.weight_decay, optimisation.factor_lr_scale
    network = inner_network(model)
    head = network.head if isinstance(network, TextNetwork) else model
    groups = param_groups(head, optimisation.lr, decay, scale=scale)
    if isinstance(network, TextNetwork):
        groups += param_groups(network.encoder, optimisation.encoder_lr, decay, scale=scale)
    if optimisation.optimizer == "full-matrix":
        return FullMatrixAdam(groups, lr=optimisation.lr, betas=optimisation.betas)
    fusible = ("cpu", "cuda", "xpu", "mps")
    fused = all(parameter.device.type in fusible for parameter in model.parameters())
    return AdamW(groups, lr=optimisation.lr, betas=optimisation.betas, fused=fused)


def build_schedule(
    optimizer: Optimizer, optimisation: OptimisationSettings, total_steps: int
) -> Schedule | None:
    """Make the schedule, stepped once per optimizer step.

    Args:
        optimizer: Its groups' rates are the peaks.
        optimisation: `schedule`.
        total_steps: Steps of the whole run.

    Returns:
        The schedule; None for a constant rate.
    """
    if optimisation.schedule == "one-cycle":
        return OneCycle(optimizer, max(total_steps, 2))
    if optimisation.schedule == "cosine":
        return CosineAnnealingLR(optimizer, T_max=total_steps)
    return None
