"""Moments of the inputs of a model's layers, and of the outputs wanted for them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from functools import partial
from itertools import accumulate, zip_longest
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from qimlp.compression.calibration import Source, Stage, Walk, explore
from qimlp.compression.fits import Moments
from qimlp.compression.speed import ROWS
from qimlp.compression.targets import Target
from qimlp.files import printable

RECALL = 0.5
"""How much of the difference between the original's input of a layer and its own is wanted back.

A layer's wanted output is the original layer's, on its own input (0), on the original's (1), or in
between. At 0 errors of earlier layers are never made good; at 1 a fit follows the noise in the
differences. At 0, 0.5, 1: MiniLM at 4x, uniform, has cosines with the original of 0.52, 0.66, 0.64
on held-out IMDb texts, and an MNIST MLP at 50x an accuracy of 0.72, 0.85, 0.86.
"""

_AT_ONCE = 2**28
"""Bytes of moments that are gathered in one pass through layers outside of blocks."""


class LayerMoments:
    """The calibration data as the layers of a model see them.

    Args:
        model: In evaluation, without gradients.
        targets: The layers, by name.
        source: The batches.
        limit: Most bytes of activations to keep, for each of two walks.

    Attributes:
        rows: Rows that speeds are told for: as many as a layer sees in a batch, up to `ROWS`; known
            after `of_original`.
        notes: What to know of the data, in words; complete after `of_original`.

    Raises:
        ValueError: Layers that the calibration never reaches.
    """

    def __init__(
        self, model: nn.Module, targets: Mapping[str, Target], source: Source, limit: int
    ) -> None:
        self._targets = targets
        self._plan = explore(model, list(targets), source)
        self._walk = partial(Walk, model, self._plan, source, limit)
        self._source = source
        self.rows = 0
        self.notes: list[str] = []

    def of_original(self) -> Iterator[tuple[Stage, Moments]]:
        """Give the moments of every stage's inputs in the original model.

        Those of one block, or of as many other stages as fit in memory, are gathered at a time.

        Yields:
            A stage and its moments, in order.

        Raises:
            ValueError: Inputs that are not finite, or padding alone.
        """
        walk = self._walk({})
        few: dict[str, int] = {}
        alike: list[str] = []
        for stages in self._gathered_at_once():
            moments = {stage.names[0]: self._empty(stage) for stage in stages}
            batches = 0
            for _ in walk.batches(stages, partial(self._add, moments), leaving=True):
                batches += 1
            for stage in stages:
                found = _seen(stage, moments.pop(stage.names[0]))
                few.update(dict.fromkeys(self._few(stage, found), found.count))
                alike += [] if found.varies else stage.names
                self.rows = self.rows or min(ROWS, max(1, found.count // batches))
                yield stage, found
        self.notes += self._source.notes
        if alike:
            more = f" and {len(alike) - 1} more" if len(alike) > 1 else ""
            self.notes.append(
                f"calibration: the inputs of {printable(alike[0])}{more} never vary, so that any "
                "rank seems to fit; give batches that differ, or skip it"
            )
        if few:
            worst = min(few, key=lambda name: few[name] / self._targets[name].in_features)
            self.notes.append(
                f"calibration: {few[worst]:,} rows for the {self._targets[worst].in_features:,} "
                f"inputs of {printable(worst)}: fewer rows than inputs; more data would fit better"
            )

    def _few(self, stage: Stage, moments: Moments) -> Sequence[str]:
        """The stage's layers, where there are fewer rows than inputs."""
        return stage.names if moments.count < moments.in_features else ()

    def of_replaced(
        self, replaced: Mapping[str, Callable[..., Any]], wanted: Set[str]
    ) -> Iterator[tuple[Stage, dict[str, Moments]]]:
        """Give what the layers of every stage are fitted to, given those that are replaced so far.

        Args:
            replaced: By the name of a layer, what answers in its place. When a stage comes, its
                layers are to be added before the next is asked for.
            wanted: Names of the layers to be fitted; stages without one are left out.

        Yields:
            A stage and, by the name of each of its layers, the moments of its inputs in the model
            with the replacements, beside the outputs wanted for them.

        Raises:
            ValueError: Inputs that are not finite, or padding alone.
        """
        original, current = self._walk({}), self._walk(replaced)
        stages = [stage for stage in self._plan.stages if not wanted.isdisjoint(stage.names)]
        last = {stage.block: stage for stage in stages}
        for stage in stages:
            pairs = _Pairs([self._targets[name] for name in stage.names])
            paired = stage.calls is not None and bool(replaced)
            if paired:
                passes = zip_longest(
                    original.batches(
                        [stage], pairs.saw_original, leaving=stage is last[stage.block]
                    ),
                    current.batches([stage], pairs.saw_current),
                )
                for _ in passes:
                    pairs.end_batch()
            if paired and pairs.fit_together:
                yield stage, pairs.by_layer(stage)
            else:
                yield stage, dict.fromkeys(stage.names, self._alone(current, stage))

    def _alone(self, walk: Walk, stage: Stage) -> Moments:
        """The moments of a stage's inputs; wanted are the layer's own outputs for them."""
        moments = self._empty(stage)
        for _ in walk.batches([stage], partial(self._add, {stage.names[0]: moments})):
            pass
        return _seen(stage, moments)

    def _gathered_at_once(self) -> Iterator[list[Stage]]:
        part: list[Stage] = []
        taken = 0
        for stage in self._plan.stages:
            size = 8 * self._targets[stage.names[0]].in_features ** 2
            other = bool(part) and part[0].block != stage.block
            if part and (other or (stage.block is None and taken + size > _AT_ONCE)):
                yield part
                part, taken = [], 0
            part.append(stage)
            taken += size
        yield part

    def _empty(self, stage: Stage) -> Moments:
        target = self._targets[stage.names[0]]
        return Moments(target.in_features, device=target.weight.device)

    def _add(self, moments: Mapping[str, Moments], name: str, inputs: Tensor) -> None:
        for rows in self._targets[name].row_blocks(inputs):
            moments[name].update(_finite(name, rows))


class _Pairs:
    """Pairs the inputs of a stage in the original model with those in the replaced one."""

    def __init__(self, targets: Sequence[Target]) -> None:
        first = targets[0]
        self.fit_together = True
        self._first = first
        self._sizes = [target.out_features for target in targets]
        self._weight = torch.cat([_wide(target.weight) for target in targets])
        biases = [
            torch.zeros(target.out_features).to(self._weight)
            if target.bias is None
            else _wide(target.bias)
            for target in targets
        ]
        self._bias = torch.cat(biases)
        device = first.weight.device
        self._moments = Moments(first.in_features, sum(self._sizes), device=device)
        self._inputs: deque[Tensor] = deque()

    def saw_original(self, _: str, inputs: Tensor) -> None:
        self._inputs.append(inputs.clone())

    def saw_current(self, name: str, inputs: Tensor) -> None:
        other = self._inputs.popleft() if self._inputs else None
        if other is None or other.shape != inputs.shape:
            self.fit_together = False
            return
        blocks = (self._first.row_blocks(each) for each in (inputs, other))
        for rows, theirs in zip(*blocks, strict=True):
            own = _finite(name, _wide(rows))
            mixed = torch.lerp(own, _finite(name, _wide(theirs)), RECALL)
            self._moments.update(own, linear(mixed, self._weight, self._bias))

    def end_batch(self) -> None:
        self.fit_together &= not self._inputs
        self._inputs.clear()

    def by_layer(self, stage: Stage) -> dict[str, Moments]:
        moments = _seen(stage, self._moments)
        ends = list(accumulate(self._sizes))
        starts = [0, *ends]
        return {
            name: moments.of_outputs(start, end)
            for name, start, end in zip(stage.names, starts, ends, strict=False)
        }


def _wide(tensor: Tensor) -> Tensor:
    """In float32 or wider."""
    return tensor if tensor.dtype == torch.float64 else tensor.float()


def _finite(name: str, rows: Tensor) -> Tensor:
    if not bool(torch.isfinite(rows).all()):
        raise ValueError(
            f"calibration: expected finite inputs of layer {printable(name)}, got NaN or "
            "infinities; look at the batches, or skip it"
        )
    return rows


def _seen(stage: Stage, moments: Moments) -> Moments:
    if not moments.count:
        raise ValueError(
            f"calibration: layer {printable(stage.names[0])} sees nothing but padding; give "
            "batches with rows that count"
        )
    return moments


class NoMoments:
    """The layers of a model for which there are no calibration data.

    Args:
        names: Of the layers.

    Attributes:
        rows: Rows of input that speeds are told for.
        notes: Nothing.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._stages = [Stage((name,), None, None) for name in names]
        self.rows = ROWS
        self.notes: list[str] = []

    def of_original(self) -> Iterator[tuple[Stage, None]]:
        """Give every layer alone.

        Yields:
            A stage and None.
        """
        for stage in self._stages:
            yield stage, None

    def of_replaced(
        self, _: Mapping[str, Callable[..., Any]], wanted: Set[str]
    ) -> Iterator[tuple[Stage, dict[str, None]]]:
        """Give every layer to be fitted alone.

        Args:
            wanted: Names of the layers to be fitted.

        Yields:
            A stage and None for its layer.
        """
        for stage in self._stages:
            if stage.names[0] in wanted:
                yield stage, dict.fromkeys(stage.names)
