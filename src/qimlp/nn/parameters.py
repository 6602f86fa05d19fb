"""A list of parameters that is read in every call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any

import torch
from torch import Tensor, nn


class Tensors(nn.ParameterList):
    """An `nn.ParameterList` with a quick way to read all of it."""

    def tensors(self) -> Sequence[Tensor]:
        """The parameters in order, or what stands in their place (pruned, parametrized)."""
        if torch.compiler.is_compiling():
            return self._replaced()
        try:
            return _reader(len(self))(self._parameters)
        except KeyError:
            return self._replaced()

    def _replaced(self) -> Sequence[Tensor]:
        """The parameters one by one, after what would run before a call: pruning masks them so."""
        for hook in self._forward_pre_hooks.values():
            hook(self, ())
        return list(self)


@lru_cache(maxsize=64)
def _reader(count: int) -> Callable[[Any], Sequence[Tensor]]:
    if count == 1:  # an itemgetter of one name returns no tuple
        return lambda found: (found["0"],)
    return itemgetter(*map(str, range(count)))
