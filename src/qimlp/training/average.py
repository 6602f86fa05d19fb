"""Exponential moving average of the weights."""

import copy

from torch.optim.swa_utils import get_ema_multi_avg_fn

from qimlp.models import Pretrained


class WeightAverage:
    """A copy of a model whose weights follow the trained ones.

    The formula is torch's (`torch.optim.swa_utils`): ``average = d * average + (1 - d) * weight``.
    In the first steps d is ``(1 + step) / (10 + step)`` where that is smaller than the set decay,
    so that a short run is not evaluated with its start. The parameters are listed once: with
    layers this small, collecting them at every step would cost as much as the update itself.

    Args:
        model: The trained model, not wrapped.
        decay: Limit of d, between 0 and 1.
    """

    def __init__(self, model: Pretrained, decay: float) -> None:
        self.model = copy.deepcopy(model).requires_grad_(False).eval()
        self._decay = decay
        self._average = [parameter.detach() for parameter in self.model.parameters()]
        self._source = [parameter.detach() for parameter in model.parameters()]
        self._update = get_ema_multi_avg_fn(decay)

    def update(self, step: int) -> None:
        """Follow the weights after an optimizer step.

        Args:
            step: Number of steps done before this one.
        """
        early = (1 + step) / (10 + step)
        if early < self._decay:
            get_ema_multi_avg_fn(early)(self._average, self._source, step)
        else:
            self._update(self._average, self._source, step)
