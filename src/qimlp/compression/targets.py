"""The layers of a model that can be replaced."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Protocol

import torch
from torch import Tensor, nn

from qimlp.compression.left_alone import is_layer, why_left_alone
from qimlp.compression.report import LeftAlone
from qimlp.files import printable, shown
from qimlp.nn import Window, dense_class, dense_matrix

FilterFn = Callable[[nn.Module, str], bool]
"""Which layers are looked at, by the layer and its name."""


class Selection(Protocol):
    """What a configuration says of the layers to take; see `CompressionConfig`."""

    @property
    def skip(self) -> tuple[str, ...]:
        """Names of modules to leave out; `*` stands for any part of a name."""
        ...

    @property
    def on_unsupported(self) -> str:
        """`"skip"` or `"raise"`."""
        ...


@dataclass(frozen=True, eq=False)
class Target:
    """A dense layer, seen as a matrix with a bias.

    Attributes:
        name: The layer's first name in the model.
        module: The layer: an `nn.Linear`, transformers' `Conv1D` or an `nn.Conv2d` of one group.
        weight: Shape `(out, in)`, detached; a view of the layer's own wherever it can be one.
        bias: Shape `(out,)`, detached, or None.
    """

    name: str
    module: nn.Module
    weight: Tensor = field(repr=False)
    bias: Tensor | None = field(repr=False)

    @property
    def kind(self) -> str:
        """`"Linear"`, `"Conv1D"` or `"Conv2d"`."""
        return (dense_class(self.module) or type(self.module)).__name__

    @property
    def in_features(self) -> int:
        """Columns of the weight."""
        return self.weight.shape[1]

    @property
    def out_features(self) -> int:
        """Rows of the weight."""
        return self.weight.shape[0]

    @property
    def parameters(self) -> int:
        """Numbers of the weight and the bias."""
        return self.weight.numel() + (0 if self.bias is None else self.bias.numel())

    def rows(self, x: Tensor) -> Tensor:
        """Lay out a batch of the layer's input as rows that the weight is applied to.

        Args:
            x: Shape `(*, in)`; images `(N, C, H, W)` or `(C, H, W)` for a convolution.

        Returns:
            Shape `(n, in)`: one row for each of the leading axes, or for each place in each image.
        """
        if not isinstance(self.module, nn.Conv2d):
            return x.reshape(-1, self.in_features)
        window = Window.of(self.module)
        return window.rows(window.padded(_as_images(x)))

    def row_blocks(self, x: Tensor) -> Iterator[Tensor]:
        """Lay out `rows(x)` a few images at a time: for a convolution they are many times `x`.

        Args:
            x: As for `rows`.

        Yields:
            Shape `(m, in)`; together, in order, they are `rows(x)`.
        """
        if isinstance(self.module, nn.Conv2d):
            window = Window.of(self.module)
            for part in window.parts(window.padded(_as_images(x))):
                yield window.rows(part)
        else:
            yield self.rows(x)

    def output_rows(self, y: Tensor) -> Tensor:
        """Lay out a batch of the layer's output as the rows that belong to `rows(x)`.

        Args:
            y: Shape `(*, out)`; `(N, out, H, W)` or `(out, H, W)` for a convolution.

        Returns:
            Shape `(n, out)`.
        """
        if isinstance(self.module, nn.Conv2d):
            y = _as_images(y).permute(0, 2, 3, 1)
        return y.reshape(-1, self.out_features)


def _as_images(x: Tensor) -> Tensor:
    return x.unsqueeze(0) if x.dim() == 3 else x


def find_targets(
    model: nn.Module, config: Selection, filter_fn: FilterFn | None = None
) -> tuple[list[Target], list[LeftAlone]]:
    """Find the layers of a model that can be replaced, and say which cannot and why.

    A layer that the model has under several names is found once, under the first of them.

    Args:
        model: The model; it is not changed.
        config: `skip`: names of modules to leave out with all that is in them, where `*` stands for
            any part; `on_unsupported`: `"skip"` or `"raise"`.
        filter_fn: Says of a layer and its name whether to look at it.

    Returns:
        `(targets, left_alone)`, both in the model's order. What `skip` and `filter_fn` leave out is
        in neither.

    Raises:
        TypeError: No module, or a filter that cannot be called.
        ValueError: A pattern that matches no module, no layer that can be replaced, a layer that
            cannot with `on_unsupported="raise"`, weights without values or with values that are
            not finite, or a model that is wrapped for several processes or is itself the layer.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"model: expected an nn.Module, got {shown(model)}")
    if filter_fn is not None and not callable(filter_fn):
        raise TypeError(f"filter_fn: expected a function of (module, name), got {shown(filter_fn)}")
    _check_unwrapped(model)
    names = _names_of(model)
    skipped = _skipped(names, config.skip)
    layers = {
        each[0]: module
        for module, each in names.values()
        if is_layer(module) and not any(name in skipped for name in each)
    }
    found = {
        name: module
        for name, module in layers.items()
        if filter_fn is None or any(filter_fn(module, each) for each in names[id(module)][1])
    }
    owners, shared = _owners_of(model), _shared_memory(model)
    targets: list[Target] = []
    left: list[LeftAlone] = []
    for name, module in found.items():
        reason = why_left_alone(module, owners.get(id(module), []), shared.get(name, {}))
        if reason is None:
            targets.append(_target(name, module))
        else:
            left.append(LeftAlone(name, type(module).__name__, reason))
    if left and config.on_unsupported == "raise":
        raise ValueError(
            f"model: {_said(left[0])}; leave it out by skip or filter_fn, or say "
            'on_unsupported="skip"'
        )
    if not targets:
        raise ValueError(_none_found(layers, left, filter_fn is not None))
    return targets, left


def _names_of(model: nn.Module) -> dict[int, tuple[nn.Module, list[str]]]:
    names: dict[int, tuple[nn.Module, list[str]]] = {}
    for name, module in model.named_modules(remove_duplicate=False):
        names.setdefault(id(module), (module, []))[1].append(name)
    return names


def _skipped(names: dict[int, tuple[nn.Module, list[str]]], patterns: Iterable[str]) -> set[str]:
    """Names that a pattern matches, or that lie in a module that one matches."""
    known = [name for _, each in names.values() for name in each if name]
    skipped: set[str] = set()
    for pattern in patterns:
        matched = {name for name in known if fnmatchcase(name, pattern)}
        if not matched:
            near = get_close_matches(pattern, known, 3) or known[:3]
            raise ValueError(
                f"skip: {shown(pattern, 80)} matches no module; the model has "
                f"{printable(', '.join(near), 200)}{' ...' if len(known) > len(near) else ''}"
            )
        skipped |= matched
    return {
        name
        for name in known
        if name in skipped or any(name.startswith(f"{each}.") for each in skipped)
    }


def _owners_of(model: nn.Module) -> dict[int, list[nn.Module]]:
    """The module around each module, and the two around that, wherever the model has it."""
    modules = dict(model.named_modules(remove_duplicate=False))
    owners: dict[int, list[nn.Module]] = {}
    for name, module in modules.items():
        outer, steps = name, 0
        while outer and steps < 2:  # an adapter's layers lie in a dictionary of layers
            outer, steps = outer.rpartition(".")[0], steps + 1
            owners.setdefault(id(module), []).append(modules[outer])
    return owners


def _shared_memory(model: nn.Module) -> dict[str, dict[str, str]]:
    """By a module's name and that of its tensor, another tensor of the model in its memory."""
    stored: dict[tuple[str, int], list[tuple[int, int, str, str]]] = {}
    for owner, module in model.named_modules():
        tensors = [
            *module.named_parameters(recurse=False, remove_duplicate=False),
            *module.named_buffers(recurse=False, remove_duplicate=False),
        ]
        for own, tensor in tensors:
            plain = type(tensor) in (nn.Parameter, Tensor) and tensor.layout == torch.strided
            if not plain or tensor.is_meta or tensor.numel() == 0:
                continue
            size = tensor.element_size()
            first = tensor.storage_offset() * size
            steps = zip(tensor.shape, tensor.stride(), strict=True)
            last = first + (sum((n - 1) * s for n, s in steps) + 1) * size
            key = str(tensor.device), tensor.untyped_storage().data_ptr()
            stored.setdefault(key, []).append((first, last, owner, own))
    shared: dict[str, dict[str, str]] = {}
    for group in stored.values():
        for first, last, owner, own in group:
            for start, end, *other in group:
                if other != [owner, own] and first < end and start < last:
                    shared.setdefault(owner, {})[own] = ".".join(filter(None, other))
    return shared


def _target(name: str, module: nn.Module) -> Target:
    if not name:
        kind = type(module).__name__
        raise ValueError(
            f"model: it is itself the {kind} to be replaced, which has no place to be replaced in; "
            "wrap it: nn.Sequential(layer)"
        )
    weight = dense_matrix(module)
    bias = module.bias.detach() if isinstance(module.bias, Tensor) else None
    for what, tensor in (("weight", weight), ("bias", bias)):
        if tensor is None:
            continue
        if tensor.is_meta:
            raise ValueError(
                f"{name}: its {what} is on the meta device and so has no values; load them before"
            )
        if not bool(torch.isfinite(tensor).all()):
            raise ValueError(f"{name}: expected a finite {what}, got NaN or infinity")
    return Target(name, module, weight, bias)


def _check_unwrapped(model: nn.Module) -> None:
    for name, module in model.named_modules():
        kind = type(module).__name__
        wrapped = kind in {"DistributedDataParallel", "FullyShardedDataParallel", "DataParallel"}
        spread = any(hasattr(each, "device_mesh") for each in module.parameters(recurse=False))
        if wrapped or spread:
            raise ValueError(
                f"{printable(name, 80) or 'model'}: its weights are spread over processes or "
                f"devices ({kind}); change the model before it is sharded or wrapped"
            )


def _none_found(layers: dict[str, nn.Module], left: list[LeftAlone], filtered: bool) -> str:
    if left:
        more = f" (and {len(left) - 1} more)" if len(left) > 1 else ""
        return f"model: found no layer that can be replaced: {_said(left[0])}{more}"
    if filtered and layers:
        some = ", ".join(list(layers)[:4])
        more = " ..." if len(layers) > 4 else ""
        return (
            "filter_fn selects no layer that can be replaced; the model has "
            f"{printable(some, 200)}{more}"
        )
    return "model: found no nn.Linear, Conv1D or nn.Conv2d to replace (skip aside)"


def _said(layer: LeftAlone) -> str:
    return printable(f"{layer.name} ({layer.kind}): {layer.reason}", 300)
