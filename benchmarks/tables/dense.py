"""The control: the network for tables with dense layers of the same widths."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout as drop

from qimlp.models import TableNetwork


class DenseTableNetwork(TableNetwork):
    """A table network whose layers have dense weights between the flattened matrices.

    Embedding, widths, activation, residual sums, members and head are those of `TableNetwork`, so
    that what differs is the Kronecker structure alone.
    """

    def _add_layers(self, grids: list[tuple[int, ...]], make: dict[str, Any]) -> None:
        super()._add_layers(grids, make)
        for number, (old, new) in enumerate(pairwise(grids)):
            for name in (f"left_{number}", f"right_{number}", f"layer_{number}_bias"):
                delattr(self, name)
            weight = torch.empty((self.members, math.prod(old), math.prod(new)), **make)
            self.register_parameter(f"dense_{number}", nn.Parameter(weight))
            bias = torch.empty((self.members, 1, math.prod(new)), **make)
            self.register_parameter(f"dense_{number}_bias", nn.Parameter(bias))

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Draw weights and heads anew; biases and the linear model become zero."""
        for number in range(len(self._config["hidden"])):
            weight = self.get_parameter(f"dense_{number}")
            weight.normal_(std=(1.0 if number == 0 else self._gain) / math.sqrt(weight.shape[1]))
            self.get_parameter(f"dense_{number}_bias").zero_()
        self.head.normal_(std=self.head.shape[1] ** -0.5)
        self.head_bias.zero_()
        if self._config["linear_skip"]:
            self.skip.zero_()

    def member_outputs(self, x: Tensor) -> Tensor:
        """Compute the outputs of every member; see `TableNetwork`."""
        rows = self.embedding(x)
        wide = rows.flatten(1).unsqueeze(0).expand(self.members, -1, -1)
        share = self._config["dropout"] if self.training else 0.0
        for number in range(len(self._config["hidden"])):
            weight = self.get_parameter(f"dense_{number}")
            bias = self.get_parameter(f"dense_{number}_bias")
            new = self._activation(torch.baddbmm(bias, wide, weight))
            if share:
                new = drop(new, share)
            residual = (number > 0 or self.members == 1) and wide.shape == new.shape
            wide = wide + new if residual else new
        outputs = torch.baddbmm(self.head_bias.unsqueeze(1), wide, self.head)
        if self._config["linear_skip"]:
            numbers = int(self._config["num_numbers"])
            straight = torch.cat((x[:, :numbers], rows[:, numbers:].flatten(1)), dim=1)
            outputs = outputs + straight @ self.skip
        return outputs


class DenseEstimator:
    """An estimator of ours that trains a dense network as it would train its own.

    Args:
        estimator: What it is in all else; fitted in place.
    """

    def __init__(self, estimator: Any) -> None:
        self._estimator = estimator

    def fit(self, x: Any, y: Any) -> DenseEstimator:
        """Fit as the estimator does, with a dense network in place of the table network."""
        with patch("qimlp.estimators.fitting.TableNetwork", DenseTableNetwork):
            self._estimator.fit(x, y)
        return self

    def __getattr__(self, name: str) -> Any:
        if name == "_estimator":  # asked for by a copy that is not made yet
            raise AttributeError(name)
        return getattr(self._estimator, name)
