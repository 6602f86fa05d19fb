"""Which replacements of layers are faster than the layers were."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from qimlp.compression.fits import Choice, Layout
from qimlp.compression.speed import measured_speed, predicted_speed
from qimlp.compression.targets import Target
from qimlp.nn import kronecker_like
from qimlp.shapes import KroneckerShape

_CLEARLY = 1.05
"""Times as fast that count as faster: measurements of one layer differ by a few percent."""

_NEXT = 0.85
"""Of a rank that was measured to be too slow: the least one that counts as too slow with it."""


def predicted(target: Target, layout: Layout, rank: int, rows: int) -> float:
    """Predict how many times as fast as a layer what takes its place is.

    Args:
        target: The layer.
        layout: The new layer's layout.
        rank: Its number of summed products.
        rows: Rows of input.

    Returns:
        The dense layer's time over the new one's.
    """
    weight = target.weight
    return predicted_speed(
        layout.in_dims, layout.out_dims, rank, rows, dtype=weight.dtype, device=weight.device.type
    )


class Faster:
    """Says which layouts and ranks make a layer faster: by prediction, and what was measured.

    Args:
        targets: The layers, by name.
        rows: Rows of input.
    """

    def __init__(self, targets: Mapping[str, Target], rows: int) -> None:
        self._targets = targets
        self._rows = rows
        self._too_slow: dict[tuple[str, Layout], int] = {}  # the least such rank
        self._measured: dict[tuple[str, Layout, int], bool] = {}

    def __call__(self, name: str, layout: Layout, rank: int) -> bool:
        """Whether a layer may be replaced by this."""
        too_slow = self._too_slow.get((name, layout))
        if too_slow is not None and rank >= too_slow:
            return False
        return predicted(self._targets[name], layout, rank, self._rows) > 1

    def confirmed(self, choices: Mapping[str, Choice | None]) -> bool:
        """Measure what was chosen; what is not faster is not allowed from now on.

        Args:
            choices: By the name of a layer; None for one that stays dense.

        Returns:
            Whether all of it is faster, or cannot be measured here.
        """
        right = True
        for name, choice in choices.items():
            if choice is not None and not self._is_faster(name, choice.layout, choice.rank):
                self._too_slow[name, choice.layout] = max(int(_NEXT * choice.rank), 1)
                right = False
        return right

    def _is_faster(self, name: str, layout: Layout, rank: int) -> bool:
        target = self._targets[name]
        # Layers of one size, such as those of equal blocks, are measured once.
        key = (f"{target.module!r} {target.weight.dtype}", layout, rank)
        if key not in self._measured:
            bias = None if target.bias is None else "dense"
            shape = KroneckerShape(layout.in_dims, layout.out_dims, rank)
            layer = kronecker_like(target.module, shape, bias)
            with torch.no_grad():
                for parameter in layer.parameters():
                    parameter.fill_(1e-2)  # what lies there may be slow numbers
            speed = measured_speed(target.module, layer, self._rows)
            self._measured[key] = speed is None or speed > _CLEARLY
        return self._measured[key]
