"""What the functions accept; every refusal is one line with what was expected and what came."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from operator import index

import torch
from torch import Tensor

from qimlp.shapes import KroneckerShape


def as_tensors(name: str, given: Iterable[Tensor], form: str) -> tuple[Tensor, ...]:
    """Take what a user gives as several tensors: a list, an `nn.ParameterList`, a generator.

    Args:
        name: Of the argument.
        given: The tensors.
        form: The shape that each is to have, in words.

    Raises:
        TypeError: One tensor, or anything else that is not several.
    """
    if isinstance(given, Tensor):
        raise TypeError(
            f"{name}: expected a sequence of tensors {form}, got one tensor of shape "
            f"{tuple(given.shape)}; put it in a list"
        )
    if not isinstance(given, Iterable):
        raise TypeError(
            f"{name}: expected a sequence of tensors {form}, got {type(given).__name__}"
        )
    tensors = tuple(given)
    for i, tensor in enumerate(tensors):
        if not isinstance(tensor, Tensor):
            raise TypeError(f"{name}[{i}]: expected a tensor, got {type(tensor).__name__}")
    return tensors


def check_factors(factors: Iterable[Tensor]) -> tuple[tuple[Tensor, ...], KroneckerShape]:
    """Check that `factors` are factors of one layer; return them and its shape.

    Raises:
        TypeError: Not a sequence of floating-point tensors of one dtype on one device.
        ValueError: No factor, or shapes that are not `(rank, out_i, in_i)` with one rank.
    """
    tensors = as_tensors("factors", factors, "(rank, out_i, in_i)")
    return tensors, _checked_shape(tensors)


def _checked_shape(factors: tuple[Tensor, ...]) -> KroneckerShape:
    for i, factor in enumerate(factors):
        if i:
            check_like(f"factors[{i}]", factor, "factors[0]", factors[0])
        elif not factor.is_floating_point():
            raise TypeError(f"factors: expected a floating-point dtype, got {factor.dtype}")
    # Sizes may be symbols while tracing; a layer's are constants of the graph.
    sizes = tuple([tuple([index(size) for size in factor.shape]) for factor in factors])
    return _shape(sizes) if torch.compiler.is_compiling() else _cached_shape(sizes)


def _shape(sizes: tuple[tuple[int, ...], ...]) -> KroneckerShape:
    if not sizes:
        raise ValueError("factors: expected at least one tensor (rank, out_i, in_i), got none")
    for i, size in enumerate(sizes):
        if len(size) != 3:
            raise ValueError(f"factors[{i}]: expected shape (rank, out_i, in_i), got {size}")
        if size[0] != sizes[0][0]:
            raise ValueError(
                f"factors[{i}]: expected rank {sizes[0][0]} as factors[0] has, got shape {size}"
            )
    ins, outs = tuple(i for _, _, i in sizes), tuple(o for _, o, _ in sizes)
    return KroneckerShape(ins, outs, sizes[0][0])


_cached_shape = lru_cache(maxsize=4096)(_shape)


def check_like(name: str, tensor: Tensor, other_name: str, other: Tensor) -> None:
    """Check that two tensors share dtype and device.

    Raises:
        TypeError: They do not.
    """
    if tensor.dtype != other.dtype:
        raise TypeError(
            f"{name}: expected dtype {other.dtype} as {other_name} has, got {tensor.dtype}; "
            f"convert one of them with .to(...)"
        )
    if tensor.device != other.device:
        raise TypeError(
            f"{name}: expected device {other.device} as {other_name} has, got {tensor.device}; "
            f"move one of them with .to(...)"
        )


def check_input(x: Tensor, shape: KroneckerShape) -> None:
    """Check an input of a layer.

    Raises:
        TypeError: Not a floating-point tensor.
        ValueError: Its last size is not `in_features`.
    """
    if not isinstance(x, Tensor):
        raise TypeError(f"x: expected a tensor, got {type(x).__name__}")
    if x.is_nested:
        raise TypeError(
            "x: expected a tensor of one shape, got a nested one; apply the layer to x.values()"
        )
    if x.layout != torch.strided:
        raise TypeError(
            f"x: expected a dense tensor, got layout {x.layout}; convert with x.to_dense()"
        )
    if not x.is_floating_point():
        how = (
            "take its real and imaginary part apart" if x.is_complex() else "convert with x.float()"
        )
        raise TypeError(f"x: expected a floating-point dtype, got {x.dtype}; {how}")
    if x.dim() == 0 or x.shape[-1] != shape.in_features:
        dims = "*".join(str(d) for d in shape.in_dims)
        raise ValueError(
            f"x: expected last size {shape.in_features} (= {dims}), got shape {tuple(x.shape)}"
        )


def check_bias(bias: Tensor | Iterable[Tensor] | None, shape: KroneckerShape) -> Sequence[Tensor]:
    """Check a bias of a layer and return its vectors: none, the dense one, or one per factor.

    Raises:
        TypeError: Not tensors.
        ValueError: Not of shape `(out_features,)`, or of shapes `(out_i,)`.
    """
    if bias is None:
        return ()
    if isinstance(bias, Tensor):
        if bias.shape != (shape.out_features,):
            raise ValueError(
                f"bias: expected shape ({shape.out_features},), got {tuple(bias.shape)}"
            )
        return (bias,)
    vectors = as_tensors("bias", bias, "(out_i,), or one tensor (out_features,)")
    if len(vectors) != shape.num_factors or any(
        vector.shape != (size,) for vector, size in zip(vectors, shape.out_dims, strict=True)
    ):
        raise ValueError(
            f"bias: expected {shape.num_factors} vectors of lengths {shape.out_dims}, "
            f"got shapes {[tuple(vector.shape) for vector in vectors]}"
        )
    return vectors


def check_weight(name: str, weight: Tensor) -> None:
    """Check a dense weight.

    Raises:
        TypeError: Not a floating-point tensor.
        ValueError: Not a matrix.
    """
    if not isinstance(weight, Tensor) or not weight.is_floating_point():
        got = weight.dtype if isinstance(weight, Tensor) else type(weight).__name__
        raise TypeError(f"{name}: expected a floating-point tensor, got {got}")
    if weight.dim() != 2:
        raise ValueError(
            f"{name}: expected a matrix (out_features, in_features), got {tuple(weight.shape)}"
        )
    if weight.device.type != "meta" and not bool(torch.isfinite(weight).all()):
        raise ValueError(f"{name}: expected finite entries, got NaN or infinity")
