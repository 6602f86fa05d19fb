"""States with known correlations, and random ones."""

import math

import torch

BELL = torch.tensor([[1, 0, 0, 1], [1, 0, 0, -1], [0, 1, 1, 0], [0, 1, -1, 0]]).double()


def ghz(bodies: int) -> torch.Tensor:
    x = torch.zeros(2**bodies, dtype=torch.float64)
    x[0] = x[-1] = 1
    return x


def w_state(bodies: int) -> torch.Tensor:
    x = torch.zeros(2**bodies, dtype=torch.float64)
    x[[2**i for i in range(bodies)]] = 1
    return x


def maximally_entangled(size: int) -> torch.Tensor:
    return torch.eye(size, dtype=torch.float64).flatten()


def binary_entropy(p: float) -> float:
    return -sum(q * math.log(q) for q in (p, 1 - p) if q > 0)


def random_vectors(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def random_density(size: int, rank: int, seed: int = 0) -> torch.Tensor:
    a = random_vectors(size, rank, seed=seed, dtype=torch.complex128)
    rho = a @ a.mH
    return rho / rho.diagonal().sum().real
