"""Adapters on a whole model: added, trained alone, merged and taken away."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from functools import partial

from torch import nn

from qimlp.compression.adapters.config import AdapterConfig
from qimlp.compression.adapters.placing import adapters_of, check_plain, place_
from qimlp.compression.selection import FilterFn
from qimlp.compression.targets import find_layers
from qimlp.files import printable, shown
from qimlp.nn import KroneckerAdapter, base_widths, swap_

_ALWAYS = 64
"""A rank that costs nothing on layers so small that it is above theirs."""


def add_adapters_(
    model: nn.Module, config: AdapterConfig | None = None, filter_fn: FilterFn | None = None
) -> list[str]:
    """Put a `KroneckerAdapter` on the layers of a model, in place; only the adapters learn then.

    Each layer stays what it is, frozen, under `base` of its adapter, and so does everything else.
    The model computes what it did before, to the bit, until the adapters are trained. Where one
    layer cannot have an adapter for want of fitting dims, the model stays as it was.

    Args:
        model: Any model. Its `nn.Linear`, transformers' `Conv1D` and `nn.Conv2d` layers get one.
            So do `KroneckerLinear` layers that `filter_fn` names; those cannot be merged.
        config: Sizes, and what to leave out; `AdapterConfig()` where none is given.
        filter_fn: Says of a layer and its name whether it gets one.

    Returns:
        Names of the layers with an adapter.

    Warns:
        UserWarning: Layers that were left alone (tied, quantised, parametrised, their weight read
            by their owner), with the reasons.

    Raises:
        TypeError: A value of another type.
        ValueError: No layer is left to put one on, a pattern that matches nothing, dims that do not
            fit, a rank above what any of the layers can have, a model with adapters.
    """
    config = AdapterConfig() if config is None else config
    if not isinstance(config, AdapterConfig):
        raise TypeError(f"config: expected an AdapterConfig, got {shown(config, 60)}")
    check_plain(model)
    layers, left_alone = find_layers(model, config, filter_fn, kronecker=filter_fn is not None)
    _check_rank(config, layers.values())
    make = {name: partial(_adapter, name, layer, config) for name, layer in layers.items()}
    names = place_(model, make)
    if left_alone:
        some = "; ".join(f"{each.name} ({each.kind}): {each.reason}" for each in left_alone[:3])
        more = f" (and {len(left_alone) - 3} more)" if len(left_alone) > 3 else ""
        warnings.warn(f"no adapter on {printable(some, 600)}{more}", stacklevel=2)
    return names


def _check_rank(config: AdapterConfig, layers: Iterable[nn.Module]) -> None:
    """Refuse a rank above that of any sum of Kronecker products, which memory may not hold."""
    count = max(2, config.num_factors if config.in_dims is None else len(config.in_dims))
    sizes = [in_width * out_width for in_width, out_width in map(base_widths, layers)]
    most = max(_ALWAYS, int(max(sizes) ** (1 - 1 / count) + 1e-6))
    if config.rank > most:
        raise ValueError(
            f"rank: expected at most {most:,}, with which {count} factors make any weight of these "
            f"layers, got {config.rank:,}"
        )


def _adapter(name: str, layer: nn.Module, config: AdapterConfig) -> KroneckerAdapter:
    try:
        return KroneckerAdapter(
            layer,
            rank=config.rank,
            alpha=config.alpha,
            in_dims=config.in_dims,
            out_dims=config.out_dims,
            num_factors=config.num_factors,
        )
    except ValueError as error:  # the adapter's own line
        raise ValueError(f"{printable(name, 80)}: {printable(str(error), 300)}") from None


def adapter_parameters(model: nn.Module) -> list[nn.Parameter]:
    """Collect what is trained: the parameters of the adapters, for an optimizer.

    Args:
        model: A model with adapters.

    Returns:
        The parameters, in the model's order.

    Raises:
        ValueError: It has none.
    """
    return [
        parameter
        for adapter in adapters_of(model).values()
        for parameter in adapter.parameters(recurse=False)
    ]


def merge_adapters_(model: nn.Module) -> nn.Module:
    """Put every adapter into the weight of its layer, so that a call costs what it did before.

    Args:
        model: A model with adapters; some may be merged already.

    Returns:
        The model.

    Raises:
        ValueError: It has no adapters, or one that cannot be merged; then none is.
    """
    done: list[KroneckerAdapter] = []
    for name, adapter in adapters_of(model).items():
        if adapter.merged:
            continue
        try:
            adapter.merge()
        except ValueError as error:  # the adapter's own line
            for each in done:
                each.unmerge()
            raise ValueError(f"{printable(name, 80)}: {printable(str(error), 300)}") from None
        done.append(adapter)
    return model


def unmerge_adapters_(model: nn.Module) -> nn.Module:
    """Give every layer its own weight back, bit for bit.

    Args:
        model: A model with adapters.

    Returns:
        The model.

    Raises:
        ValueError: It has no adapters.
    """
    for adapter in adapters_of(model).values():
        adapter.unmerge()
    return model


def remove_adapters_(model: nn.Module, *, merge: bool = False) -> nn.Module:
    """Take the adapters away, so that the model has its plain layers again.

    They stay frozen, as adding adapters left them; `model.requires_grad_()` lets them learn.

    Args:
        model: A model with adapters.
        merge: Keep what was learned, in the layers' weights; else it is lost.

    Returns:
        The model.

    Raises:
        ValueError: It has no adapters, or one that cannot be merged; then the model stays.
    """
    if merge:
        merge_adapters_(model)
    else:
        unmerge_adapters_(model)
    swap_(model, {name: adapter.base for name, adapter in adapters_of(model).items()})
    return model
