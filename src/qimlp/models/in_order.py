"""Layers one after the other, each with its GELU in one call where nothing looks between them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from qimlp.nn import KroneckerLinear
from qimlp.ops import any_global_hook, is_jit_tracing, is_proxy, is_without_hooks


def apply_in_order(layers: nn.Sequential, x: Tensor) -> Tensor:
    """`layers(x)`; a `KroneckerLinear` and the exact `nn.GELU` after it are one call.

    They stay two where anything could tell: hooks on a module or on all of them, subclasses, a
    `forward` put in a module's place, and whatever traces, compiles or transforms the call.
    """
    if (
        torch.compiler.is_compiling()
        or is_jit_tracing()
        or is_proxy(x)
        or any_global_hook()
        or not _is_untouched(layers, nn.Sequential)
    ):
        y: Tensor = layers(x)
        return y
    waiting: KroneckerLinear | None = None  # for what comes after it
    for module in layers:
        if waiting is not None:
            fused = _is_untouched(module, nn.GELU) and module.approximate == "none"
            x = waiting.forward_gelu(x) if fused else waiting.forward(x)
            waiting = None
            if fused:
                continue
        if _is_untouched(module, KroneckerLinear):
            waiting = module  # type: ignore[assignment]
        else:
            x = module(x)
    return x if waiting is None else waiting.forward(x)


def _is_untouched(module: nn.Module | None, kind: type[nn.Module]) -> bool:
    """Whether calling `module` is nothing but the `forward` of `kind`."""
    return type(module) is kind and is_without_hooks(module)
