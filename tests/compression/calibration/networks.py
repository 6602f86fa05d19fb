"""Small networks of the kinds that a walk meets, in float64, and batches for them."""

import pytest
import torch
from torch import nn
from torch.nn.functional import gelu

WIDTH = 6


class Block(nn.Module):
    """Three layers on one input, one after; the mask goes through."""

    def __init__(self):
        super().__init__()
        self.q, self.k, self.v, self.out = (nn.Linear(WIDTH, WIDTH) for _ in range(4))

    def forward(self, hidden, *, shift, scale=None, flag=False):
        mixed = self.q(hidden) * torch.tanh(self.k(hidden)) + self.v(hidden)
        return hidden + self.out(mixed) + shift, flag


class Tower(nn.Module):
    """An encoder as transformers has them: embedding, list of blocks, head."""

    def __init__(self, depth=3):
        super().__init__()
        self.embed = nn.Embedding(9, WIDTH)
        self.layers = nn.ModuleList(Block() for _ in range(depth))
        self.head = nn.Linear(WIDTH, 2)

    def forward(self, input_ids, attention_mask=None):
        hidden = self.embed(input_ids)
        shift = torch.full((1, 1, WIDTH), 0.1, dtype=hidden.dtype)
        for layer in self.layers:
            hidden, _ = layer(hidden, shift=shift, scale=None, flag=False)
        return self.head(hidden)


class Skips(nn.Module):
    """Blocks whose inputs are made outside of them, and a layer that runs twice."""

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(WIDTH, WIDTH) for _ in range(3))
        self.twice = nn.Linear(WIDTH, WIDTH)

    def forward(self, x):
        for layer in self.layers:
            x = x + gelu(layer(x))
        return self.twice(self.twice(x).tanh())


class Experts(nn.Module):
    """Layers that some batches do not reach."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(WIDTH, WIDTH)
        self.experts = nn.ModuleList(nn.Linear(WIDTH, WIDTH) for _ in range(2))
        self.last = nn.Linear(WIDTH, WIDTH)

    def forward(self, x):
        hidden = self.first(x)
        return self.last(self.experts[int(x[0, 0] > 0)](hidden))


def altering():
    """A sequence in which activations overwrite their inputs."""
    return nn.Sequential(
        nn.Linear(WIDTH, WIDTH),
        nn.Sequential(nn.ELU(inplace=True), nn.Linear(WIDTH, WIDTH), nn.ELU(inplace=True)),
        nn.Sequential(nn.Linear(WIDTH, 4)),
    )


def rows(seed=0, count=3):
    made = torch.Generator().manual_seed(seed)
    return [torch.randn(7, WIDTH, dtype=torch.float64, generator=made) for _ in range(count)]


def tokens(seed=0, count=3):
    made = torch.Generator().manual_seed(seed)
    given = []
    for length in range(4, 4 + count):
        mask = torch.ones(5, length, dtype=torch.long)
        mask[1, 2:] = mask[3, 1:] = 0
        ids = torch.randint(9, (5, length), generator=made)
        given.append({"input_ids": ids, "attention_mask": mask})
    return given


NETWORKS = {
    "tower": (Tower, tokens),
    "altering": (altering, rows),
    "skips": (Skips, rows),
    "experts": (Experts, rows),
}


def made(name, seed=0):
    network, batches = NETWORKS[name]
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        return network().double().eval(), batches()


def linear_names(model):
    return [name for name, module in model.named_modules() if isinstance(module, nn.Linear)]


every_network = pytest.mark.parametrize("name", NETWORKS)
