"""What is compressed, as far as the steps of it need to know."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from torch import nn


@dataclass(frozen=True, kw_only=True)
class Subject(ABC):
    """A trained network with its data, and how it is judged and kept.

    Attributes:
        name: The folder, or what else the user named.
        network: The original, in evaluation mode, on its device.
        calibration: Batches that its layers are fitted on; none where there is no data.
        calibrated_on: What these are, in words.
        tuning: Batches to distil on.
        notes: Choices that were made for the user.
    """

    kind: ClassVar[str]

    name: str
    network: nn.Module
    calibration: tuple[Any, ...] = ()
    calibrated_on: str = "no data"
    tuning: Iterable[Any] = ()
    notes: tuple[str, ...] = field(default=())

    @abstractmethod
    def scores(self, network: nn.Module) -> dict[str, float]:
        """Judge a network.

        Args:
            network: The original, or one in its place.

        Returns:
            By name, the one that counts most first; empty where there is no data for it.
        """

    @property
    def floor(self) -> dict[str, float]:
        """The scores of an answer that looks at nothing, where that is worth knowing."""
        return {}

    @abstractmethod
    def save(self, network: nn.Module, folder: Path) -> None:
        """Write a compressed network with what it needs.

        Args:
            network: Compressed from a copy of the original.
            folder: An existing, empty folder.

        Raises:
            OSError: If it cannot be written.
        """
