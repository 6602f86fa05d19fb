"""The networks of the paper's evaluation, as plain data (Zhang et al., AAAI-25)."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from types import MappingProxyType

Dims = tuple[int, ...]


def _repeat(dims: Dims, times: int) -> tuple[Dims, ...]:
    return (dims,) * times


PAPER_NETWORKS: Mapping[str, Mapping[int, tuple[Dims, ...]]] = MappingProxyType(
    {
        "mnist": {
            2: ((28, 28), (28, 28), (28, 28), (2, 5)),
            3: ((7, 7, 16), (16, 7, 7), (16, 7, 7), (2, 5, 1)),
            4: ((4, 7, 4, 7), (7, 4, 7, 4), (7, 4, 7, 4), (1, 10, 1, 1)),
        },
        "cifar10": {
            2: ((48, 64), *_repeat((64, 48), 4), (2, 5)),
            3: ((12, 16, 16), *_repeat((16, 16, 12), 4), (1, 2, 5)),
            4: (*_repeat((12, 4, 4, 16), 5), (1, 2, 1, 5)),
        },
        "imdb": {
            2: (*_repeat((24, 32), 3), (1, 2)),
            3: (*_repeat((8, 8, 12), 3), (1, 1, 2)),
        },
        "20newsgroups": {
            2: (*_repeat((50, 100), 5), (4, 5)),
            3: (*_repeat((10, 20, 25), 5), (1, 4, 5)),
        },
    }
)
"""Multi-body networks: data set -> number of bodies -> dims of the input and of every output."""

PAPER_WIDTHS: Mapping[str, Dims] = MappingProxyType(
    {
        "mnist": (784, 784, 784, 10),
        "cifar10": (3072, 3072, 3072, 3072, 3072, 10),
        "imdb": (768, 768, 768, 2),
        "20newsgroups": (5000, 5000, 5000, 5000, 5000, 20),
    }
)
"""Classic controls: data set -> widths from the input to the output."""


def paper_layers() -> dict[tuple[Dims, Dims], str]:
    """Every layer `(in_dims, out_dims)` of the paper's networks, with where it stands."""
    layers: dict[tuple[Dims, Dims], str] = {}
    for data_set, networks in PAPER_NETWORKS.items():
        for bodies, dims in networks.items():
            for pair in pairwise(dims):
                layers.setdefault(pair, f"{data_set} {bodies}b")
    return layers
