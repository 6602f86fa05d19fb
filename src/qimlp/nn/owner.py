"""What a module with factors owns, and the weight and bias that follow from it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from qimlp import functional
from qimlp.nn.parameters import (
    assign_all,
    check_settable,
    current_name,
    in_full,
    numbered,
    read,
)
from qimlp.nn.shaped import Shaped
from qimlp.ops import autocast_dtype, build_weight, mask_anew, registered_parameters
from qimlp.shapes import KroneckerShape

_COMPUTED = (
    "weight: it is computed from the factors at every read, so nothing can take its place; write "
    "into the factors, or call approximate_"
)

Owner = TypeVar("Owner", bound="KroneckerModule")


class _Bias:
    """The attribute `bias` where a module registers none: computed from the bias factors.

    It has no `__set__`, so that what stands in the place of a dense bias goes first.
    """

    def __get__(self, module: KroneckerModule | None, owner: type | None = None) -> Any:
        if module is None:
            return self
        own = registered_parameters(module)
        if "bias" in own:
            return own["bias"]
        if module.bias_form != "kronecker":
            raise AttributeError(f"{type(module).__name__!r} object has no attribute 'bias'")
        return module.bias_vector()


class KroneckerModule(Shaped):
    """A module that owns the factors of a weight, and a bias, as parameters of itself.

    Hooks that bring parameters in before a call and take them away after it (offloading, sharding)
    act on the module that owns them; a list of parameters is never called.

    Args:
        shape: Dims and rank of the weight.
        bias_form: `"kronecker"`, `"dense"` or None.
        device: Where the parameters lie.
        dtype: Their dtype.
    """

    bias = _Bias()

    def __init__(
        self,
        shape: KroneckerShape,
        bias_form: str | None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(shape)
        self.bias_form = bias_form
        self.register_load_state_dict_pre_hook(_rename_older)  # type: ignore[no-untyped-call]

        def register(names: Iterable[str], sizes: Iterable[int | tuple[int, ...]]) -> None:
            for name, size in zip(names, sizes, strict=True):
                empty = torch.empty(size, device=device, dtype=dtype)
                self.register_parameter(name, nn.Parameter(empty))

        # The order in which optimizers and averages see them: changing it changes results.
        if bias_form is None:
            self.register_parameter("bias", None)
        elif bias_form == "dense":
            register(["bias"], [shape.out_features])
        register(numbered("factor", shape.num_factors), shape.factor_shapes)
        if bias_form == "kronecker":
            register(numbered("bias_factor", shape.num_factors), shape.out_dims)

    @property
    def factors(self) -> tuple[Tensor, ...]:
        """The M factors `factor_0 ..`, factor i of shape `(rank, out_dims[i], in_dims[i])`."""
        mask_anew(self)
        return tuple(read(self, "factor", self.shape.num_factors))

    @property
    def bias_factors(self) -> tuple[Tensor, ...] | None:
        """The M vectors `bias_factor_0 ..` of a Kronecker bias, or None for another bias."""
        if self.bias_form != "kronecker":
            return None
        mask_anew(self)
        return tuple(read(self, "bias_factor", self.shape.num_factors))

    @bias_factors.setter
    def bias_factors(self, value: None) -> None:
        if value is not None:
            raise TypeError(
                "bias_factors: expected None (it takes the bias away), got "
                f"{type(value).__name__}; write into bias_factors[i] instead"
            )
        if self.bias_form == "kronecker":
            for name in numbered("bias_factor", self.shape.num_factors):
                delattr(self, name)
            self.bias_form = None
            self.register_parameter("bias", None)

    @property
    def weight(self) -> Tensor:
        """The weight in full, for modules that read the one of an `nn.Linear`.

        It is built at every read and cannot be written to; gradients flow to the factors. Shape
        `(out_features, in_features)`.
        """
        return self.weight_matrix()

    @weight.setter
    def weight(self, _: object) -> None:
        raise AttributeError(_COMPUTED)

    def register_parameter(self, name: str, param: nn.Parameter | None) -> None:
        """Add a parameter, as `nn.Module` does; a `weight` is refused."""
        if name == "weight":
            raise AttributeError(_COMPUTED)
        super().register_parameter(name, param)

    def weight_matrix(self) -> Tensor:
        """Build the weight in full, of the factors' dtype; differentiable.

        Where the factors are spread over processes, every process must call this, and each gets
        the whole weight.

        Returns:
            Shape `(out_features, in_features)`.
        """
        factors = [in_full(factor) for factor in self.factors]
        device = factors[0].device.type
        if autocast_dtype(device) is None:
            return build_weight(factors)
        with torch.autocast(device, enabled=False):
            return build_weight(factors)

    def bias_vector(self) -> Tensor | None:
        """Build the bias in full, shape `(out_features,)`; None where there is none."""
        vectors = self.bias_factors
        if vectors is None:
            return None if self.bias is None else in_full(self.bias)
        return functional.kron_bias([in_full(vector) for vector in vectors])

    def frobenius_norm(self) -> Tensor:
        """Compute `|W|_F`, a scalar, without building W; differentiable."""
        return functional.frobenius_norm([in_full(factor) for factor in self.factors])

    @torch.no_grad()
    def balance_(self: Owner) -> Owner:
        """Give the factors of each summed product one common norm, in place.

        The weight stays the same.

        Returns:
            The module.

        Raises:
            ValueError: A factor is computed from other tensors (pruned, parametrized).
        """
        check_settable(self, numbered("factor", self.shape.num_factors))
        balanced = functional.balance([in_full(factor) for factor in self.factors])
        assign_all(self.factors, balanced)
        return self


def named_input(module: nn.Module, given: Tensor | None) -> Tensor:
    """The input of a module that was called without `x`, as `layer(input=x)` calls torch's layers.

    Args:
        module: Named in the error.
        given: What `input` is.

    Returns:
        The same.

    Raises:
        TypeError: It is None.
    """
    if given is None:
        raise TypeError(f"{type(module).__name__}: expected an input, got none; call layer(x)")
    return given


def _rename_older(_: nn.Module, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
    """Before parameters are loaded: call them by today's names."""
    del rest
    for name in [key for key in state_dict if key.startswith(prefix)]:
        current = prefix + current_name(name.removeprefix(prefix))
        if current != name and current not in state_dict:
            state_dict[current] = state_dict.pop(name)
