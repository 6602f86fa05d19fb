"""A list of parameters that is read in every call."""

from __future__ import annotations

from torch import Tensor, nn


class Tensors(nn.ParameterList):
    """An `nn.ParameterList` with a quick way to read all of it."""

    def tensors(self) -> list[Tensor]:
        """The parameters in order, or what stands in their place (pruned, parametrized)."""
        found = self._parameters
        try:
            return [found[name] for name in _NAMES[: len(self)]]  # type: ignore[misc]
        except KeyError:
            return list(self)


_NAMES = tuple(str(i) for i in range(64))
