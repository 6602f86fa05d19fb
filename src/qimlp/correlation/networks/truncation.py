"""Does the correlation matter? Cut a layer's Schmidt spectrum at test time and look at accuracy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor, nn

from qimlp.correlation.networks.batches import Data, batches_of, on_device_of
from qimlp.correlation.networks.layers import Bodies, Place, choose_layers
from qimlp.correlation.networks.observe import evaluating, observed
from qimlp.correlation.states.arguments import check_seed
from qimlp.correlation.states.truncate import Cutter
from qimlp.shapes import as_size
from qimlp.statistics import Estimate, share


@dataclass(frozen=True)
class TruncationPoint:
    """A layer's output cut to one rank.

    Attributes:
        rank: Schmidt terms that were kept.
        accuracy: Of the network with its output cut.
        kept: Mean share of the squared length that was kept.
        permuted_accuracy: Accuracy where the features are first moved to other places, by one
            order drawn at random, cut there, and moved back: the same rank, other bodies.
        permuted_kept: What was kept there.
    """

    rank: int
    accuracy: Estimate
    kept: float
    permuted_accuracy: Estimate
    permuted_kept: float


@dataclass(frozen=True)
class TruncationCurve:
    """Accuracy against the rank of one layer's output.

    Attributes:
        place: Where the output is cut.
        full: Accuracy of the network as it is.
        points: One per rank, ascending.
    """

    place: Place
    full: Estimate
    points: list[TruncationPoint]


def truncation_curves(
    model: nn.Module,
    data: Data,
    *,
    layers: Bodies | None = None,
    ranks: Sequence[int] | None = None,
    max_samples: int | None = 2000,
    seed: int = 0,
) -> list[TruncationCurve]:
    """Cut each layer's output, one layer at a time, and measure accuracy.

    The output is cut after the layer's activation where it has one, else before.

    Args:
        model: Maps inputs `(n, ...)` to `(n, classes)`.
        data: Batches of `(inputs, labels)`.
        layers: As in `analyze`.
        ranks: Ranks to try; powers of two and the full rank without any.
        max_samples: Stop after so many examples.
        seed: Of the order in which features are permuted.

    Returns:
        One curve per layer.

    Raises:
        TypeError: If a rank is no integer.
        ValueError: For no labels, no data, or a rank below 1; see `analyze` for layers.
    """
    chosen = choose_layers(model, layers)
    check_seed(seed)
    limit = None if max_samples is None else as_size("max_samples", max_samples)
    if ranks is not None and not isinstance(ranks, Iterable):
        raise TypeError(f"ranks: expected a list of ranks, got a {type(ranks).__name__}")
    counts: dict[Place, _Counts] = {}
    full, samples = 0, 0
    with evaluating(model):
        for inputs, answers in batches_of(data, limit):
            if answers is None:
                raise ValueError("data: expected (inputs, labels) batches to measure accuracy on")
            own = on_device_of(model, inputs)
            labels = answers.to(own.device)
            if labels.dim() != 1:
                raise ValueError(f"labels: expected shape (n,), got {tuple(labels.shape)}")
            outputs: dict[str, tuple[Place, Tensor]] = {}
            with observed(model, chosen, _remember(outputs)):
                full += _hits(model(own), labels)
            samples += len(labels)
            for place, output in outputs.values():
                if place not in counts:
                    counts[place] = _Counts(place, ranks, seed)
                counts[place].add(model, own, labels, output)
    if samples == 0:
        raise ValueError("data: expected at least one example, got none")
    return [
        TruncationCurve(place, share(full, samples), count.points(samples))
        for place, count in counts.items()
    ]


def default_ranks(dims: Sequence[int]) -> list[int]:
    """List powers of two below the largest possible rank of a body, and that rank.

    Args:
        dims: Sizes of the bodies.

    Returns:
        The ranks, ascending.
    """
    whole = prod(dims)
    largest = max(min(size, whole // size) for size in dims)
    powers = [2**i for i in range(largest.bit_length()) if 2**i < largest]
    return [*powers, largest]


class _Counts:
    """Correct predictions of one layer's cuts."""

    def __init__(self, place: Place, ranks: Sequence[int] | None, seed: int) -> None:
        self._place = place
        given = default_ranks(place.dims) if ranks is None else ranks
        self._ranks = sorted({as_size("ranks", rank) for rank in given})
        generator = torch.Generator().manual_seed(seed)
        self._order = torch.randperm(prod(place.dims), generator=generator)
        self._hits = torch.zeros(len(self._ranks), 2, dtype=torch.int64)
        self._kept = torch.zeros(len(self._ranks), 2, dtype=torch.float64)

    def add(self, model: nn.Module, inputs: Tensor, labels: Tensor, output: Tensor) -> None:
        """Count a batch.

        Args:
            model: The network.
            inputs: Shape (n, ...).
            labels: Shape (n,).
            output: The layer's output, shape (n, ..., d).

        Raises:
            ValueError: An output is NaN or infinite.
        """
        rows = output.reshape(-1, output.shape[-1])
        if not torch.isfinite(rows).all():
            raise ValueError(f"{self._place}: expected finite outputs, got NaN or infinity")
        order = self._order.to(rows.device)
        back = order.argsort()
        cutters = (Cutter(rows, self._place.dims), Cutter(rows[:, order], self._place.dims))
        for i, rank in enumerate(self._ranks):
            for j, cutter in enumerate(cutters):
                cut, kept = cutter.cut(rank)
                cut = cut if j == 0 else cut[:, back]
                replacement = {self._place: cut.reshape(output.shape)}
                with observed(
                    model, {self._place.layer: self._place.dims}, _replacing(replacement)
                ):
                    self._hits[i, j] += _hits(model(inputs), labels)
                self._kept[i, j] += float(kept.mean()) * len(labels)

    def points(self, samples: int) -> list[TruncationPoint]:
        """Put the counts together.

        Args:
            samples: Examples that were counted.

        Returns:
            One point per rank.
        """
        return [
            TruncationPoint(
                rank,
                share(int(hits[0]), samples),
                float(kept[0]) / samples,
                share(int(hits[1]), samples),
                float(kept[1]) / samples,
            )
            for rank, hits, kept in zip(self._ranks, self._hits, self._kept, strict=True)
        ]


def _remember(
    outputs: dict[str, tuple[Place, Tensor]],
) -> Callable[[Place, Tensor], Tensor | None]:
    def take(place: Place, output: Tensor) -> None:
        outputs[place.layer] = (place, output.detach().clone())  # after replaces before

    return take


def _replacing(values: Mapping[Place, Tensor]) -> Callable[[Place, Tensor], Tensor | None]:
    def take(place: Place, _: Tensor) -> Tensor | None:
        return values.get(place)

    return take


def _hits(logits: Tensor, labels: Tensor) -> int:
    return int((logits.argmax(-1) == labels).sum())
