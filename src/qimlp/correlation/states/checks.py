"""Which tensors the functions accept; a refusal is one line: what was expected and what came."""

from __future__ import annotations

from math import prod

import torch
from torch import Tensor

from qimlp.shapes import format_dims

_DTYPES = frozenset(
    {
        *(torch.float16, torch.bfloat16, torch.float32, torch.float64),
        *(torch.complex32, torch.complex64, torch.complex128),
    }
)


def check_dense(name: str, values: object) -> None:
    """Check that `values` is an ordinary tensor that holds its numbers.

    Args:
        name: What to call it in a message.
        values: What was given.

    Raises:
        TypeError: If it is no tensor, or sparse, nested, quantised or of another layout.
        ValueError: If it is on the meta device, which holds no numbers.
    """
    if not isinstance(values, Tensor):
        raise TypeError(f"{name}: expected a tensor, got {type(values).__name__}")
    if values.is_nested:
        raise TypeError(
            f"{name}: expected one tensor, got a nested one; give its tensors one by one"
        )
    if values.layout != torch.strided:
        raise TypeError(
            f"{name}: expected a dense tensor, got one of layout {values.layout}; "
            f"convert with {name}.to_dense()"
        )
    if values.is_quantized:
        raise TypeError(
            f"{name}: expected a floating-point or complex dtype, got {values.dtype}; "
            f"convert with {name}.dequantize()"
        )
    if values.is_meta:
        raise ValueError(
            f"{name}: expected a tensor with numbers, got one on the meta device, which has none"
        )


def check_numbers(name: str, values: Tensor) -> None:
    """Check that `values` is a floating-point or complex tensor of finite numbers.

    Args:
        name: What to call it in a message.
        values: What was given.

    Raises:
        TypeError: If it is no dense tensor of such a dtype.
        ValueError: If there is NaN or infinity in it, or it is on the meta device.
    """
    check_dense(name, values)
    if values.dtype not in _DTYPES:
        raise TypeError(
            f"{name}: expected a floating-point or complex dtype, got {values.dtype}; "
            f"convert with {name}.double()"
        )
    finite = torch.isfinite(values)
    if not finite.all():
        count = int((~finite).sum())
        raise ValueError(f"{name}: expected finite numbers, got NaN or infinity in {count} entries")


def check_rows(name: str, rows: Tensor) -> None:
    """Check that `rows` is a dense matrix of numbers, one sample in each row.

    Args:
        name: What to call it in a message.
        rows: What was given.

    Raises:
        TypeError: If it is no dense tensor.
        ValueError: If it has another number of axes, or is on the meta device.
    """
    check_dense(name, rows)
    if rows.dtype == torch.complex32 or (rows.is_floating_point() and rows.dtype not in _DTYPES):
        raise TypeError(f"{name}: expected a dtype of 16 bits or more, got {rows.dtype}")
    if rows.dim() != 2:
        raise ValueError(f"{name}: expected rows (n, d), got shape {tuple(rows.shape)}")


def check_last_size(name: str, values: Tensor, dims: tuple[int, ...]) -> None:
    """Check that the last size is the product of the bodies' sizes.

    Args:
        name: What to call it in a message.
        values: What was given.
        dims: Sizes of the bodies.

    Raises:
        ValueError: If it is not.
    """
    if values.dim() == 0 or values.shape[-1] != prod(dims):
        raise ValueError(
            f"{name}: expected last size {prod(dims)} (= {format_dims(dims)}), "
            f"got shape {tuple(values.shape)}"
        )


def check_density_matrix(rho: Tensor) -> None:
    """Check that `rho` is Hermitian with unit trace, to the square root of its dtype's precision.

    Args:
        rho: What was given; expected are matrices of shape (..., n, n).

    Raises:
        TypeError: If it is no floating-point or complex tensor.
        ValueError: If it is not square, finite and Hermitian, or of another trace.
    """
    check_numbers("rho", rho)
    if rho.dim() < 2 or rho.shape[-1] != rho.shape[-2] or rho.shape[-1] == 0:
        raise ValueError(f"rho: expected square matrices (..., n, n), got {tuple(rho.shape)}")
    tolerance = torch.finfo(rho.dtype).eps ** 0.5
    if rho.dtype == torch.complex32:  # torch hardly computes with it
        rho = rho.to(torch.complex64)
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

    Args:
        eigenvalues: Shape (..., n).

    Raises:
        ValueError: If one is, by more than the square root of the precision.
    """
    least = float(eigenvalues.detach().min()) if eigenvalues.numel() else 0.0
    if least < -(torch.finfo(eigenvalues.dtype).eps ** 0.5):
        raise ValueError(
            f"rho: expected a density matrix, got one with the negative eigenvalue {least:.3g}"
        )
