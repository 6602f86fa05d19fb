"""Adapters put on the layers of a model, all or none, and found there again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from qimlp.files import printable, shown
from qimlp.nn import KroneckerAdapter, swap_


@dataclass(frozen=True)
class StoredAdapter:
    """An adapter as a file describes it.

    Attributes:
        in_dims: Sizes of the input's bodies.
        out_dims: Sizes of the output's bodies.
        rank: Number of summed Kronecker products.
        scale: What the sum is multiplied with.
        factor_ranks: For each factor the rank of the pair that it is kept as, or None.
        tensors: Its own parameters, by their names in it.
    """

    in_dims: tuple[int, ...]
    out_dims: tuple[int, ...]
    rank: int
    scale: float
    factor_ranks: tuple[int | None, ...]
    tensors: Mapping[str, Tensor]


def adapters_of(model: nn.Module) -> dict[str, KroneckerAdapter]:
    """Find the adapters of a model.

    Args:
        model: Any module.

    Returns:
        Adapters by the name of the layer that each is on.

    Raises:
        TypeError: No module.
        ValueError: There are none.
    """
    found = _present(model)
    if not found:
        raise ValueError("model: expected one with adapters, got none; add_adapters_ adds them")
    return found


def check_plain(model: nn.Module) -> None:
    """Refuse a model that has adapters already.

    Raises:
        TypeError: No module.
        ValueError: It has some.
    """
    present = _present(model)
    if present:
        raise ValueError(
            f"model: it has adapters already, the first on {printable(next(iter(present)), 80)}; "
            "take them away with remove_adapters_"
        )


def _present(model: nn.Module) -> dict[str, KroneckerAdapter]:
    if not isinstance(model, nn.Module):
        raise TypeError(f"model: expected an nn.Module, got {shown(model, 60)}")
    return {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, KroneckerAdapter)
    }


@torch.inference_mode(False)
def place_(model: nn.Module, make: Mapping[str, Callable[[], KroneckerAdapter]]) -> list[str]:
    """Put adapters on layers and let only them learn; where one cannot be, the model stays.

    Args:
        model: The model.
        make: What makes the adapter of each layer, by the layer's name.

    Returns:
        The names.
    """
    with _frozen_or_as_before(model):
        adapters = {name: each() for name, each in make.items()}
        swap_(model, adapters)
        model.requires_grad_(False)
        for adapter in adapters.values():
            for parameter in adapter.parameters(recurse=False):
                parameter.requires_grad_(True)
    return list(adapters)


@contextmanager
def _frozen_or_as_before(model: nn.Module) -> Iterator[None]:
    """Give every parameter its `requires_grad` back if the block fails."""
    learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
    try:
        yield
    except BaseException:
        for parameter in learning:
            parameter.requires_grad_(True)
        raise


def place_stored_(model: nn.Module, stored: Mapping[str, StoredAdapter], source: str) -> list[str]:
    """Put adapters of a file on layers; see `place_`.

    Args:
        model: A model without adapters.
        stored: By the names of layers.
        source: The file, for messages.

    Returns:
        The names.

    Raises:
        ValueError: A layer that the model does not have, of other widths, or of another kind.
    """
    check_plain(model)
    modules = dict(model.named_modules())
    unknown = next((name for name in stored if name not in modules), None)
    if unknown is not None:
        raise ValueError(
            f"{source}: expected layers of the model, got {shown(unknown, 80)}; the file belongs "
            "to another model"
        )
    make = {
        name: partial(_filled, f"{source}: {printable(name, 80)}", module, stored[name])
        for name, module in modules.items()
        if name in stored
    }
    return place_(model, make)


def _filled(where: str, module: nn.Module, stored: StoredAdapter) -> KroneckerAdapter:
    try:
        adapter = KroneckerAdapter(
            module,
            rank=stored.rank,
            scale=stored.scale,
            in_dims=stored.in_dims,
            out_dims=stored.out_dims,
            factor_ranks=stored.factor_ranks,
        )
    except (TypeError, ValueError) as error:  # the adapter's own lines
        raise ValueError(f"{where}: {printable(str(error), 300)}") from None
    own = dict(adapter.named_parameters(recurse=False))
    with torch.no_grad():
        for key, parameter in own.items():
            parameter.copy_(stored.tensors[key])
    return adapter
