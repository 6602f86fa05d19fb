"""The multi-body layer as a module."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from qimlp import functional
from qimlp.functional import kron_linear
from qimlp.nn.conversion import approximate_, copy_dense_, to_linear
from qimlp.nn.owner import KroneckerModule, named_input
from qimlp.nn.parameters import assign_all, read
from qimlp.nn.resolve import resolve_shape
from qimlp.ops import Explanation, apply_layer, check_device, check_dtype
from qimlp.shapes import as_bias_form, as_size, format_dims


class KroneckerLinear(KroneckerModule):
    """`y = W x + B` with `W` a sum of Kronecker products that is never built (paper, Eqs. 2-4).

    A drop-in for `nn.Linear` on inputs of shape `(*, in_features)`.

    Parameters in the state dict: `factor_0 ..` of shape `(rank, out_dims[i], in_dims[i])`, and
    `bias_factor_0 ..` of shape `(out_dims[i],)` or `bias` of shape `(out_features,)`. `factors` and
    `bias_factors` are the sequences of them. State dicts in which they are called `factors.0 ..`
    and `bias_factors.0 ..` are loaded too.

    `weight`, and `bias` where it is a Kronecker one, are computed at every read.

    Args:
        in_features: Width of the input.
        out_features: Width of the output.
        bias: `"kronecker"` (Eq. 3), `"dense"` (an ordinary vector, also what `True` means), or
            `False`.
        in_dims: Sizes of the input's bodies; the planner's first choice where none are given.
        out_dims: Sizes of the output's bodies; given together with `in_dims` or not at all.
        num_factors: Number of factors M, where no dims are given.
        rank: Number of summed Kronecker products (the paper's copies k).
        init: How the factors are drawn, `"normal"` or `"orthogonal"`.
        gain: Scale of the output over that of the input, as initialised.
        device: Where the parameters lie.
        dtype: Their dtype, a `torch.dtype`.

    Raises:
        TypeError: A size is no integer, or the dtype no floating-point `torch.dtype`.
        ValueError: Dims that do not multiply up to the width, sizes below 1, an unknown name.
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
        check_device(device)
        check_dtype(dtype)
        widths = as_size("in_features", in_features), as_size("out_features", out_features)
        shape = resolve_shape("KroneckerLinear", widths, in_dims, out_dims, num_factors, rank)
        super().__init__(shape, as_bias_form(bias), device, dtype)
        self.in_features, self.out_features = widths
        self.init = init
        self.gain = gain
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """Draw the factors anew, by `init` and `gain`; the bias becomes zero.

        Args:
            generator: Source of randomness; torch's own where none is given. Where the parameters
                are spread over processes, all take what the first process draws.
        """
        like = self.factors[0]
        drawn = functional.init_factors(
            self.shape,
            gain=self.gain,
            init=self.init,
            generator=generator,
            device=like.device,
            dtype=like.dtype,
        )
        assign_all(self.factors, drawn)
        if self.bias_factors is not None:
            assign_all(self.bias_factors, functional.init_bias_factors(self.shape))
        elif self.bias is not None:
            self.bias.zero_()

    def forward(
        self,
        x: Tensor | None = None,
        *,
        input: Tensor | None = None,  # noqa: A002 - the name that torch gives it
    ) -> Tensor:
        """Apply the layer.

        Args:
            x: Inputs of shape `(*, in_features)`.
            input: The same under the name that `nn.Linear` has for it, in place of `x`.

        Returns:
            Outputs of shape `(*, out_features)`.

        Raises:
            TypeError: Neither is given.
        """
        return self._call(named_input(self, input) if x is None else x, False)

    def forward_gelu(self, x: Tensor) -> Tensor:
        """Compute the exact GELU of `forward(x)`, in one pass where the kernel takes the call."""
        return self._call(x, True)

    def _call(self, x: Tensor, gelu: bool) -> Tensor:
        shape, form = self.shape, self.bias_form
        count = len(shape.in_dims)
        bias: Sequence[Tensor] = ()
        if form == "kronecker":
            bias = read(self, "bias_factor", count)
        elif form == "dense" and self.bias is not None:
            bias = (self.bias,)
        factors = read(self, "factor", count)
        return apply_layer(kron_linear, x, factors, bias, shape, gelu=gelu)

    def approximate_(self, weight: Tensor, bias: Tensor | None = None) -> KroneckerLinear:
        """Take the factors nearest to a dense weight, in place; see `functional.nearest_kronecker`.

        A product that the weight needs not, or one of a zero weight, is zero by its first factor
        alone and keeps its other factors; were all zero, none would ever get a gradient.

        Args:
            weight: Shape `(out_features, in_features)`.
            bias: Shape `(out_features,)`; a Kronecker bias takes the nearest vectors to it. None
                counts as zero.

        Returns:
            The layer.

        Raises:
            TypeError: Tensors that are not floating-point.
            ValueError: Shapes that do not fit, a bias for a layer that has none, or a factor that
                is computed from other tensors (pruned, parametrized).
        """
        approximate_(self, weight, bias)
        return self

    def explain(self, batch: int | None = 1, *, needs_grad: bool | None = None) -> Explanation:
        """Say how a call is computed, and why; see `functional.explain`.

        Args:
            batch: Number of rows; None while it is unknown, as in a traced graph.
            needs_grad: Whether a backward pass follows; None for what training mode says.

        Returns:
            An `Explanation`; `print` it.
        """
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
        """Make the layer nearest to an `nn.Linear` in the Frobenius norm of the weight.

        The bias is copied as it is: dense where `linear` has one, none where it has none. What is
        frozen there is frozen here. Nothing shares storage with `linear`. See
        `functional.nearest_kronecker` for how near it comes.

        Args:
            linear: The dense layer.
            in_dims: Sizes of the input's bodies, as for the constructor.
            out_dims: Sizes of the output's bodies.
            num_factors: Number of factors M, where no dims are given.
            rank: Number of summed Kronecker products.

        Returns:
            A layer of the same device, dtype and mode.

        Raises:
            TypeError: Not an `nn.Linear`.
            ValueError: Dims that do not fit.
        """
        if not isinstance(linear, nn.Linear):
            raise TypeError(f"linear: expected an nn.Linear, got {type(linear).__name__}")
        layer = cls(
            linear.in_features,
            linear.out_features,
            linear.bias is not None,
            in_dims=in_dims,
            out_dims=out_dims,
            num_factors=num_factors,
            rank=rank,
            device=linear.weight.device,
            dtype=linear.weight.dtype,
        )
        copy_dense_(layer, linear)
        return layer

    def to_linear(self) -> nn.Linear:
        """Make an `nn.Linear` that computes the same and shares no storage with this layer.

        Its weight learns if a factor does, its bias if a part of this one's does. Where the
        parameters are spread over processes, every process must call this, and each gets the whole.

        Returns:
            A layer of the same device, dtype and mode.
        """
        return to_linear(self)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.extra_repr()})"

    def extra_repr(self) -> str:
        """Describe widths, bodies, rank, bias, parameters and compression against `nn.Linear`."""
        return (
            f"in_features={self.in_features} ({format_dims(self.in_dims)}), "
            f"out_features={self.out_features} ({format_dims(self.out_dims)}), "
            f"rank={self.rank}, bias={self.bias_form}, "
            f"parameters={self.shape.parameters(self.bias_form):,} "
            f"({self.shape.compression(self.bias_form):.3g}x fewer than nn.Linear)"
        )
