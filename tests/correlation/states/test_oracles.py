"""Agreement with QuTiP and PennyLane."""

import math

import numpy as np
import pytest
import torch

from qimlp.correlation import (
    density_matrix,
    mutual_information,
    partial_trace,
    reduced_density_matrix,
    total_correlation,
    von_neumann_entropy,
)
from tests.correlation.example_states import random_density, random_vectors

DIMS = [(2, 3), (4, 2), (2, 3, 2), (3, 2, 2, 2), (2, 2, 2, 2, 2), (2, 2, 3, 2, 2, 2)]
QUBITS = [2, 3, 4, 5, 6]
CLOSE = {"rtol": 0, "atol": 1e-10}


@pytest.fixture(scope="module")
def qutip():
    return pytest.importorskip("qutip", reason="QuTiP is not installed; it comes with [oracles]")


@pytest.fixture(scope="module")
def pennylane():
    reason = "PennyLane is not installed; it comes with [oracles]"
    return pytest.importorskip("pennylane", reason=reason)


def states(dims: tuple[int, ...]) -> list[torch.Tensor]:
    """One pure state, a mixed one of rank 2 and one of full rank, as density matrices."""
    size = math.prod(dims)
    return [random_density(size, rank, seed=rank) for rank in (1, 2, size)]


@pytest.mark.parametrize("dims", DIMS)
def test_entropies_as_qutip_has_them(qutip, dims):
    size = math.prod(dims)
    x = random_vectors(size, dtype=torch.complex128)
    pure = qutip.Qobj((x / x.norm()).numpy(), dims=[list(dims), [1] * len(dims)])
    for rho in states(dims):
        other = qutip.Qobj(rho.numpy(), dims=[list(dims), list(dims)])
        entropy = qutip.entropy_vn(other)
        assert float(von_neumann_entropy(rho)) == pytest.approx(entropy, abs=1e-10)
        rest = list(range(1, len(dims)))
        assert float(mutual_information(rho, dims)) == pytest.approx(
            qutip.entropy_mutual(other, [0], rest), abs=1e-10
        )
        bodies = [qutip.entropy_vn(other.ptrace([m])) for m in range(len(dims))]
        assert float(total_correlation(rho, dims, pure=False)) == pytest.approx(
            sum(bodies) - entropy, abs=1e-10
        )
        kept = partial_trace(rho, dims, [0, len(dims) - 1]) if len(dims) > 2 else None
        if kept is not None:
            expected = torch.from_numpy(other.ptrace([0, len(dims) - 1]).full())
            torch.testing.assert_close(kept, expected, **CLOSE)
    bodies = [qutip.entropy_vn(pure.ptrace([m])) for m in range(len(dims))]
    assert float(total_correlation(x, dims)) == pytest.approx(sum(bodies), abs=1e-10)
    last = torch.from_numpy(pure.ptrace([len(dims) - 1]).full())
    torch.testing.assert_close(reduced_density_matrix(x, dims, len(dims) - 1), last, **CLOSE)


@pytest.mark.parametrize("bodies", QUBITS)
def test_entropies_as_pennylane_has_them(pennylane, bodies):
    dims, wires = (2,) * bodies, list(range(bodies))
    x = random_vectors(3, 2**bodies, dtype=torch.complex128)
    ensemble = density_matrix(x)
    for rho in [*states(dims), ensemble]:
        theirs = rho.numpy()
        assert float(von_neumann_entropy(rho)) == pytest.approx(
            float(pennylane.math.vn_entropy(theirs, wires)), abs=1e-10
        )
        assert float(mutual_information(rho, dims, base=2)) == pytest.approx(
            float(pennylane.math.mutual_info(theirs, [0], wires[1:], base=2)), abs=1e-10
        )
    ours = mutual_information(x, dims, 0, 1)
    theirs = [float(pennylane.math.mutual_info(density_matrix(row).numpy(), [0], [1])) for row in x]
    np.testing.assert_allclose(ours.numpy(), theirs, rtol=0, atol=1e-10)
