"""A frozen layer that learns by a sum of Kronecker products on its weight."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from qimlp.functional import kron_linear
from qimlp.nn import adapter_base
from qimlp.nn.owner import named_input
from qimlp.nn.resolve import resolve_shape
from qimlp.nn.scaled_sum import ScaledSum, as_factor_ranks, as_scale, casts
from qimlp.nn.window import Window
from qimlp.ops import (
    adapted_linear,
    any_global_hook,
    apply_layer,
    build_weight,
    is_proxy,
    is_without_hooks,
)
from qimlp.shapes import format_dims

_COMPUTED = (
    "weight: it is computed from the base's weight and the factors at every read, so nothing can "
    "take its place; write into the factors"
)

Adapter = TypeVar("Adapter", bound="KroneckerAdapter")


class KroneckerAdapter(ScaledSum):
    """`y = base(x) + scale * (sum_c kron(factors[0][c], ...)) x` with a frozen `base`.

    The base's parameters are frozen, and stay what they are under `base`; only the factors learn.
    As the first factor starts at zero, the adapter starts as the base, to the bit.

    Parameters in the state dict, beside `base.weight` and so on: `factor_0 ..` of shape
    `(rank, out_dims[i], in_dims[i])`; a factor of low rank is instead the product of `factor_i_a`,
    `(rank, out_dims[i], r)`, and `factor_i_b`, `(rank, r, in_dims[i])`. A merged adapter has the
    state dict of an unmerged one: the base's own weight, and the factors.

    Args:
        base: An `nn.Linear`, transformers' `Conv1D`, an `nn.Conv2d` (whose weight counts as a
            matrix of `out_channels` rows) or a `KroneckerLinear`.
        rank: Number of summed Kronecker products.
        alpha: Makes the scale `alpha / rank`.
        scale: The scale itself; 1 where neither is given.
        in_dims: Sizes of the input's bodies; the planner's first choice where none are given.
        out_dims: Sizes of the output's bodies; given together with `in_dims` or not at all.
        num_factors: Number of factors M, where no dims are given.
        factor_ranks: For each factor the rank r of the pair that it is kept as, or None for a
            whole one. All are whole where nothing is given.
        init: How the factors beside the first are drawn, `"normal"` or `"orthogonal"`.

    Raises:
        TypeError: A base of another kind or stored quantised, a size that is no integer.
        ValueError: Dims that do not multiply up to the base's widths, a scale that is not finite,
            both `alpha` and `scale`, an unknown name.
    """

    def __init__(
        self,
        base: nn.Module,
        *,
        rank: int = 1,
        alpha: float | None = None,
        scale: float | None = None,
        in_dims: Sequence[int] | None = None,
        out_dims: Sequence[int] | None = None,
        num_factors: int = 2,
        factor_ranks: Sequence[int | None] | None = None,
        init: str = "normal",
    ) -> None:
        kind = adapter_base.kind_of_base(base)
        widths = adapter_base.widths(base, kind)
        name = type(self).__name__
        shape = resolve_shape(name, widths, in_dims, out_dims, num_factors, rank)
        ranks = as_factor_ranks(factor_ranks, shape.num_factors)
        like = next(base.parameters())
        super().__init__(shape, as_scale(alpha, scale, shape.rank), ranks, init, like)
        self.in_features, self.out_features = widths
        self._kind = kind
        self._own: tuple[nn.Parameter] | None = None  # the base's weight, while merged
        self._merge_again = False
        self.base = base.requires_grad_(False)
        self.train(base.training)
        self.register_state_dict_post_hook(_save_unmerged)  # type: ignore[no-untyped-call]
        self.register_load_state_dict_pre_hook(_before_load)  # type: ignore[no-untyped-call]
        self.register_load_state_dict_post_hook(_after_load)  # type: ignore[no-untyped-call]

    @property
    def merged(self) -> bool:
        """Whether the base's weight has the sum in it, and the base alone is called."""
        return self._own is not None

    @property
    def weight(self) -> Tensor:
        """The weight that the adapter acts by, in the layout of the base's.

        It is computed at every read, for modules that read the weight of a layer that they own;
        gradients flow to the factors. Merged, it is the base's.
        """
        if self._own is not None:
            return adapter_base.dense_weight(self.base)
        return self._adapted_weight()

    @weight.setter
    def weight(self, _: object) -> None:
        raise AttributeError(_COMPUTED)

    def register_parameter(self, name: str, param: nn.Parameter | None) -> None:
        """Add a parameter, as `nn.Module` does; a `weight` is refused."""
        if name == "weight":
            raise AttributeError(_COMPUTED)
        super().register_parameter(name, param)

    @property
    def bias(self) -> Tensor | None:
        """The base's bias."""
        bias: Tensor | None = self.base.bias  # type: ignore[assignment]
        return bias

    def forward(
        self,
        x: Tensor | None = None,
        *,
        input: Tensor | None = None,  # noqa: A002 - the name that torch gives it
    ) -> Tensor:
        """Apply the layer.

        Args:
            x: Inputs of the base.
            input: The same under the name that torch's layers have for it, in place of `x`.

        Returns:
            Outputs of the base's shape.

        Raises:
            TypeError: Neither is given.
        """
        if x is None:
            x = named_input(self, input)
        if self._own is not None:
            y: Tensor = self.base(x)
            return y
        factors = self._scaled(self._factors(x))
        if self._kind == "Conv2d":
            return self._convolved(x, factors)
        return self._both(x, factors)

    def merge(self: Adapter) -> Adapter:
        """Put the sum into the base's weight, so that a call costs what the base's does.

        The base gets a new parameter, its own one is kept aside: what shares it, such as a tied
        embedding, is not touched. A float16 or bfloat16 weight is added to in float32 and rounded
        once. The factors learn nothing while merged. Does nothing on a merged adapter.

        Returns:
            The adapter.

        Raises:
            ValueError: The base's weight is computed from other tensors, or on the meta device.
        """
        if self._own is None:
            adapter_base.check_mergeable(self.base, self._kind)
            self._put_merged()
        return self

    def unmerge(self: Adapter) -> Adapter:
        """Give the base its own weight back, bit for bit; does nothing on an unmerged adapter.

        Returns:
            The adapter.
        """
        if self._own is not None:
            self.base.register_parameter("weight", self._own[0])
            self._own = None
        return self

    def extra_repr(self) -> str:
        """Describe widths, bodies, rank, scale and parameters."""
        count = sum(p.numel() for p in self.parameters(recurse=False))
        low = "" if set(self.factor_ranks) == {None} else f", factor_ranks={self.factor_ranks}"
        return (
            f"in_features={self.in_features} ({format_dims(self.in_dims)}), "
            f"out_features={self.out_features} ({format_dims(self.out_dims)}), "
            f"rank={self.rank}{low}, scale={self.scale:.6g}, parameters={count:,}"
            f"{', merged' if self.merged else ''}"
        )

    def _adapted_weight(self) -> Tensor:
        """The base's weight plus the sum, added in float32 where the dtype is narrower."""
        own = adapter_base.dense_weight(self.base)
        wide = torch.float32 if own.itemsize < 4 else own.dtype
        delta = self._delta(wide)
        return (own.to(wide) + adapter_base.as_layout(delta, self.base, self._kind)).to(own.dtype)

    @torch.no_grad()
    def _put_merged(self) -> None:
        adapted = self._adapted_weight()
        own = self.base.get_parameter("weight")
        self._own = (own,)
        self.base.register_parameter("weight", nn.Parameter(adapted, requires_grad=False))

    def _both(self, x: Tensor, factors: list[Tensor]) -> Tensor:
        base = self.base
        if is_proxy(x):
            return base(x) + kron_linear(x, factors)  # type: ignore[no-any-return]
        if self._base_is_plain():
            y = adapted_linear(
                x,
                adapter_base.dense_weight(base),
                self.bias,
                factors,
                self.shape,
                transposed=self._kind == "Conv1D",
            )
            if y is not None:
                return y
        frozen: Tensor = base(x)
        return frozen + apply_layer(kron_linear, x, factors, (), self.shape)

    def _convolved(self, x: Tensor, factors: list[Tensor]) -> Tensor:
        base: Any = self.base
        delta = build_weight(factors).view(base.weight.shape)
        precise = delta.itemsize >= 4 and not casts(delta.device.type)
        window = Window.of(base)
        if precise and self._base_is_plain():
            return window.convolve(x, base.weight + delta, base.bias, base.groups)
        y: Tensor = base(x)
        return y + window.convolve(x, delta, None, base.groups)

    def _base_is_plain(self) -> bool:
        """Whether a call of the base is nothing but the product with its weight."""
        if torch.compiler.is_compiling():
            return False
        base = self.base
        return (
            adapter_base.has_own_forward(base) and is_without_hooks(base) and not any_global_hook()
        )

    def _apply(self: Adapter, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Adapter:
        merged = self.merged
        self.unmerge()  # so that the base's own weight is converted and moved with the rest
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        if merged:
            self._put_merged()
        return self


def _save_unmerged(adapter: KroneckerAdapter, state: dict[str, Any], prefix: str, _: Any) -> None:
    name = f"{prefix}base.weight"
    if adapter._own is not None and name in state:
        (own,) = adapter._own
        state[name] = own if isinstance(state[name], nn.Parameter) else own.detach()


def _before_load(adapter: KroneckerAdapter, *_: Any) -> None:
    adapter._merge_again = adapter.merged
    adapter.unmerge()


def _after_load(adapter: KroneckerAdapter, _: Any) -> None:
    if adapter._merge_again:
        adapter._merge_again = False
        adapter.merge()
