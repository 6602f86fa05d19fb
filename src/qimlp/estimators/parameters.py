"""What the parameters of an estimator may be; the lines that refuse are in scikit-learn's words."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from qimlp.files import shown


@dataclass(frozen=True)
class Rule:
    """What one parameter may be.

    Attributes:
        words: The same in words, after "must be".
        holds: Whether a value is allowed.
    """

    words: str
    holds: Callable[[Any], bool]


def one_of(*names: str) -> Rule:
    """Make the rule of a parameter that is one of several names.

    Args:
        names: All of them.

    Returns:
        The rule.
    """
    return Rule(
        f"a str among {{{', '.join(map(repr, names))}}}",
        lambda value: isinstance(value, str) and value in names,
    )


def number(low: float, high: float = math.inf, *, above: bool = False) -> Rule:
    """Make the rule of a parameter that is a number.

    Args:
        low: The least value.
        high: The first value that is too large.
        above: Whether `low` itself is too small.

    Returns:
        The rule.
    """
    return Rule(
        f"a float in the range {'(' if above else '['}{low:g}, {high:g})",
        lambda value: (
            isinstance(value, int | float | np.integer | np.floating)
            and not isinstance(value, bool)
            and bool(low < value if above else low <= value)
            and bool(value < high)
        ),
    )


def whole(low: int) -> Rule:
    """Make the rule of a parameter that is a whole number below 2**31.

    Args:
        low: The least value.

    Returns:
        The rule.
    """
    return Rule(
        f"an int in the range [{low}, inf)",
        lambda value: (
            isinstance(value, int | np.integer)
            and not isinstance(value, bool)
            and bool(low <= value < 2**31)
        ),
    )


def optional(rule: Rule) -> Rule:
    """Allow None, too.

    Args:
        rule: What else is allowed.

    Returns:
        The rule.
    """
    return Rule(f"{rule.words} or None", lambda value: value is None or rule.holds(value))


BOOL = Rule("a bool", lambda value: isinstance(value, bool | np.bool_))


def _are_pairs(value: Any) -> bool:
    size = whole(1)
    return (
        isinstance(value, Sequence)
        and not isinstance(value, str)
        and len(value) > 0
        and all(
            isinstance(pair, Sequence) and len(pair) == 2 and all(map(size.holds, pair))
            for pair in value
        )
    )


def _are_levels(value: Any) -> bool:
    level = number(0, 1, above=True)
    return (
        isinstance(value, Sequence | np.ndarray)
        and len(value) > 0
        and all(map(level.holds, value))
        and all(low < high for low, high in pairwise(value))
    )


PAIRS = Rule("pairs of sizes, one for each layer, such as ((8, 16), (8, 16))", _are_pairs)
LEVELS = Rule("rising numbers above 0 and below 1, such as (0.05, 0.5, 0.95)", _are_levels)

RULES: Mapping[str, Rule] = {
    "hidden_layer_sizes": optional(PAIRS),
    "activation": one_of("gelu", "relu", "silu", "tanh", "identity"),
    "alpha": optional(number(0)),
    "batch_size": optional(whole(1)),
    "learning_rate_init": optional(number(0, above=True)),
    "max_iter": optional(whole(1)),
    "tol": number(0),
    "n_iter_no_change": whole(1),
    "early_stopping": BOOL,
    "validation_fraction": number(0, 1, above=True),
    "scoring": Rule(
        "a str, a callable or None",
        lambda value: value is None or isinstance(value, str) or callable(value),
    ),
    "warm_start": BOOL,
    "class_weight": Rule(
        "'balanced', a dict from class to weight, or None",
        lambda value: value is None or value == "balanced" or isinstance(value, Mapping),
    ),
    "loss": one_of("squared_error", "huber", "quantile"),
    "quantiles": LEVELS,
    "embedding_dim": optional(whole(1)),
    "rank": whole(1),
    "n_members": whole(1),
    "device": Rule("a str, such as 'cpu' or 'cuda'", lambda value: isinstance(value, str)),
    "n_threads": optional(whole(1)),
    "verbose": Rule(
        "a bool or an int of at least 0",
        lambda value: BOOL.holds(value) or whole(0).holds(value),
    ),
}
"""By the name of a parameter; what is not here is checked where it is used."""


def check_parameters(owner: str, parameters: Mapping[str, Any]) -> None:
    """Refuse parameters that are not as they must be.

    Args:
        owner: Name of the estimator's class.
        parameters: By name.

    Raises:
        ValueError: In the words that scikit-learn has for its own estimators.
    """
    for name, value in parameters.items():
        rule = RULES.get(name)
        if rule is not None and not rule.holds(value):
            raise ValueError(
                f"The {name!r} parameter of {owner} must be {rule.words}. "
                f"Got {shown(value, 80)} instead."
            )
