"""Going through a model stage by stage, with the inputs of each stage for all batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from qimlp.compression.calibration.hooks import (
    Enough,
    MaskWatch,
    counted_rows,
    module_input,
    run_model,
    watching,
)
from qimlp.compression.calibration.leaves import leaves, rebuilt, storage_bytes, tensors
from qimlp.compression.calibration.plan import Link, Plan, Stage
from qimlp.compression.calibration.source import Source
from qimlp.compression.calibration.undisturbed import answering_as

Observer = Callable[[str, Tensor], None]
"""Takes the name of a stage's first layer, and what goes into it: padding is left out."""


@dataclass(frozen=True)
class _Entry:
    """One batch before a block: the block's arguments, and which rows count."""

    call: Any
    mask: Tensor | None


class Walk:
    """A model, some of whose layers may be replaced, on its way through the calibration data.

    The arguments of the block that the walk has come to are kept for all batches, so that a stage
    runs a part of one block and not the model. Where they take too much memory, or the model has no
    such blocks, a stage runs the model up to it.

    Args:
        model: In evaluation, without gradients; only run.
        plan: What `explore` has found in it.
        source: The batches.
        limit: Most bytes of a block's arguments to keep.
        replaced: By the name of a layer, what answers in its place. May change between passes,
            but only for layers that no finished pass has left behind.
    """

    def __init__(
        self,
        model: nn.Module,
        plan: Plan,
        source: Source,
        limit: int,
        replaced: Mapping[str, Callable[..., Any]],
    ) -> None:
        self._model = model
        self._plan = plan
        self._source = source
        self._limit = limit
        self._replaced = replaced
        self._masks = MaskWatch(model)
        self._at: str | None = None
        self._entries: list[_Entry] = []
        self._keeps = True

    def batches(
        self, stages: Sequence[Stage], observer: Observer, *, leaving: bool = False
    ) -> Iterator[None]:
        """Show an observer what goes into the layers of some stages.

        Args:
            stages: All in one block, or all in none.
            observer: Called while the model runs, for every stage and batch.
            leaving: Whether nothing else is wanted from their block: it is run to its end, on the
                way to the next one.

        Yields:
            Nothing, once for every batch.
        """
        block = stages[0].block
        if block is not None and self._enter(block):
            link = self._plan.link_after(block) if leaving else None
            yield from self._through(block, stages, observer, link)
            return
        calls = _expected(stages)
        for call in self._source:
            self._masks.mask = None
            with (
                watching(self._model, self._masks.before),
                self._observed(stages, observer, calls),
            ):
                run_model(self._model, call)
            yield

    def _through(
        self,
        block: str,
        stages: Sequence[Stage],
        observer: Observer,
        link: tuple[str, Link] | None,
    ) -> Iterator[None]:
        """Run a block on all that is kept; with a link to the next block, go on to that one."""
        self._at = None  # until all batches are through
        calls = None if link else _expected(stages)
        for index, entry in enumerate(self._entries):
            self._masks.mask = entry.mask
            with self._observed(stages, observer, calls):
                output = self._run(block, entry)
            if link:
                self._entries[index] = _following(link[1], entry, output)
            yield
        self._at = link[0] if link else block

    @contextmanager
    def _observed(
        self, stages: Sequence[Stage], observer: Observer, calls: int | None
    ) -> Iterator[None]:
        left = calls

        def saw(name: str, args: Any, kwargs: Any) -> None:
            nonlocal left
            given = module_input(args, kwargs)
            present = counted_rows(given, self._masks.mask)
            with torch.autocast(given.device.type, enabled=False):  # see `Moments`
                observer(name, given if present is None else given[present])
            if left is not None:
                left -= 1
                if not left:
                    raise Enough

        before = {stage.names[0]: partial(saw, stage.names[0]) for stage in stages}
        with answering_as(self._model, self._replaced), watching(self._model, before):
            yield

    def _enter(self, block: str) -> bool:
        """Come to a block, with its arguments for all batches; False if they take too much."""
        while self._keeps and self._at != block:
            after = None if self._at is None else self._plan.link_after(self._at)
            if self._at is None or after is None or not self._plan.reaches(self._at, block):
                self._capture(block)
            else:
                for _ in self._through(self._at, (), _ignore, after):
                    pass
            self._keeps = self._keeps and self._size() <= self._limit
        if not self._keeps:
            self._entries.clear()
        return self._keeps

    def _capture(self, block: str) -> None:
        """Run the model up to a block, for all batches."""
        self._entries.clear()

        def entered(args: Any, kwargs: Any) -> None:
            self._entries.append(_Entry((args, kwargs), self._masks.mask))
            raise Enough

        for call in self._source:
            self._masks.mask = None
            with (
                answering_as(self._model, self._replaced),
                watching(self._model, self._masks.before),
                watching(self._model, {block: entered}, first=True),
            ):
                run_model(self._model, call)
            if self._size() > self._limit:
                self._keeps = False
                return
        self._at = block

    def _run(self, block: str, entry: _Entry) -> Any:
        args, kwargs = entry.call
        if block in self._plan.altering:
            copies = {path: tensor.clone() for path, tensor in tensors(entry.call).items()}
            args, kwargs = rebuilt(entry.call, copies)
        try:
            return self._model.get_submodule(block)(*args, **kwargs)
        except Enough:
            return None

    def _size(self) -> int:
        return storage_bytes([entry.call for entry in self._entries])


def _following(link: Link, entry: _Entry, output: Any) -> _Entry:
    """The batch before the next block."""
    given = {"output": tensors(output), "argument": dict(leaves(entry.call))}
    values = {path: given[kind][place] for path, (kind, place) in link.wires.items()}
    return _Entry(rebuilt(link.template, values), entry.mask)


def _expected(stages: Sequence[Stage]) -> int | None:
    """How many calls there are to see in a pass; None where that varies."""
    calls = [stage.calls for stage in stages]
    return None if None in calls else sum(each for each in calls if each)


def _ignore(_: str, __: Tensor) -> None:
    pass
