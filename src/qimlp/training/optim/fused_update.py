"""AdamW's fused update without the search for what there is to update."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.optim import AdamW, Optimizer

from qimlp.ops import fused_adamw_, mark_as_stepped


class FusedUpdate:
    """`optimizer.step()` and `optimizer.zero_grad()` of a fused `AdamW`, bit for bit.

    Torch's step collects parameters, gradients and state anew every time, which takes several
    times as long as the update of a dozen small tensors; and its first one imports the compiler,
    which takes a second. Here the first step makes the state, and all hand the same tensors to the
    same fused operation, as long as the same parameters have gradients; a step is torch's own where
    one that had a gradient has none. The step counts become views of one tensor, so that one
    addition counts for all.

    Learning rates are read from the groups at every step, everything else of them once. A stored
    state must be loaded before the first step. Hooks of the optimizer are not called.

    Args:
        optimizer: One that `can_update` accepts.
    """

    def __init__(self, optimizer: Optimizer) -> None:
        self._optimizer = optimizer
        self._groups: list[_Group] = []
        self._counts = torch.empty(0)

    def __call__(self) -> None:
        """Update the parameters by their gradients, and clear these."""
        if not self._fits():
            self._prepare()
            if not self._fits():
                self._optimizer.step()
                self._optimizer.zero_grad()
                return
        with torch.no_grad():
            self._counts.add_(1)
            for group in self._groups:
                group.update()

    def _prepare(self) -> None:
        """Make what state is missing, and lists of what there is to update."""
        groups, states = self._optimizer.param_groups, self._optimizer.state
        for group in groups:
            _make_states(group["params"], states)
        own = [states[p] for group in groups for p in group["params"] if p in states]
        if own:
            self._counts = torch.stack([state["step"] for state in own])
        for state, view in zip(own, self._counts.unbind(), strict=True):
            state["step"] = view
        self._groups = [_Group(group, states) for group in groups]
        mark_as_stepped(self._optimizer)

    def _fits(self) -> bool:
        return bool(self._groups) and all(group.fits() for group in self._groups)


def can_update(optimizer: Optimizer) -> bool:
    """Whether `FusedUpdate` can take an optimizer's steps: a fused `AdamW` on the CPU."""
    return isinstance(optimizer, AdamW) and all(
        group["fused"] and not group["amsgrad"] and parameter.device.type == "cpu"
        for group in optimizer.param_groups
        for parameter in group["params"]
    )


def _make_states(parameters: list[Tensor], states: dict[Tensor, dict[str, Any]]) -> None:
    """Give parameters that have their first gradient the state that torch's step gives them."""
    for parameter in parameters:
        if parameter.grad is not None and not states[parameter]:
            states[parameter] = {
                "step": torch.zeros((), dtype=torch.float32, device=parameter.device),
                "exp_avg": torch.zeros_like(parameter, memory_format=torch.preserve_format),
                "exp_avg_sq": torch.zeros_like(parameter, memory_format=torch.preserve_format),
            }


class _Group:
    """The tensors of one parameter group that has its state."""

    def __init__(self, group: dict[str, Any], states: dict[Tensor, dict[str, Any]]) -> None:
        self._group = group
        self._parameters = [p for p in group["params"] if p in states]
        self._idle = [p for p in group["params"] if p not in states]
        own = [states[parameter] for parameter in self._parameters]
        self._first = [state["exp_avg"] for state in own]
        self._second = [state["exp_avg_sq"] for state in own]
        self._counts = [state["step"] for state in own]
        beta1, beta2 = group["betas"]
        self._fixed = {
            "beta1": beta1,
            "beta2": beta2,
            "weight_decay": group["weight_decay"],
            "eps": group["eps"],
            "maximize": group["maximize"],
        }

    def fits(self) -> bool:
        """Whether the parameters that have a state, and no others, have a gradient."""
        return all(p.grad is not None for p in self._parameters) and all(
            p.grad is None for p in self._idle
        )

    def update(self) -> None:
        if not self._parameters:
            return
        fused_adamw_(
            self._parameters,
            [p.grad for p in self._parameters if p.grad is not None],
            (self._first, self._second),
            self._counts,
            self._group["lr"],
            self._fixed,
        )
        for parameter in self._parameters:
            parameter.grad = None
