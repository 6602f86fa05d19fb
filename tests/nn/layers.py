"""Layers to hold against an `nn.Linear` that does the same."""

import torch
from torch import nn

from qimlp import KroneckerLinear

LAYERS = {
    "linear": lambda **options: nn.Linear(12, 10, **options),
    "kronecker bias": lambda **options: KroneckerLinear(12, 10, rank=2, **options),
    "dense bias": lambda **options: KroneckerLinear(12, 10, True, rank=2, **options),
    "no bias": lambda **options: KroneckerLinear(12, 10, False, num_factors=3, **options),
}


def network(name, **options):
    return nn.Sequential(LAYERS[name](**options), nn.GELU(), nn.Linear(10, 3, **options))


def drawn(layer):
    """The layer with every parameter drawn anew: a bias that is zero would hide its absence."""
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(torch.randn(parameter.shape))
    return layer
