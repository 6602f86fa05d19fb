"""Put other layers in the place of layers of a model, all or none."""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

from qimlp.files import shown
from qimlp.ops import exchange_call_hooks


def swap_(model: nn.Module, layers: Mapping[str, nn.Module]) -> None:
    """Put layers in the place of others, in place; where one cannot be, none is.

    A module that the model has under several names is replaced under all of them. The hooks that
    run when a layer is called, and the handles that remove them, go over to the new layer; those of
    the new layer go to the old one, so that swapping back leaves everything as it was.

    Args:
        model: The model.
        layers: New layers, by the names of those in whose place they go.

    Raises:
        TypeError: A new layer that is no module.
        ValueError: A name that the model does not have or that is the model itself, two new layers
            for one module, or one new layer in two places.
    """
    modules = dict(model.named_modules(remove_duplicate=False))
    new: dict[int, nn.Module] = {}
    for name, layer in layers.items():
        if not isinstance(layer, nn.Module):
            raise TypeError(f"layers: {shown(name, 80)}: expected a module, got {shown(layer)}")
        old = modules.get(name)
        if old is None:
            raise ValueError(
                f"layers: expected names of the model's modules, got {shown(name, 80)}"
            )
        if old is model:
            kind = type(model).__name__
            raise ValueError(
                f"model: it is itself the {kind} that is to be replaced, which has no place to be "
                "replaced in; wrap it: nn.Sequential(layer)"
            )
        if new.setdefault(id(old), layer) is not layer:
            raise ValueError(f"layers: expected one layer for each module, got two for {name}")
    if len({id(layer) for layer in new.values()}) < len(new):
        raise ValueError("layers: expected another layer for each module, got one for two")
    places = [
        (model.get_submodule(name.rpartition(".")[0]), name.rpartition(".")[2], new[id(old)])
        for name, old in modules.items()
        if id(old) in new
    ]
    pairs = {id(old): (old, new[id(old)]) for old in modules.values() if id(old) in new}
    before = [(owner, name, owner.get_submodule(name)) for owner, name, _ in places]
    exchanged: list[tuple[nn.Module, nn.Module]] = []
    try:
        for pair in pairs.values():
            exchange_call_hooks(*pair)
            exchanged.append(pair)
        for owner, name, layer in places:
            owner.add_module(name, layer)
    except BaseException:  # an owner of its own kind may refuse
        for owner, name, old in before:
            nn.Module.add_module(owner, name, old)
        for pair in exchanged:
            exchange_call_hooks(*pair)
        raise
