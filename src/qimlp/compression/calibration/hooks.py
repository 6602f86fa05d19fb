"""Hooks that watch a model's modules while it runs."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from qimlp.compression.batches import model_device, moved
from qimlp.compression.calibration.leaves import rebuilt, tensors

Before = Callable[[Any, Any], None]
"""Takes a module's positional and keyword arguments."""

After = Callable[[Any, Any, Any], None]
"""Takes a module's positional and keyword arguments, and its output."""


class Enough(BaseException):
    """Ends a forward pass whose rest nobody needs; no model's own `except Exception` stops it."""


@contextmanager
def watching(
    model: nn.Module,
    before: Mapping[str, Before],
    after: Mapping[str, After] | None = None,
    *,
    first: bool = False,
) -> Iterator[None]:
    """Call functions before and after modules run.

    Args:
        model: Any module.
        before: By the name of a module, what to call before it.
        after: By the name of a module, what to call after it, and after its other hooks.
        first: Whether `before` comes before the module's other hooks and not after them.

    Yields:
        Nothing.
    """
    handles: list[RemovableHandle] = []
    try:
        for name, function in before.items():
            handles.append(_before(model.get_submodule(name), function, first))
        for name, then in (after or {}).items():
            handles.append(_after(model.get_submodule(name), then))
        yield
    finally:
        for handle in handles:
            handle.remove()


def _before(module: nn.Module, function: Before, first: bool) -> RemovableHandle:
    def hook(_: nn.Module, args: Any, kwargs: Any) -> None:
        function(args, kwargs)

    return module.register_forward_pre_hook(hook, prepend=first, with_kwargs=True)


def _after(module: nn.Module, function: After) -> RemovableHandle:
    def hook(_: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
        function(args, kwargs, output)

    return module.register_forward_hook(hook, with_kwargs=True)


class MaskWatch:
    """Finds which rows of a batch are padding: the first `attention_mask` (N, T) of a pass.

    Attributes:
        mask: That of the last pass; None if there was none.
    """

    def __init__(self, model: nn.Module) -> None:
        self.mask: Tensor | None = None
        self.before: dict[str, Before] = {
            name: self._saw for name, module in model.named_modules() if _takes_mask(module)
        }

    def _saw(self, _: Any, kwargs: Any) -> None:
        mask = kwargs.get("attention_mask")
        if self.mask is None and isinstance(mask, Tensor) and mask.dim() == 2:
            self.mask = mask


def _takes_mask(module: nn.Module) -> bool:
    try:
        return "attention_mask" in inspect.signature(module.forward).parameters
    except (TypeError, ValueError):  # a forward that shows no signature
        return False


def module_input(args: Any, kwargs: Any) -> Tensor:
    """The tensor that a layer is called with.

    Args:
        args: Its positional arguments.
        kwargs: Its keyword arguments.

    Returns:
        The first of them.
    """
    given: Tensor = args[0] if args else next(iter(kwargs.values()))
    return given


def counted_rows(inputs: Tensor, mask: Tensor | None) -> Tensor | None:
    """Say which of a layer's inputs are no padding.

    Args:
        inputs: (N, T, F) or (N * T, F).
        mask: (N, T), 0 for padding.

    Returns:
        Booleans of the shape of `inputs` without its last axis; None where the mask does not fit
        or leaves nothing out.
    """
    if mask is None or inputs.dim() < 2:
        return None
    if inputs.shape[:-1] != mask.shape:
        if inputs.dim() != 2 or inputs.shape[0] != mask.numel():
            return None
        mask = mask.flatten()
    present = mask.to(inputs.device) != 0
    return None if bool(present.all()) else present


def run_model(model: nn.Module, call: tuple[Any, Any]) -> None:
    """Run a model on its device until it ends or somebody has seen enough.

    Args:
        model: Any module. It is given copies, as it may alter its inputs in place.
        call: Its positional and keyword arguments, on any device.
    """
    copies = {path: tensor.clone() for path, tensor in tensors(call).items()}
    args, kwargs = moved(rebuilt(call, copies), model_device(model))
    try:
        model(*args, **kwargs)
    except Enough:
        return
