"""Exponential moving average of the weights."""

import copy

from qimlp.models import Pretrained
from qimlp.ops import foreach_lerp_


def average_decay(step: int, limit: float) -> float:
    """Compute the decay of one step.

    In the first steps it is `(1 + step) / (10 + step)` where that is smaller than the limit, so
    that a short run is not evaluated with its start.

    Args:
        step: Number of steps done before this one.
        limit: The set decay.

    Returns:
        The decay.
    """
    return min(limit, (1 + step) / (10 + step))


class WeightAverage:
    """A copy of a model whose weights follow the trained ones.

    The formula is that of `torch.optim.swa_utils`: `average = d * average + (1 - d) * weight`.
    d is `average_decay`. The parameters are listed once: with layers this small, collecting them
    at every step would cost as much as the update itself.

    Args:
        model: The trained model, not wrapped.
        decay: Limit of d, between 0 and 1.
    """

    def __init__(self, model: Pretrained, decay: float) -> None:
        self.model = copy.deepcopy(model).requires_grad_(False).eval()
        self._decay = decay
        self._average = [parameter.detach() for parameter in self.model.parameters()]
        self._source = [parameter.detach() for parameter in model.parameters()]

    def update(self, step: int) -> None:
        """Follow the weights after an optimizer step.

        Args:
            step: Number of steps done before this one.
        """
        part = 1 - average_decay(step, self._decay)
        foreach_lerp_(self._average, self._source, part)
