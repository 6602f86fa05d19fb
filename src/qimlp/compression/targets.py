"""The layers of a model that can be replaced."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from qimlp.compression.left_alone import (
    is_layer,
    loose_parameters,
    owners_of,
    shared_memory,
    why_left_alone,
)
from qimlp.compression.report import LeftAlone
from qimlp.compression.selection import FilterFn, Selection, names_of, skipped_names
from qimlp.files import printable, shown
from qimlp.nn import Window, dense_class, dense_matrix


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
    """Find the layers of a model that can be replaced, and say what cannot and why.

    Args:
        model: The model; it is not changed.
        config: As for `find_layers`.
        filter_fn: Says of a layer and its name whether to look at it.

    Returns:
        `(targets, left_alone)`, both in the model's order. Parameters that lie in no layer are left
        alone too. What `skip` and `filter_fn` leave out is in neither.

    Raises:
        TypeError: As of `find_layers`.
        ValueError: As of `find_layers`.
    """
    layers, left = find_layers(model, config, filter_fn)
    if filter_fn is None:
        left += loose_parameters(model, skipped_names(names_of(model), config.skip))
    return [Target(name, each, *_weight_and_bias(each)) for name, each in layers.items()], left


def find_layers(
    model: nn.Module,
    config: Selection,
    filter_fn: FilterFn | None = None,
    *,
    kronecker: bool = False,
) -> tuple[dict[str, nn.Module], list[LeftAlone]]:
    """Find the layers of a model that something can be put in the place of.

    A layer that the model has under several names is found once, under the first of them.

    Args:
        model: The model; it is not changed.
        config: `skip`: names of modules to leave out with all that is in them, where `*` stands for
            any part; `on_unsupported`: `"skip"` or `"raise"`.
        filter_fn: Says of a layer and its name whether to look at it.
        kronecker: Whether `KroneckerLinear` layers are among them; else they are left alone.

    Returns:
        Layers by name, and those that are left alone, both in the model's order. What `skip` and
        `filter_fn` leave out is in neither.

    Raises:
        TypeError: No module, or a filter that cannot be called.
        ValueError: A pattern that matches no module, no layer that can be replaced, a layer that
            cannot with `on_unsupported="raise"`, weights without values or with values that are
            not finite, or a model that is wrapped for several processes or is itself the layer.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"model: expected an nn.Module, got {shown(model)}")
    _check_filter(filter_fn)
    _check_unwrapped(model)
    names = names_of(model)
    skipped = skipped_names(names, config.skip)
    layers = {
        each[0]: module
        for module, each in names.values()
        if is_layer(module) and not any(name in skipped for name in each)
    }
    looked_at = {
        name: module
        for name, module in layers.items()
        if filter_fn is None or any(filter_fn(module, each) for each in names[id(module)][1])
    }
    owners, shared = owners_of(model), shared_memory(model)
    found: dict[str, nn.Module] = {}
    left: list[LeftAlone] = []
    for name, module in looked_at.items():
        around, ties = owners.get(id(module), []), shared.get(name, {})
        reason = why_left_alone(module, around, ties, kronecker=kronecker)
        if reason is None:
            _check(name, module)
            found[name] = module
        else:
            left.append(LeftAlone(name, type(module).__name__, reason))
    if left and config.on_unsupported == "raise":
        raise ValueError(
            f"model: {_said(left[0])}; leave it out by skip or filter_fn, or say "
            'on_unsupported="skip"'
        )
    if not found:
        loose = loose_parameters(model, skipped)
        raise ValueError(_none_found(list(layers), left, loose, filter_fn is not None))
    return found, left


def _weight_and_bias(module: nn.Module) -> tuple[Tensor, Tensor | None]:
    return dense_matrix(module), module.bias.detach() if isinstance(module.bias, Tensor) else None


def _check(name: str, module: nn.Module) -> None:
    """Refuse a model that is itself the layer, and a dense layer without finite values."""
    if not name:
        kind = type(module).__name__
        raise ValueError(
            f"model: it is itself the {kind} to be replaced, which has no place to be replaced in; "
            "wrap it: nn.Sequential(layer)"
        )
    if dense_class(module) is None:
        return
    for what, tensor in zip(("weight", "bias"), _weight_and_bias(module), strict=True):
        if tensor is None:
            continue
        if tensor.is_meta:
            raise ValueError(
                f"{name}: its {what} is on the meta device and so has no values; load them before"
            )
        if not bool(torch.isfinite(tensor).all()):
            raise ValueError(f"{name}: expected a finite {what}, got NaN or infinity")


def _check_filter(filter_fn: object) -> None:
    expected = "filter_fn: expected a function of (module, name)"
    if filter_fn is None:
        return
    if not callable(filter_fn):
        raise TypeError(f"{expected}, got {shown(filter_fn)}")
    try:
        inspect.signature(filter_fn).bind(None, "")
    except TypeError:
        raise TypeError(f"{expected}, got one of {inspect.signature(filter_fn)}") from None
    except ValueError:  # a built-in function that does not tell what it takes
        return


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


def _none_found(
    layers: Sequence[str], left: Sequence[LeftAlone], loose: Sequence[LeftAlone], filtered: bool
) -> str:
    if left:
        more = f" (and {len(left) - 1} more)" if len(left) > 1 else ""
        return f"model: found no layer that can be replaced: {_said(left[0])}{more}"
    if filtered and layers:
        more = " ..." if len(layers) > 4 else ""
        return (
            "filter_fn selects no layer that can be replaced; the model has "
            f"{printable(', '.join(layers[:4]), 200)}{more}"
        )
    such = f"; {_said(loose[0])}" if loose else ""
    return f"model: found no nn.Linear, Conv1D or nn.Conv2d to replace (skip aside){such}"


def _said(layer: LeftAlone) -> str:
    return printable(f"{layer.name} ({layer.kind}): {layer.reason}", 300)
