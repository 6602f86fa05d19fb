"""The product state closest to a two-body state: exact, and by the paper's gradient fit.

Both minimise `| |a><a| (x) |b><b| - |x><x| |_F`, over the vectors a and b of any length. Its square
is `1 - 2 |<a (x) b|x>|^2 + |a|^4 |b|^4`, so no `d x d` matrix is needed to compute it, and the
least value is `1 - s^4` with s the largest singular value of x as a matrix (Eckart and Young).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from qimlp.correlation.states.arguments import check_real, check_seed, check_two_bodies
from qimlp.correlation.states.map_rows import map_rows
from qimlp.correlation.states.vectors import check_vectors, normalised, unfold, unit_length
from qimlp.shapes import as_size

_SQUARINGS = 12
_PURE = 1e-13


@dataclass(frozen=True)
class ProductState:
    """Product states `a (x) b` near given states; nothing in it carries gradients.

    Attributes:
        a: Of length 1, shape `(..., dims[0])`.
        b: Of length 1, shape `(..., dims[1])`.
        overlap: `|<a (x) b|x>|` in [0, 1], shape `(...)`; 1 where x is a product.
    """

    a: Tensor
    b: Tensor
    overlap: Tensor

    @property
    def error(self) -> Tensor:
        """Frobenius distance of `|x><x|` to the best multiple of the product; shape `(...)`."""
        return (1 - self.overlap**4).clamp(min=0).sqrt()


def nearest_product(x: Tensor, dims: Sequence[int]) -> ProductState:
    """The closest product state: the leading singular vectors of x as a matrix.

    Where the largest singular value is degenerate there are several; one of them is returned.

    Args:
        x: Vectors, shape `(..., dims[0] * dims[1])`, real or complex; each is scaled to length 1.
        dims: Sizes of the two bodies.

    Returns:
        The product states, double precision.

    Raises:
        TypeError: If it is no floating-point or complex tensor.
        ValueError: If bodies are not two, dims do not fit, or a vector is zero, NaN or infinite.
    """
    return _by_rows(x, dims, "the nearest product", _leading)


def fitted_product(
    x: Tensor,
    dims: Sequence[int],
    *,
    learning_rate: float = 0.02,
    tolerance: float = 1e-6,
    max_steps: int = 20_000,
    seed: int = 0,
) -> ProductState:
    """The same by gradient descent, as the paper does it; kept for comparison with the exact one.

    Adam from a random start on all rows at once, with a rate that falls as `1 / (1 + step / 200)`,
    until no row's gradient is longer than `tolerance`. It can stop at a product that is not the
    closest.

    Args:
        x: Vectors, shape `(..., dims[0] * dims[1])`, real or complex; each is scaled to length 1.
        dims: Sizes of the two bodies.
        learning_rate: Adam's at the start.
        tolerance: Length of a row's gradient at which it counts as fitted.
        max_steps: Give up after so many.
        seed: Of the start.

    Returns:
        The product states, double precision.

    Raises:
        TypeError: If it is no floating-point or complex tensor.
        ValueError: If bodies are not two, dims do not fit, or a vector is zero, NaN or infinite.
    """
    sizes = check_two_bodies(dims, "the fitted product")
    check_real("learning_rate", learning_rate, above=True)
    check_real("tolerance", tolerance)
    as_size("max_steps", max_steps, least=0)
    states = normalised(x.detach() if isinstance(x, Tensor) else x, sizes)
    matrices = unfold(states.reshape(-1, states.shape[-1]), sizes, (0,))
    generator = torch.Generator().manual_seed(check_seed(seed))
    a, b = (
        torch.randn(len(matrices), size, generator=generator, dtype=torch.float64)
        .to(matrices)
        .div_(size**0.5)
        .requires_grad_()
        for size in sizes
    )
    optimizer = torch.optim.Adam([a, b], lr=learning_rate)
    with torch.enable_grad():
        for step in range(max_steps):
            optimizer.zero_grad()
            _squared_distance(matrices, a, b).sum().backward()
            if step % 10 == 0 and _longest_gradient(a, b) <= tolerance:
                break
            optimizer.param_groups[0]["lr"] = learning_rate / (1 + step / 200)
            optimizer.step()
    a, b = (v.detach() / v.detach().norm(dim=-1, keepdim=True) for v in (a, b))
    return _shaped(x.shape[:-1], a, b, _amplitude(matrices, a, b).abs())


def mixture_spectrum(product: ProductState) -> Tensor:
    """Eigenvalues of the two bodies' states as one ensemble (Eq. 11): `(1 ± |<a|b>|) / 2`.

    The smaller body is embedded in the larger, padded with zeros at the end.

    Args:
        product: Product states of two bodies.

    Returns:
        Shape `(..., 2)`.
    """
    shared = min(product.a.shape[-1], product.b.shape[-1])
    inner = (product.a[..., :shared].conj() * product.b[..., :shared]).sum(-1).abs().clamp(max=1)
    return torch.stack([(1 + inner) / 2, (1 - inner) / 2], -1)


@torch.no_grad()
def _by_rows(
    x: Tensor,
    dims: Sequence[int],
    what: str,
    method: Callable[[Tensor], tuple[Tensor, ...]],
) -> ProductState:
    sizes = check_two_bodies(dims, what)
    check_vectors(x, sizes)
    flat = x.reshape(-1, x.shape[-1])
    found = map_rows(lambda rows: method(unfold(unit_length(rows), sizes, (0,))), flat)
    return _shaped(x.shape[:-1], *found)


def _leading(matrices: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Leading singular vectors: of the smaller Gram matrix, then one product with the matrix."""
    wide = matrices.shape[-2] <= matrices.shape[-1]
    cut = matrices if wide else matrices.mT
    one = _leading_eigenvector(cut @ cut.mH)
    other = (cut.mT @ one.conj().unsqueeze(-1)).squeeze(-1)
    overlap = other.norm(dim=-1)
    other = other / overlap.unsqueeze(-1)
    return (one, other, overlap) if wide else (other, one, overlap)


def _leading_eigenvector(gram: Tensor) -> Tensor:
    """Eigenvector of the largest eigenvalue of positive matrices `(n, m, m)` of trace 1.

    Squaring a matrix again and again leaves its leading eigenvector alone; a few products of
    matrices are faster than a decomposition. Where the two largest eigenvalues are too close for
    that, it is decomposed.
    """
    power = gram
    lost = gram.new_ones(len(gram), dtype=torch.float64)  # 1 - purity of the last power
    for _ in range(_SQUARINGS):
        power = power @ power
        purity = power.diagonal(dim1=-2, dim2=-1).sum(-1).real
        power = power / purity[:, None, None]
        lost = (1 - purity).abs()
        if lost.numel() == 0 or float(lost.max()) < _PURE:
            break
    largest = power.diagonal(dim1=-2, dim2=-1).real.argmax(-1)
    vector = power.gather(-1, largest[:, None, None].expand(-1, gram.shape[-1], 1)).squeeze(-1)
    vector /= vector.norm(dim=-1, keepdim=True)
    mixed = lost >= _PURE
    if mixed.any():
        vector[mixed] = torch.linalg.eigh(gram[mixed]).eigenvectors[..., -1]
    return vector


def _amplitude(matrices: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """`<a (x) b|x>`, shape `(n,)`."""
    return (a.conj() * (matrices @ b.conj().unsqueeze(-1)).squeeze(-1)).sum(-1)


def _squared_distance(matrices: Tensor, a: Tensor, b: Tensor) -> Tensor:
    lengths = a.abs().square().sum(-1) * b.abs().square().sum(-1)
    return 1 - 2 * _amplitude(matrices, a, b).abs().square() + lengths.square()


def _longest_gradient(*vectors: Tensor) -> float:
    gradients = [v.grad.norm(dim=-1) for v in vectors if v.grad is not None]
    return max((float(lengths.max()) for lengths in gradients if lengths.numel()), default=0.0)


def _shaped(lead: torch.Size, a: Tensor, b: Tensor, overlap: Tensor) -> ProductState:
    return ProductState(
        a.reshape((*lead, a.shape[-1])),
        b.reshape((*lead, b.shape[-1])),
        overlap.reshape(lead).clamp(max=1),
    )
