"""Running a model without leaving a trace in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn


@contextmanager
def undisturbed(model: nn.Module) -> Iterator[None]:
    """Run a model as in evaluation, without gradients; restore what that changes.

    Restored are every module's mode and the states of the random number generators. Transformers
    of Hugging Face keep no keys and values of past tokens meanwhile.

    Args:
        model: Any module.

    Yields:
        Nothing.
    """
    modes = [(module, module.training) for module in model.modules()]
    configs: list[Any] = [getattr(module, "config", None) for module in model.modules()]
    caching = {id(each): each for each in configs if getattr(each, "use_cache", None) is True}
    devices = {t.device for t in model.parameters() if t.device.type == "cuda"}
    with torch.random.fork_rng(list(devices)), torch.no_grad():
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
