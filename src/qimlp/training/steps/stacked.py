"""One optimizer step of several runs at once: their parameters as one matrix."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from qimlp.tasks import Task

_EPSILON = 1e-8  # Adam's, as torch has it


class Stack:
    """Networks of one shape as one matrix of parameters, a row for each.

    Args:
        networks: One for each run.
    """

    def __init__(self, networks: Sequence[nn.Module]) -> None:
        self._shapes = {name: p.shape for name, p in networks[0].named_parameters()}
        flat = [torch.cat([p.detach().flatten() for p in m.parameters()]) for m in networks]
        self.weights = torch.stack(flat).requires_grad_()
        skeleton = networks[0].to("meta")
        self._forward = vmap(lambda own, x: functional_call(skeleton, own, (x,)))

    def train(self) -> None:
        """Stay as it is: multi-body networks do the same in training and evaluation."""

    def outputs(self, weights: Tensor, inputs: Tensor) -> Tensor:
        """Run all networks.

        Args:
            weights: Of shape (runs, parameters).
            inputs: Of shape (runs, n, features).

        Returns:
            Outputs of shape (runs, n, outputs).
        """
        parts = weights.split([shape.numel() for shape in self._shapes.values()], dim=1)
        named = zip(self._shapes.items(), parts, strict=True)
        stacked = {name: part.unflatten(1, shape) for (name, shape), part in named}
        outputs: Tensor = self._forward(stacked, inputs)
        return outputs


class StackedStep:
    """One optimizer step of all runs at once: Adam with a learning rate for each.

    Args:
        stack: The networks; their weights are changed in place.
        task: Gives the losses.
        rates: Learning rates of shape (runs, 1), one tensor for each step of the training.
        betas: Decay of Adam's averages.
    """

    def __init__(
        self, stack: Stack, task: Task, rates: Sequence[Tensor], betas: tuple[float, float]
    ) -> None:
        self._stack, self._task, self._rates, self._betas = stack, task, rates, betas
        self._first = torch.zeros_like(stack.weights)
        self._second = torch.zeros_like(stack.weights)
        self._step = 0

    def __call__(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """Take one step.

        Args:
            inputs: Of shape (runs, n, features).
            targets: One row for each run.

        Returns:
            The losses before the step, of shape (runs,).
        """
        weights = self._stack.weights
        losses = self._task.losses_of_runs(self._stack.outputs(weights, inputs), targets)
        (gradient,) = torch.autograd.grad(losses.sum(), weights)
        self._update(gradient)
        return losses.detach()

    @torch.no_grad()
    def _update(self, gradient: Tensor) -> None:
        """Adam (Kingma and Ba 2015, Algorithm 1)."""
        beta1, beta2 = self._betas
        step = self._step + 1
        self._first.lerp_(gradient, 1 - beta1)
        self._second.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
        scale = (self._second / (1 - beta2**step)).sqrt_().add_(_EPSILON)
        self._stack.weights -= self._rates[self._step] / (1 - beta1**step) * self._first / scale
        self._step = step
