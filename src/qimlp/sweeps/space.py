"""What a sweep searches: settings by name, each with its values or its range."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import optuna

Value: TypeAlias = str | int | float | bool | None


@dataclass(frozen=True)
class Choices:
    """Values to choose from.

    Attributes:
        values: As JSON holds them: sizes of bodies are text, for one.
    """

    values: tuple[Value, ...]

    def shown(self) -> str:
        """The values in one line."""
        texts = [str(value) for value in self.values]
        return ("; " if any("," in text for text in texts) else ", ").join(texts)


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both included.

    Attributes:
        low: The least.
        high: The largest.
        log: Whether every factor counts alike, not every difference.
        whole: Whether whole numbers alone are meant.
    """

    low: float
    high: float
    log: bool = False
    whole: bool = False

    def shown(self) -> str:
        """The range in one line."""
        return f"{self.low:g} to {self.high:g}{' (log)' if self.log else ''}"


Dimension: TypeAlias = Choices | Range
Space: TypeAlias = Mapping[str, Dimension]
"""By the name of the setting."""


def draw(trial: optuna.Trial, space: Space) -> dict[str, Value]:
    """Draw the parameters of a trial, or read those that it has.

    Args:
        trial: Of Optuna.
        space: What is searched.

    Returns:
        Values by the name of the setting.
    """
    drawn: dict[str, Value] = {}
    for name, dimension in space.items():
        if isinstance(dimension, Choices):
            drawn[name] = trial.suggest_categorical(name, dimension.values)
        elif dimension.whole:
            low, high = int(dimension.low), int(dimension.high)
            drawn[name] = trial.suggest_int(name, low, high, log=dimension.log)
        else:
            drawn[name] = trial.suggest_float(
                name, dimension.low, dimension.high, log=dimension.log
            )
    return drawn


def space_to_dict(space: Space) -> dict[str, Any]:
    """Plain data for JSON.

    Args:
        space: What is searched.

    Returns:
        By the name of the setting, `values` or `low`, `high`, `log` and `whole`.
    """
    return {
        name: {"values": list(found.values)} if isinstance(found, Choices) else asdict(found)
        for name, found in space.items()
    }
