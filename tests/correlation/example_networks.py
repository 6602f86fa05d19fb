"""Small networks and data for them."""

import torch
from torch import Tensor, nn

from qimlp import MLP, QiMLP
from tests.correlation.example_states import random_vectors


def network(seed: int = 0) -> QiMLP:
    """Two hidden two-body layers of 12 features."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return QiMLP([(3, 4), (3, 4), (4, 3), (2, 2)], rank=2).eval()


def control(seed: int = 0) -> MLP:
    """The classic network of the same widths."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return MLP([12, 12, 12, 4])


def inputs(count: int = 60) -> Tensor:
    return random_vectors(count, 12, seed=7, dtype=torch.float32)


class Convolution(nn.Module):
    """Not a QiMLP: a layer in a block, an in-place activation, an output with several axes."""

    def __init__(self) -> None:
        super().__init__()
        self.block = nn.Sequential(nn.Linear(6, 6), nn.ReLU(inplace=True))
        self.head = nn.Linear(6, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.block(x)).mean(1)
