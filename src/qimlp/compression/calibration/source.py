"""The calibration batches: read once where they fit in memory, and again where not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import torch

from qimlp.compression.batches import check_batches, model_inputs
from qimlp.compression.calibration.leaves import storage_bytes, tensors
from qimlp.files import shown

Call = tuple[tuple[Any, ...], dict[str, Any]]
"""Positional and keyword arguments of a module."""


class Source:
    """Batches of inputs that can be gone through any number of times, to be used in `undisturbed`.

    Batches that are read again are to be the same ones: torch's random numbers, which shuffle a
    DataLoader, are set to the same start before every pass.

    Args:
        given: Batches as `qimlp.compression.batches.model_inputs` takes them; labels are dropped.
        limit: Most bytes of batches to keep. Batches beyond it are read again on every pass; where
            they cannot be, because `given` is an iterator, they are left out.

    Attributes:
        notes: What was left out, in words.

    Raises:
        TypeError: `given` is no iterable of batches; while reading, a batch of another kind.
        ValueError: While reading, an empty batch, no batch at all, or other batches than before.
    """

    def __init__(self, given: Iterable[object], limit: int) -> None:
        check_batches("calibration", given)
        self.notes: list[str] = []
        self._given = given
        self._limit = limit
        self._kept: list[Call] | None = None
        self._once = isinstance(given, Iterator)
        self._digests: list[float] = []

    def __iter__(self) -> Iterator[Call]:
        """Give the model's arguments, batch by batch."""
        if self._kept is None and self._once:
            self._kept = list(self._within_limit())
        if self._kept is not None:
            yield from self._kept
            return
        yield from self._kept_if_few()

    def _kept_if_few(self) -> Iterator[Call]:
        """Read to the end; the batches are kept if all of them fit."""
        kept: list[Call] | None = []
        total = 0
        torch.manual_seed(0)
        for number, call in enumerate(self._calls()):
            total += storage_bytes([call])
            self._check_same(call, number)
            if kept is not None:
                kept = [*kept, call] if total <= self._limit else None
            yield call
        self._kept = kept

    def _check_same(self, call: Call, number: int) -> None:
        digest = sum(float(each.double().nan_to_num().sum()) for each in tensors(call).values())
        if number == len(self._digests):
            self._digests.append(digest)
        elif digest != self._digests[number]:
            raise ValueError(
                f"calibration: expected the same batches on every pass, got another batch {number};"
                " turn shuffling and random transforms off, or give a list"
            )

    def _within_limit(self) -> Iterator[Call]:
        total = 0
        for number, call in enumerate(self._calls()):
            total += storage_bytes([call])
            if total > self._limit and number:
                self.notes.append(
                    f"calibration: an iterator can be read once, and {self._limit:,} bytes of its "
                    f"batches are kept: the first {number:,} were used; give a list or a "
                    "DataLoader to use all"
                )
                return
            yield call

    def _calls(self) -> Iterator[Call]:
        number = -1
        for number, batch in enumerate(self._given):
            yield _call(batch, number)
        if number < 0:
            again = "" if self._kept is None else " on a later pass"
            raise ValueError(f"calibration: expected at least one batch, got none{again}")


def _call(batch: object, number: int) -> Call:
    try:
        call = model_inputs(batch)
    except (TypeError, ValueError) as error:
        raise type(error)(f"calibration, batch {number}: {error}") from None
    found = tensors(call).values()
    if not found:
        raise TypeError(
            f"calibration, batch {number}: expected tensors in it, got {shown(call[1])}"
        )
    if all(tensor.numel() == 0 for tensor in found):
        raise ValueError(f"calibration, batch {number}: expected rows in it, got none")
    return call
