"""Arguments that have a say in what a call is: proxies of `torch.fx`, subclasses of `Tensor`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.overrides import handle_torch_function, has_torch_function


def overridden(
    function: Callable[..., Tensor], x: Tensor, factors: object, bias: object, method: str
) -> Tensor | None:
    """The answer of torch's protocol for functions (`__torch_function__`); None where nobody asks.

    Args:
        function: The public one that was called, which a traced graph then calls.
        x: Its input.
        factors: M tensors, unchecked.
        bias: Its bias, unchecked; nothing that can be gone through only once.
        method: The one asked for.
    """
    if torch.compiler.is_compiling():  # it sees through the calls
        return None
    relevant = (x, *_each(factors), *_each(bias))
    if not has_torch_function(relevant):
        return None
    options = {} if method == "auto" else {"method": method}
    y: Tensor = handle_torch_function(function, relevant, x, factors, bias, **options)
    return y


def gathered(tensors: Any) -> Any:
    """Several tensors as a list, if that is what they are; anything else as it is."""
    return list(tensors) if _are_several(tensors) else tensors


def is_proxy(x: object) -> bool:
    """Whether `x` stands for a tensor in a graph that `torch.fx` records."""
    return isinstance(x, torch.fx.Proxy)


def _are_several(tensors: object) -> bool:
    return (
        isinstance(tensors, Iterable) and not isinstance(tensors, Tensor) and not is_proxy(tensors)
    )


def _each(tensors: object) -> Iterable[object]:
    return gathered(tensors) if _are_several(tensors) else (tensors,)
