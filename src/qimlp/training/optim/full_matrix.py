"""Adam along the principal directions of the gradients of all parameters together."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, overload

import torch
from torch import Tensor
from torch.optim import Optimizer

MAX_PARAMETERS = 4096
"""The optimizer keeps two square matrices over all parameters: 128 MiB at this many."""

_FIRST_BASIS = 10  # steps before the first basis; until then it is plain Adam


class FullMatrixAdam(Optimizer):
    """Adam in the eigenbasis of the gradients' second moments, with decoupled decay.

    Adam scales every parameter by itself. The entries of Kronecker factors are far from
    independent (each of them moves a whole block of the weight, and two factors of a product
    trade size for size), so that for a network of a few hundred parameters the whole matrix of
    second moments C = EMA of g g^T pays: gradients are turned into its eigenbasis Q, scaled there
    as Adam does, and turned back. With Q = 1 it is AdamW. Full-matrix preconditioning is that of
    AdaGrad (Duchi et al. 2011), Adam in an eigenbasis is SOAP (Vyas et al. 2024, arXiv
    2409.11321), which takes a Kronecker approximation of C where this takes C.

    C is one matrix over all groups; rates and decays are those of the groups.

    Args:
        params: As for `torch.optim.Adam`; all on one device, of one floating dtype.
        lr: Learning rate of groups that name none.
        betas: Decay of the averages of gradients and of their second moments.
        eps: Added to the root of the second moments.
        weight_decay: Decoupled decay of groups that name none.
        interval: Steps between two eigendecompositions.

    Raises:
        ValueError: There are more than `MAX_PARAMETERS` parameters.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.99),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        interval: int = 50,
    ) -> None:
        defaults = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        super().__init__(params, {**defaults, "interval": interval})
        count = sum(parameter.numel() for parameter in self._parameters())
        if count > MAX_PARAMETERS:
            raise ValueError(
                f"optimizer full-matrix: expected at most {MAX_PARAMETERS:,} parameters, got "
                f"{count:,}; it keeps square matrices over all of them, use adamw"
            )

    @overload
    def step(self, closure: None = None) -> None: ...
    @overload
    def step(self, closure: Callable[[], float]) -> float: ...
    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Update the parameters by their gradients; a missing gradient counts as zero.

        Args:
            closure: Evaluates the loss anew, as for every optimizer of torch.

        Returns:
            What `closure` returned.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        parameters = self._parameters()
        gradient = torch.cat(
            [(torch.zeros_like(p) if p.grad is None else p.grad).reshape(-1) for p in parameters]
        )
        direction = self._direction(gradient, self.state[parameters[0]], self.param_groups[0])
        parts = iter(direction.split([parameter.numel() for parameter in parameters]))
        for group in self.param_groups:
            for parameter in group["params"]:
                parameter.mul_(1 - group["lr"] * group["weight_decay"])
                parameter.add_(next(parts).view_as(parameter), alpha=-group["lr"])
        return loss

    def _parameters(self) -> list[Tensor]:
        return [parameter for group in self.param_groups for parameter in group["params"]]

    @staticmethod
    def _direction(gradient: Tensor, state: dict[str, Any], group: dict[str, Any]) -> Tensor:
        """Adam's step at rate 1; `state` holds the averages, (P,) and (P, P), and follows."""
        if not state:
            state["step"] = torch.zeros(())
            state["exp_avg"] = torch.zeros_like(gradient)
            state["exp_avg_sq"] = torch.zeros_like(gradient)  # along the columns of the basis
            state["covariance"] = gradient.new_zeros(len(gradient), len(gradient))
            state["basis"] = torch.eye(len(gradient), dtype=gradient.dtype, device=gradient.device)
        beta1, beta2 = group["betas"]
        state["step"] += 1
        step = int(state["step"])
        state["exp_avg"].lerp_(gradient, 1 - beta1)
        covariance = state["covariance"]
        covariance.mul_(beta2).addr_(gradient, gradient, alpha=1 - beta2)
        due = step == _FIRST_BASIS or step % group["interval"] == 0
        if due and bool(covariance.isfinite().all()):  # else training diverged; the loss says so
            values, basis = torch.linalg.eigh(covariance.to("cpu", torch.float64))
            state["basis"].copy_(basis)
            # Along rescalings of factors against each other the gradient is zero: what is there
            # is rounding, and must not be divided by itself.
            floor = torch.finfo(gradient.dtype).eps * float(values[-1])
            state["exp_avg_sq"].copy_(values.clamp_min(max(floor, 0.0)))
        else:
            turned = gradient @ state["basis"]
            state["exp_avg_sq"].mul_(beta2).addcmul_(turned, turned, value=1 - beta2)
        moment = state["exp_avg"] @ state["basis"] / (1 - beta1**step)
        spread = (state["exp_avg_sq"] / (1 - beta2**step)).sqrt_().add_(group["eps"])
        direction: Tensor = state["basis"] @ (moment / spread)
        return direction
