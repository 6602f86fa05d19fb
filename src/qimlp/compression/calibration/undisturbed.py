"""Running a model without leaving a trace in it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import nn

from qimlp.compression.calibration.leaves import version_of


@contextmanager
def undisturbed(model: nn.Module) -> Iterator[None]:
    """Run a model as in evaluation, without gradients; restore what that changes.

    Restored are every module's mode and buffers and the states of the random number generators.
    Transformers of Hugging Face keep no keys and values of past tokens meanwhile, compiled modules
    run as they were written, and what is made is no inference tensor even in inference mode.

    Args:
        model: Any module.

    Yields:
        Nothing.
    """
    modes = [(module, module.training) for module in model.modules()]
    configs: list[Any] = [getattr(module, "config", None) for module in model.modules()]
    caching = {id(each): each for each in configs if getattr(each, "use_cache", None) is True}
    buffers = [
        (module, name, buffer, version_of(buffer), buffer.clone())
        for module in model.modules()
        for name, buffer in module.named_buffers(recurse=False, remove_duplicate=False)
    ]
    devices = {t.device for t in model.parameters() if t.device.type == "cuda"}
    with (
        torch.random.fork_rng(list(devices)),
        torch.inference_mode(False),
        torch.no_grad(),
        _uncompiled(),
    ):
        try:
            for module, _ in modes:
                module.training = False
            for config in caching.values():
                config.use_cache = False
            yield
        finally:
            for module, mode in modes:
                module.training = mode
            for config in caching.values():
                config.use_cache = True
            for module, name, buffer, version, value in buffers:
                if version_of(buffer) != version:
                    buffer.copy_(value)
                if getattr(module, name) is not buffer:
                    setattr(module, name, buffer)


def _uncompiled() -> AbstractContextManager[Any]:
    """Watching a module would have it compiled anew; where nothing was compiled, nothing is."""
    if "torch._dynamo" not in sys.modules:
        return nullcontext()
    stance: AbstractContextManager[Any] = torch.compiler.set_stance("force_eager")
    return stance


@contextmanager
def answering_as(
    model: nn.Module, replacements: Mapping[str, Callable[..., Any]]
) -> Iterator[None]:
    """Let modules of a model answer as others do; its structure and hooks stay.

    Args:
        model: Any module.
        replacements: By the name of a module, what answers in its place.

    Yields:
        Nothing.
    """
    patched: list[tuple[nn.Module, dict[str, Any]]] = []
    try:
        for name, replacement in replacements.items():
            module = model.get_submodule(name)
            before = {k: v for k, v in vars(module).items() if k == "forward"}
            patched.append((module, before))
            vars(module)["forward"] = replacement
        yield
    finally:
        for module, before in reversed(patched):
            vars(module).pop("forward", None)
            vars(module).update(before)
