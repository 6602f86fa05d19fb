"""What the functions accept; every refusal is one line with what was expected and what came."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite, log, prod

import torch
from torch import Tensor

from qimlp.shapes import as_dims, as_size, format_dims


def check_bodies(dims: Sequence[int]) -> tuple[int, ...]:
    """Check the sizes of the bodies and return them as a tuple.

    Raises:
        TypeError: an entry is no integer.
        ValueError: fewer than two bodies, or a size below 1.
    """
    sizes = as_dims("dims", dims)
    if len(sizes) < 2:
        raise ValueError(
            f"dims: expected two or more bodies, got {sizes}; "
            "one body has no other to correlate with"
        )
    return sizes


def check_two_bodies(dims: Sequence[int], what: str) -> tuple[int, int]:
    """Check that there are exactly two bodies.

    Raises:
        TypeError: an entry is no integer.
        ValueError: another number of bodies, or a size below 1.
    """
    sizes = check_bodies(dims)
    if len(sizes) != 2:
        raise ValueError(f"dims: expected two bodies for {what}, got {sizes}")
    return sizes[0], sizes[1]


def check_part(name: str, bodies: int | Sequence[int], count: int) -> tuple[int, ...]:
    """Check indices of bodies and return them as a sorted tuple.

    Args:
        name: what to call them in a message.
        bodies: one index or several, from 0.
        count: number of bodies.

    Raises:
        TypeError: an index is no integer.
        ValueError: an index out of range or named twice, none at all, or all of them.
    """
    if not isinstance(bodies, (int, Sequence)) or isinstance(bodies, (bool, str)):
        raise TypeError(
            f"{name}: expected the index of a body or a sequence of them, got {bodies!r}"
        )
    given = (bodies,) if isinstance(bodies, int) else tuple(bodies)
    part = tuple(sorted(as_size(f"{name}[{i}]", body + 1) - 1 for i, body in enumerate(given)))
    if not part or len(set(part)) != len(part) or part[-1] >= count or len(part) == count:
        raise ValueError(
            f"{name}: expected some, but not all, of the bodies 0 to {count - 1}, each once, "
            f"got {given}"
        )
    return part


def check_base(base: float | None) -> float:
    """Return the nats in one unit of entropies to `base`: 1 without a base, `log(2)` for bits.

    Raises:
        ValueError: not a finite number above 1.
    """
    if base is None:
        return 1.0
    if not isinstance(base, (int, float)) or isinstance(base, bool) or not isfinite(base):
        raise ValueError(f"base: expected a finite number above 1, or None for nats, got {base!r}")
    if base <= 1:
        raise ValueError(f"base: expected a finite number above 1, or None for nats, got {base!r}")
    return log(base)


def check_numbers(name: str, values: Tensor) -> None:
    """Check that `values` is a floating-point or complex tensor of finite numbers.

    Raises:
        TypeError: not such a tensor.
        ValueError: NaN or infinity in it.
    """
    if not isinstance(values, Tensor):
        raise TypeError(f"{name}: expected a tensor, got {type(values).__name__}")
    if not (values.is_floating_point() or values.is_complex()):
        raise TypeError(
            f"{name}: expected a floating-point or complex dtype, got {values.dtype}; "
            f"convert with {name}.double()"
        )
    finite = torch.isfinite(values)
    if not finite.all():
        count = int((~finite).sum())
        raise ValueError(f"{name}: expected finite numbers, got NaN or infinity in {count} entries")


def check_last_size(name: str, values: Tensor, dims: tuple[int, ...]) -> None:
    """Check that the last size is the product of the bodies' sizes.

    Raises:
        ValueError: it is not.
    """
    if values.dim() == 0 or values.shape[-1] != prod(dims):
        raise ValueError(
            f"{name}: expected last size {prod(dims)} (= {format_dims(dims)}), "
            f"got shape {tuple(values.shape)}"
        )


def check_density_matrix(rho: Tensor) -> None:
    """Check that `rho` is Hermitian with unit trace, to the square root of its dtype's precision.

    Raises:
        TypeError: not a floating-point or complex tensor.
        ValueError: not square, not finite, not Hermitian, or of another trace.
    """
    check_numbers("rho", rho)
    if rho.dim() < 2 or rho.shape[-1] != rho.shape[-2] or rho.shape[-1] == 0:
        raise ValueError(f"rho: expected square matrices (..., n, n), got {tuple(rho.shape)}")
    tolerance = torch.finfo(rho.dtype).eps ** 0.5
    with torch.no_grad():
        skew = (rho - rho.mH).abs()
        if skew.numel() and float(skew.max()) > tolerance:
            raise ValueError(
                f"rho: expected a Hermitian matrix, got one that differs from its adjoint by "
                f"{float(skew.max()):.3g}"
            )
        off = (rho.diagonal(dim1=-2, dim2=-1).sum(-1) - 1).abs()
        if off.numel() and float(off.max()) > tolerance:
            raise ValueError(
                f"rho: expected trace 1, got one off by {float(off.max()):.3g}; divide by the trace"
            )


def check_not_negative(eigenvalues: Tensor) -> None:
    """Check that a Hermitian matrix of unit trace is a state: no eigenvalue below zero.

    Raises:
        ValueError: one is, by more than the square root of the precision.
    """
    least = float(eigenvalues.detach().min()) if eigenvalues.numel() else 0.0
    if least < -(torch.finfo(eigenvalues.dtype).eps ** 0.5):
        raise ValueError(
            f"rho: expected a density matrix, got one with the negative eigenvalue {least:.3g}"
        )
