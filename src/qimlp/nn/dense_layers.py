"""Dense layers that a Kronecker layer can stand for, seen as matrices, and the way back."""

from __future__ import annotations

import copy
import sys
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from qimlp.nn.conv2d import KroneckerConv2d
from qimlp.nn.linear import KroneckerLinear
from qimlp.nn.owner import KroneckerModule
from qimlp.nn.parameters import parameters_of
from qimlp.shapes import KroneckerShape, as_bias_form

_ORIGIN = "_dense_origin"


@dataclass(frozen=True)
class _Origin:
    """The dense layer that a Kronecker layer stands for, without its weights."""

    shell: nn.Module


def dense_class(module: nn.Module) -> type[nn.Module] | None:
    """Return the class of dense layers that a module is of.

    Args:
        module: Any module.

    Returns:
        `nn.Linear`, `nn.Conv2d` or transformers' `Conv1D` (a transposed linear layer), for an
        instance of it or of a subclass; None for others.
    """
    # Who has a Conv1D has imported its module.
    transposed = getattr(sys.modules.get("transformers.pytorch_utils"), "Conv1D", None)
    known: tuple[type[nn.Module] | None, ...] = (nn.Linear, nn.Conv2d, transposed)
    return next((each for each in known if each and isinstance(module, each)), None)


def dense_matrix(module: nn.Module) -> Tensor:
    """See a dense layer's weight as a matrix.

    Args:
        module: A layer that has a `dense_class`.

    Returns:
        Shape `(out, in)`, where a convolution's input is `channels * height * width` of its kernel;
        detached. A view wherever it can be one.
    """
    weight: Tensor = module.weight.detach()  # type: ignore[operator]
    return weight.t() if _is_transposed(module) else weight.flatten(1)


@torch.no_grad()
def kronecker_like(
    module: nn.Module,
    shape: KroneckerShape,
    bias: str | None,
    device: torch.device | str | None = None,
) -> KroneckerLinear | KroneckerConv2d:
    """Make the Kronecker layer that can stand in a dense layer's place, without numbers yet.

    Args:
        module: A layer that has a `dense_class`.
        shape: Dims that multiply up to those of `dense_matrix`.
        bias: `"dense"`, `"kronecker"` or None.
        device: Where the new layer lies; None for where the dense one does.

    Returns:
        A layer of the same dtype and mode; its factors learn if the weight does, its bias
        if the bias does. `dense_like` makes a layer of the module's class of it again.

    Raises:
        ValueError: Dims that do not fit.
    """
    weight, old_bias = _weight_and_bias(module)
    rows, columns = dense_matrix(module).shape
    how: dict[str, Any] = {
        "in_dims": shape.in_dims,
        "out_dims": shape.out_dims,
        "rank": shape.rank,
        "device": "meta",  # nothing is drawn, so torch's random state stays as it is
        "dtype": weight.dtype,
    }
    form = as_bias_form(bias) or False
    layer: KroneckerLinear | KroneckerConv2d
    if isinstance(module, nn.Conv2d):
        layer = KroneckerConv2d(
            module.in_channels,
            module.out_channels,
            module.kernel_size,
            module.stride,
            module.padding,
            module.dilation,
            form,
            module.padding_mode,
            **how,
        )
    else:
        layer = KroneckerLinear(columns, rows, form, **how)
    layer.to_empty(device=weight.device if device is None else device)
    learns = weight.requires_grad if old_bias is None else old_bias.requires_grad
    for parameter in parameters_of(layer, "factor"):
        parameter.requires_grad_(weight.requires_grad)
    for parameter in parameters_of(layer, "bias"):
        parameter.requires_grad_(learns)
    vars(layer)[_ORIGIN] = _Origin(_emptied(module))
    return layer.train(module.training)


def stands_for_dense(module: nn.Module) -> bool:
    """Whether a module is what `kronecker_like` made, so that `dense_like` makes it dense again."""
    return isinstance(vars(module).get(_ORIGIN), _Origin)


@torch.inference_mode(False)
@torch.no_grad()
def dense_like(layer: nn.Module) -> nn.Module | None:
    """Make the dense layer of the class that a Kronecker layer was made in place of.

    Args:
        layer: Any module.

    Returns:
        A layer that computes the same, of the same device, dtype and mode, that shares no storage;
        None for what `kronecker_like` did not make.
    """
    origin = vars(layer).get(_ORIGIN)
    if not isinstance(layer, KroneckerModule) or not isinstance(origin, _Origin):
        return None
    dense = _emptied(origin.shell)
    weight, bias = layer.weight_matrix(), layer.bias_vector()
    if _is_transposed(dense):
        weight = weight.t().contiguous()
    elif isinstance(layer, KroneckerConv2d):
        weight = weight.reshape(layer.kernel_shape)
    learns = any(p.requires_grad for p in parameters_of(layer, "factor"))
    dense.register_parameter("weight", nn.Parameter(weight, requires_grad=learns))
    learns = any(p.requires_grad for p in parameters_of(layer, "bias"))
    new_bias = None if bias is None else nn.Parameter(bias.clone(), requires_grad=learns)
    dense.register_parameter("bias", new_bias)
    return dense.train(layer.training)


def _is_transposed(module: nn.Module) -> bool:
    return not isinstance(module, nn.Linear | nn.Conv2d)


def _weight_and_bias(module: nn.Module) -> tuple[Tensor, Tensor | None]:
    weight, bias = module.weight, module.bias
    assert isinstance(weight, Tensor)  # noqa: S101 - dense layers have one
    return weight, bias if isinstance(bias, Tensor) else None


def _emptied(module: nn.Module) -> nn.Module:
    """A copy without parameters, buffers and hooks, which holds nothing alive."""
    shell = nn.Module.__new__(type(module))
    nn.Module.__init__(shell)
    fresh = dict(vars(shell))
    vars(shell).update(copy.copy(vars(module)))
    vars(shell).update(fresh)
    vars(shell).pop("_compiled_call_impl", None)  # of `module.compile()`: it calls the module
    return shell
