"""What to search, as a user writes it: `lr`, `lr=1e-4..1e-1`, `rank=1,2,4`."""

from collections.abc import Iterable, Sequence

from qimlp.files import shown
from qimlp.settings import FIELDS, TrainSettings, resolve_settings, unknown_name
from qimlp.sweeps.space import Choices, Dimension, Range, Space, Value
from qimlp.sweeps.usual import LOGARITHMIC, SEARCHABLE, usual_dimension
from qimlp.training import TrainingData

_BETWEEN = ".."
_LISTS = frozenset({"dims", "betas", "quantiles"})
"""Settings whose values hold commas themselves."""


def parse_search(texts: Iterable[str], settings: TrainSettings, data: TrainingData) -> Space:
    """Read what is to be searched.

    Args:
        texts: Each a name, for its usual values; a name and values, as in `rank=1,2,4` (with `;`
            between values that hold commas, as dims do); or a name and a range, as in
            `lr=1e-4..1e-1`.
        settings: Of the sweep.
        data: Of the sweep.

    Returns:
        Settings with their ranges.

    Raises:
        ValueError: If a name is unknown, stands there twice or cannot be searched, or a value is
            not allowed.
    """
    space: dict[str, Dimension] = {}
    for text in texts:
        name, equals, values = (part.strip() for part in text.partition("="))
        name = name.replace("-", "_")
        _require_searchable(name)
        if name in space:
            raise ValueError(f"search {name}: expected it once; it is named twice")
        if not equals:
            space[name] = usual_dimension(name, settings, data)
        elif _BETWEEN in values:
            space[name] = _range(name, values, settings)
        else:
            space[name] = _choices(name, values, settings)
    said = [name for name in ("width", "depth", "model") if name in space]
    if "dims" in space and said:
        raise ValueError(
            f"search dims and {said[0]}: the dims say {said[0]}, too; search one of them"
        )
    return space


def checked(name: str, value: Value, settings: TrainSettings) -> Value:
    """Give a value as the settings hold it.

    Args:
        name: Of the setting.
        value: A text, or a value.
        settings: Of the sweep.

    Returns:
        A number, a truth value or None; of what JSON would hold as a list, the text.

    Raises:
        ValueError: If the settings do not allow it.
    """
    changed = changes(settings, {name: value})
    found = resolve_settings({**settings.to_flat(), **changed}, source="search").to_flat()[name]
    return value if isinstance(found, tuple) else found


def changes(settings: TrainSettings, params: dict[str, Value]) -> dict[str, Value]:
    """Say what differs in the settings of a trial.

    Args:
        settings: Of the sweep.
        params: Of the trial.

    Returns:
        The parameters, and without width and depth where the dims say them.
    """
    if params.get("dims") is None or settings.kind == "table":
        return params
    return {"width": None, "depth": None, **params}


def _require_searchable(name: str) -> None:
    if name in SEARCHABLE:
        return
    if name in FIELDS:
        raise ValueError(
            f"search {name}: it says what is measured, or where; trials that differ in it could "
            "not be compared: give it once for all of them"
        )
    raise ValueError(f"search: {unknown_name('setting', name, SEARCHABLE)}")


def _choices(name: str, text: str, settings: TrainSettings) -> Dimension:
    parts = _split(name, text)
    if not all(parts):
        raise ValueError(
            f"search {name}: expected values joined by commas, such as rank=1,2,4, or a range, "
            f"such as lr=1e-4..1e-1, got {shown(text, 80)}"
        )
    return Choices(tuple(dict.fromkeys(checked(name, part, settings) for part in parts)))


def _split(name: str, text: str) -> Sequence[str]:
    if ";" in text:
        return [part.strip() for part in text.split(";")]
    return [text] if name in _LISTS else [part.strip() for part in text.split(",")]


def _range(name: str, text: str, settings: TrainSettings) -> Dimension:
    ends = [part.strip() for part in text.split(_BETWEEN)]
    if len(ends) != 2 or not all(ends):
        raise ValueError(
            f"search {name}: expected a range such as 1e-4..1e-1, got {shown(text, 80)}"
        )
    low, high = (checked(name, end, settings) for end in ends)
    if not _is_number(low) or not _is_number(high):
        raise ValueError(
            f"search {name}: a range is of numbers; expected values joined by commas, got "
            f"{shown(text, 80)}"
        )
    if low >= high:  # type: ignore[operator]
        raise ValueError(
            f"search {name}: expected the lower end first, as in 1e-4..1e-1, got {shown(text, 80)}"
        )
    whole = isinstance(low, int) and isinstance(high, int)
    return Range(low, high, log=name in LOGARITHMIC and low > 0, whole=whole)  # type: ignore


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
