"""A network as plain data: what a pickle or a copy of an estimator holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from qimlp.estimators.surroundings import drawing
from qimlp.models import TableNetwork


@dataclass(frozen=True)
class StoredNetwork:
    """What makes a network again; an array takes a pickle less room than a tensor.

    Attributes:
        config: Arguments of its constructor, and its `kind`.
        weights: All weights, one after the other.
    """

    config: dict[str, Any]
    weights: NDArray[np.float32]

    @classmethod
    def of(cls, network: TableNetwork) -> StoredNetwork:
        """Describe a network.

        Args:
            network: The network, on any device.

        Returns:
            The description.
        """
        parts = [value.detach().float().flatten() for value in network.state_dict().values()]
        return cls(network.config, torch.cat(parts).cpu().numpy())

    def network(self) -> TableNetwork:
        """Make the network again.

        Returns:
            The network on the CPU, in evaluation mode.
        """
        arguments = {name: value for name, value in self.config.items() if name != "kind"}
        with drawing(0, torch.device("cpu")):  # what is drawn is replaced
            network = TableNetwork(**arguments)
        rest = torch.from_numpy(np.array(self.weights))
        state = {}
        for name, value in network.state_dict().items():
            state[name] = rest[: value.numel()].view(value.shape)
            rest = rest[value.numel() :]
        network.load_state_dict(state)
        return network.eval()
