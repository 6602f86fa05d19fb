"""How settings come together: defaults, recipe, settings file, options."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from qimlp.settings.names import with_new_names
from qimlp.settings.recipes import recipe_values
from qimlp.settings.suggestions import unknown_name
from qimlp.settings.train_settings import FIELDS, GROUPS, TrainSettings

_DECIDING = ("recipe", "data", "model", "rank")
"""The fields that a recipe goes by."""


def resolve_settings(
    options: Mapping[str, Any] | None = None,
    *,
    file: Mapping[str, Any] | None = None,
    source: str = "settings",
) -> TrainSettings:
    """Merge defaults < recipe < settings file < options.

    Args:
        options: Fields given by hand; they win over everything.
        file: Fields of a settings file.
        source: What to call the settings in a message, such as the file's name.

    Returns:
        The resolved settings.

    Raises:
        ValueError: With one line, if a field is unknown or a value is not allowed.
    """
    given = {**_named(file or {}, source), **_named(options or {}, source)}
    known = _validated({name: given[name] for name in _DECIDING if name in given}, source)
    recipe = recipe_values(
        known.recipe,
        kind=known.network.kind,
        model=known.network.model,
        data=known.dataset.data_name,
        rank=known.network.rank,
    )
    return _validated({**recipe, **given}, source)


def _named(values: Mapping[str, Any], source: str) -> dict[str, Any]:
    """Values by the present names of their fields; other names are refused."""
    try:
        named = with_new_names(values)
    except ValueError as error:
        raise ValueError(f"{source}: {error}") from None
    for name, value in named.items():
        if name in FIELDS:
            continue
        if isinstance(value, Mapping):
            raise ValueError(  # noqa: TRY004 - the file is wrong, not an argument
                f"{source}: {name} is a table; settings have none: put each as name = value at the "
                f"top, without a line [{name}]"
            )
        raise ValueError(f"{source}: {unknown_name('setting', name, FIELDS)}")
    return named


def _validated(values: Mapping[str, Any], source: str) -> TrainSettings:
    try:
        return TrainSettings.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        message = first["msg"].removeprefix("Value error, ")
        place = first["loc"][1:] if first["loc"] and first["loc"][0] in GROUPS else first["loc"]
        if place:
            where = ".".join(str(part) for part in place)
            message = f"{where}: {message[0].lower()}{message[1:]}, got {first['input']!r}"
        raise ValueError(f"{source}: {message}") from error
