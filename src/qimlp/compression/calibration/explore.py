"""A first look at a model: which layers run when, which share an input, where blocks begin."""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from torch import Tensor, nn

from qimlp.compression.calibration.blocks import BlockWatch, block_names
from qimlp.compression.calibration.hooks import module_input, run_model, watching
from qimlp.compression.calibration.leaves import version_of
from qimlp.compression.calibration.plan import Plan, Stage
from qimlp.compression.calibration.source import Call
from qimlp.files import printable


def explore(model: nn.Module, names: Sequence[str], batches: Iterable[Call]) -> Plan:
    """Find in which order layers run, which of them share an input, and the blocks around them.

    One batch is enough unless some layers only run on others, as those of experts do.

    Args:
        model: In evaluation, without gradients.
        names: Of the layers.
        batches: The model's arguments.

    Returns:
        What was found.

    Raises:
        ValueError: Layers that no batch reaches.
    """
    layers, blocks = _LayerWatch(model), BlockWatch(block_names(model, names))
    for call in batches:
        first = not layers.order
        layers.begin()
        before = {name: partial(layers.saw, name) for name in names}
        around = (blocks.before, blocks.after) if first else ({}, {})
        with watching(model, *around, first=True), watching(model, before):
            run_model(model, call)
        layers.end()
        if len(layers.order) == len(names):
            break
    unreached = [name for name in names if name not in layers.order]
    if unreached:
        raise ValueError(
            f"calibration never reaches {_listed(unreached)}: skip it or give inputs that do"
        )
    found = blocks.found()
    return Plan(layers.stages(found), found, blocks.links_among(found), blocks.altering)


class _LayerWatch:
    """Follows in which order layers are called, and with which tensors."""

    def __init__(self, model: nn.Module) -> None:
        self.order: list[str] = []
        self._model = model
        self._counts: dict[str, set[int]] = {}
        self._joins: dict[str, bool] = {}
        self.begin()

    def begin(self) -> None:
        """Start a forward pass."""
        self._calls: Counter[str] = Counter()
        self._last: str | None = None
        self._input: tuple[weakref.ref[Tensor], int] | None = None

    def saw(self, name: str, args: Any, kwargs: Any) -> None:
        """Note that a layer is called."""
        given = module_input(args, kwargs)
        self._calls[name] += 1
        if name not in self.order:
            place = 0 if self._last is None else self.order.index(self._last) + 1
            self.order.insert(place, name)
        same = self._input is not None and _is_same(self._input, given)
        self._joins[name] = self._joins.get(name, True) and same
        if not same:
            self._input = (weakref.ref(given), version_of(given))
        self._last = name

    def end(self) -> None:
        """Finish a forward pass."""
        for name in self.order:
            self._counts.setdefault(name, set()).add(self._calls[name])

    def stages(self, blocks: Sequence[str]) -> tuple[Stage, ...]:
        """Put the layers together that share an input, in the order in which they run."""
        made: list[Stage] = []
        for name in self.order:
            counts, block = self._counts[name], _block_of(name, blocks)
            calls = next(iter(counts)) if len(counts) == 1 else None
            last = made[-1] if made else None
            if last and self._may_join(name, last) and (calls, block) == (last.calls, last.block):
                made[-1] = Stage((*last.names, name), 1, last.block)
            else:
                made.append(Stage((name,), calls, block))
        return tuple(made)

    def _may_join(self, name: str, stage: Stage) -> bool:
        """Convolutions never do: their rows are windows, which differ though the image is one."""
        both = (self._model.get_submodule(each) for each in (name, stage.names[0]))
        windows = any(isinstance(each, nn.Conv2d) for each in both)
        return self._joins[name] and stage.calls == 1 and not windows


def _is_same(known: tuple[weakref.ref[Tensor], int], given: Tensor) -> bool:
    reference, version = known
    return reference() is given and version_of(given) == version and not given.is_inference()


def _block_of(name: str, blocks: Iterable[str]) -> str | None:
    for block in blocks:
        if name == block or name.startswith(f"{block}."):
            return block
    return None


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(printable(name) for name in names[:3])
    what = "layer" if len(names) == 1 else "layers"
    return f"{what} {shown}" + (f" and {len(names) - 3} more" if len(names) > 3 else "")
