"""One cell of the evaluation: a network, a data set, a recipe and a seed."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import Any

from qimlp.settings import TrainSettings, resolve_settings

CODE_VERSION = 1
"""Of the numerics: a change that may change results raises it, and every cell is run anew."""


@dataclass(frozen=True)
class Variant:
    """What the cells of several seeds share.

    Attributes:
        name: Unique, `data/network/column`, such as `mnist/2b-rank4/tuned`.
        network: The name's middle part.
        column: `"paper"` (paper settings) or `"tuned"` (our recipe).
        changes: `TrainSettings` fields that differ from the column's recipe.
        parameters: Parameters of the network where the paper publishes them, or they are known.
        seeds: How many seeds are wanted.
        note: What stands beside it in the report.
    """

    data: str
    network: str
    column: str
    changes: Mapping[str, Any] = field(default_factory=dict, hash=False)
    parameters: int | None = None
    seeds: int = 5
    note: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "changes", MappingProxyType(dict(self.changes)))

    @property
    def name(self) -> str:
        """`data/network/column`."""
        return f"{self.data}/{self.network}/{self.column}"

    def __reduce__(self) -> tuple[Any, ...]:
        """Let it travel to another process; a read-only mapping cannot."""
        return Variant, (
            self.data,
            self.network,
            self.column,
            dict(self.changes),
            self.parameters,
            self.seeds,
            self.note,
        )


@dataclass(frozen=True)
class Cell:
    """A variant with one seed.

    Attributes:
        variant: The variant.
        seed: The seed.
    """

    variant: Variant
    seed: int

    @property
    def name(self) -> str:
        """The variant's name and the seed."""
        return f"{self.variant.name}/seed-{self.seed}"

    def settings(self, **where: Any) -> TrainSettings:
        """Resolve the settings for `qimlp.training.fit`.

        Args:
            where: Settings that say where it runs: `data_dir`, `device`, `threads`.

        Returns:
            The settings; the test accuracy of every epoch is recorded.

        Raises:
            ValueError: If a setting is not allowed.
        """
        options = {
            "data": self.variant.data,
            "recipe": self.variant.column,
            "seed": self.seed,
            "watch_test": True,
            **self.variant.changes,
            **where,
        }
        return resolve_settings(options, source=self.name)

    def key(self) -> str:
        """What decides the cell's numbers.

        Returns:
            SHA-256 (hex) over the resolved settings and `CODE_VERSION`; see `settings_key`.
        """
        return settings_key(self.settings(), CODE_VERSION)


def settings_key(settings: TrainSettings, code: int) -> str:
    """What decides a run's numbers, as a text of fixed length.

    Only fields that differ from their default count, so a setting that is added later, at its
    default, leaves all keys as they are.

    Args:
        settings: Of a run.
        code: Version of the numerics.

    Returns:
        SHA-256 (hex) over these settings and `code`.
    """
    usual = _defaults()
    chosen = {
        name: value
        for name, value in settings.numeric().items()
        if name == "data" or name not in usual or value != usual[name]
    }
    text = json.dumps({"code": code, "settings": chosen}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


@cache
def _defaults() -> Mapping[str, Any]:
    return TrainSettings.model_validate({"data": "digits"}).numeric()
