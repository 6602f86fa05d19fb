"""The multi-body layer as a module."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from qimlp import functional
from qimlp.nn.parameters import Tensors
from qimlp.ops import Explanation, build_weight
from qimlp.shapes import KroneckerShape, as_bias_form, as_size, format_dims, plan


class KroneckerLinear(nn.Module):
    """`y = W x + B` with `W` a sum of Kronecker products that is never built (paper, Eqs. 2-4).

    A drop-in for `nn.Linear` on inputs of shape `(*, in_features)`.

    Parameters in the state dict: `factors.0 ..` of shape `(rank, out_dims[i], in_dims[i])`, and
    `bias_factors.0 ..` of shape `(out_dims[i],)` or `bias` of shape `(out_features,)`.

    Args:
        in_features: width of the input.
        out_features: width of the output.
        bias: `"kronecker"` (Eq. 3), `"dense"` (an ordinary vector, also what `True` means), or
            `False`.
        in_dims: sizes of the input's bodies; the planner's first choice where none are given.
        out_dims: sizes of the output's bodies; given together with `in_dims` or not at all.
        num_factors: number of factors M, where no dims are given.
        rank: number of summed Kronecker products (the paper's copies k).
        init: start of the factors, `"normal"` or `"orthogonal"`.
        gain: scale of the output over that of the input at the start.
        device: where the parameters lie.
        dtype: their dtype.

    Raises:
        TypeError: a size is no integer, or the dtype no floating-point one.
        ValueError: dims that do not multiply up to the width, sizes below 1, an unknown name.
    """

    in_features: int
    out_features: int

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: str | bool = "kronecker",
        *,
        in_dims: Sequence[int] | None = None,
        out_dims: Sequence[int] | None = None,
        num_factors: int = 2,
        rank: int = 1,
        init: str = "normal",
        gain: float = 1.0,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if init not in functional.STARTS:
            raise ValueError(f"init: expected one of {', '.join(functional.STARTS)}, got {init!r}")
        if dtype is not None and not dtype.is_floating_point:
            raise TypeError(f"dtype: expected a floating-point dtype, got {dtype}")
        self.in_features = as_size("in_features", in_features)
        self.out_features = as_size("out_features", out_features)
        self.shape = _resolve(
            self.in_features, self.out_features, in_dims, out_dims, num_factors, rank
        )
        self.bias_form = as_bias_form(bias)
        self.init = init
        self.gain = gain
        self.factors = Tensors(
            torch.empty(size, device=device, dtype=dtype) for size in self.shape.factor_shapes
        )
        self.bias_factors: Tensors | None = None
        self.bias: nn.Parameter | None = None
        if self.bias_form == "kronecker":
            self.bias_factors = Tensors(
                torch.empty(size, device=device, dtype=dtype) for size in self.shape.out_dims
            )
        elif self.bias_form == "dense":
            self.bias = nn.Parameter(torch.empty(self.out_features, device=device, dtype=dtype))
        self.reset_parameters()

    @property
    def in_dims(self) -> tuple[int, ...]:
        """Sizes of the input's bodies."""
        return self.shape.in_dims

    @property
    def out_dims(self) -> tuple[int, ...]:
        """Sizes of the output's bodies."""
        return self.shape.out_dims

    @property
    def rank(self) -> int:
        """Number of summed Kronecker products."""
        return self.shape.rank

    @property
    def num_factors(self) -> int:
        """Number of factors M."""
        return self.shape.num_factors

    @torch.no_grad()
    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """Draw the factors anew, by `init` and `gain`; the bias starts at zero."""
        like = self.factors[0]
        drawn = functional.init_factors(
            self.shape,
            gain=self.gain,
            start=self.init,
            generator=generator,
            device=like.device,
            dtype=like.dtype,
        )
        for parameter, value in zip(self.factors, drawn, strict=True):
            parameter.copy_(value)
        if self.bias_factors is not None:
            for parameter, value in zip(
                self.bias_factors, functional.init_bias_factors(self.shape), strict=True
            ):
                parameter.copy_(value)
        elif self.bias is not None:
            self.bias.zero_()

    def forward(self, x: Tensor) -> Tensor:
        """Apply the layer to `x` of shape `(*, in_features)`; returns `(*, out_features)`."""
        return self._call(x, False)

    def forward_gelu(self, x: Tensor) -> Tensor:
        """The exact GELU of `forward(x)`, in one pass where the kernel takes the call."""
        return self._call(x, True)

    def _call(self, x: Tensor, gelu: bool) -> Tensor:
        modules: dict[str, Any] = self._modules  # an attribute would cost a tenth of a short call
        vectors = modules.get("bias_factors")
        if vectors is not None:
            bias: Sequence[Tensor] = vectors.tensors()
        else:
            vector = self.bias
            bias = () if vector is None else (vector,)
        factors = modules["factors"].tensors()
        return functional.apply_layer(x, factors, bias, self.shape, gelu=gelu)

    def bias_vector(self) -> Tensor | None:
        """The bias in full, shape `(out_features,)`, or none."""
        if self.bias_factors is not None:
            return functional.kron_bias(list(self.bias_factors))
        return self.bias

    def weight_matrix(self) -> Tensor:
        """The weight in full, shape `(out_features, in_features)`; differentiable."""
        return build_weight(list(self.factors))

    def frobenius_norm(self) -> Tensor:
        """`|W|_F`, a scalar, without building W; differentiable."""
        return functional.frobenius_norm(list(self.factors))

    @torch.no_grad()
    def balance_(self) -> KroneckerLinear:
        """Give the factors of each copy one common norm, in place; the weight stays the same.

        Raises:
            ValueError: a factor is computed from other tensors (pruned, parametrized).
        """
        self._check_settable()
        balanced = functional.balance(list(self.factors))
        for parameter, value in zip(self.factors, balanced, strict=True):
            parameter.copy_(value)
        return self

    @torch.no_grad()
    def approximate_(self, weight: Tensor, bias: Tensor | None = None) -> KroneckerLinear:
        """Take the factors nearest to a dense weight, in place; see `functional.nearest_kronecker`.

        A copy that the weight needs not, or one of a zero weight, is zero by its first factor alone
        and keeps its other factors; were all zero, none would ever get a gradient.

        Args:
            weight: shape `(out_features, in_features)`.
            bias: shape `(out_features,)`; a Kronecker bias takes the nearest vectors to it. None
                counts as zero.

        Returns:
            The layer.

        Raises:
            TypeError: tensors that are not floating-point.
            ValueError: shapes that do not fit, a bias for a layer that has none, or a factor that
                is computed from other tensors (pruned, parametrized).
        """
        self._check_settable()
        if bias is not None and self.bias_form is None:
            raise ValueError("bias: expected None for a layer without a bias, got a tensor")
        vector = weight.new_zeros(self.out_features) if bias is None else bias
        if tuple(vector.shape) != (self.out_features,):
            raise ValueError(
                f"bias: expected shape {(self.out_features,)}, got {tuple(vector.shape)}"
            )
        factors, _ = functional.nearest_kronecker(weight, self.in_dims, self.out_dims, self.rank)
        used = torch.stack([factor.flatten(1).any(dim=1) for factor in factors]).any(dim=0)
        for i, (parameter, value) in enumerate(zip(self.factors, factors, strict=True)):
            new = value.to(parameter)
            if i > 0:
                new = torch.where(used.to(parameter.device).view(-1, 1, 1), new, parameter)
            parameter.copy_(new)
        if self.bias is not None:
            self.bias.copy_(vector)
        elif self.bias_factors is not None:
            vectors = functional.nearest_kronecker_bias(vector, self.out_dims)
            for parameter, value in zip(self.bias_factors, vectors, strict=True):
                parameter.copy_(value)
        return self

    def _check_settable(self) -> None:
        computed = [i for i, factor in enumerate(self.factors.tensors()) if type(factor) is Tensor]
        if computed:
            raise ValueError(
                f"factors.{computed[0]}: expected a parameter, got a tensor that is computed from "
                "others (pruned, or parametrized as by weight_norm); remove that first"
            )

    def explain(self, batch: int | None = 1, *, needs_grad: bool | None = None) -> Explanation:
        """Say how a call with `batch` rows is computed, and why; see `functional.explain`."""
        like = self.factors[0]
        return functional.explain(
            self.shape,
            batch,
            dtype=like.dtype,
            device=like.device,
            needs_grad=self.training if needs_grad is None else needs_grad,
        )

    @classmethod
    def from_linear(
        cls,
        linear: nn.Linear,
        *,
        in_dims: Sequence[int] | None = None,
        out_dims: Sequence[int] | None = None,
        num_factors: int = 2,
        rank: int = 1,
    ) -> KroneckerLinear:
        """The layer nearest to `linear` in the Frobenius norm of the weight.

        The bias is copied as it is: dense where `linear` has one, none where it has none. What is
        frozen there is frozen here. Nothing shares storage with `linear`. See
        `functional.nearest_kronecker` for how near it comes.

        Raises:
            TypeError: not an `nn.Linear`.
            ValueError: dims that do not fit.
        """
        if not isinstance(linear, nn.Linear):
            raise TypeError(f"linear: expected an nn.Linear, got {type(linear).__name__}")
        weight = linear.weight
        layer = cls(
            linear.in_features,
            linear.out_features,
            linear.bias is not None,
            in_dims=in_dims,
            out_dims=out_dims,
            num_factors=num_factors,
            rank=rank,
            device=weight.device,
            dtype=weight.dtype,
        )
        layer.approximate_(weight, linear.bias).train(linear.training)
        layer.factors.requires_grad_(weight.requires_grad)
        if layer.bias is not None:
            layer.bias.requires_grad_(linear.bias.requires_grad)
        return layer

    @torch.no_grad()
    def to_linear(self) -> nn.Linear:
        """The same map as an `nn.Linear` that shares no storage with this layer.

        Its weight learns if a factor does, its bias if a part of this one's does.
        """
        of_weight = set(self.factors.parameters())  # also where factors are computed from them
        of_bias = set(self.parameters()) - of_weight
        weight, bias = self.weight_matrix(), self.bias_vector()
        linear = nn.Linear(
            self.in_features,
            self.out_features,
            bias is not None,
            device=weight.device,
            dtype=weight.dtype,
        )
        linear.weight.copy_(weight)
        linear.weight.requires_grad_(any(p.requires_grad for p in of_weight))
        if bias is not None:
            linear.bias.copy_(bias)
            linear.bias.requires_grad_(any(p.requires_grad for p in of_bias))
        return linear.train(self.training)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.extra_repr()})"

    def extra_repr(self) -> str:
        """Widths with their bodies, rank, bias, parameters, and compression against `nn.Linear`."""
        return (
            f"in_features={self.in_features} ({format_dims(self.in_dims)}), "
            f"out_features={self.out_features} ({format_dims(self.out_dims)}), "
            f"rank={self.rank}, bias={self.bias_form}, "
            f"parameters={self.shape.parameters(self.bias_form):,} "
            f"({self.shape.compression(self.bias_form):.3g}x fewer than nn.Linear)"
        )


def _resolve(
    in_features: int,
    out_features: int,
    in_dims: Sequence[int] | None,
    out_dims: Sequence[int] | None,
    num_factors: int,
    rank: int,
) -> KroneckerShape:
    if (in_dims is None) != (out_dims is None):
        raise ValueError(
            "expected both in_dims and out_dims, or neither (then the planner chooses), "
            f"got in_dims={in_dims} and out_dims={out_dims}"
        )
    if in_dims is None or out_dims is None:
        best = plan(in_features, out_features, num_factors, rank, limit=1)[0]
        if best.note and 1 in best.in_dims + best.out_dims:
            warnings.warn(
                f"KroneckerLinear({in_features}, {out_features}): {best.note}", stacklevel=3
            )
        return best.shape
    shape = KroneckerShape(tuple(in_dims), tuple(out_dims), rank)
    for name, width, dims, product in (
        ("in_dims", in_features, shape.in_dims, shape.in_features),
        ("out_dims", out_features, shape.out_dims, shape.out_features),
    ):
        if product != width:
            raise ValueError(
                f"{name}: expected sizes that multiply up to {width}, got {dims}, "
                f"which make {product}"
            )
    return shape
