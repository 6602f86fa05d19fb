"""How settings come together: defaults, recipe, settings file, options."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from qimlp.files import printable, shown
from qimlp.settings.names import with_new_names
from qimlp.settings.recipes import recipe_values
from qimlp.settings.suggestions import unknown_name
from qimlp.settings.train_settings import FIELDS, GROUPS, TrainSettings

_DECIDING = ("recipe", "data", "task", "model", "rank", "dims")
"""The fields that a recipe goes by."""

_KINDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "string": "text that is not empty",
    "tuple": "a list",
}
"""What was expected, by the first word of pydantic's names of errors."""


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
    source = printable(source)
    given = {**_named(file or {}, source), **_named(options or {}, source)}
    known = _validated({name: given[name] for name in _DECIDING if name in given}, source)
    recipe = recipe_values(
        known.recipe,
        task=known.dataset.task,
        kind=known.network.kind,
        model=known.network.model,
        data=known.dataset.data_name,
        rank=known.network.rank,
    )
    if known.network.dims is not None:
        recipe.pop("width", None)  # the dims say it
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
                f"{source}: {printable(str(name), 40)} is a table; settings have none: put each as "
                f"name = value at the top, without a line [{printable(str(name), 40)}]"
            )
        raise ValueError(f"{source}: {unknown_name('setting', str(name), FIELDS)}")
    return named


def _validated(values: Mapping[str, Any], source: str) -> TrainSettings:
    try:
        return TrainSettings.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
    message = printable(first["msg"].removeprefix("Value error, "), 300)
    if first["type"] != "value_error":  # those are ours, and name what they are about
        inside = [str(part) for part in first["loc"][2:] if isinstance(part, int)]
        where = ".".join([_field(first["loc"]), *inside])
        message = f"{where}: {_plain(first['type'], message)}, got {shown(first['input'], 80)}"
    raise ValueError(f"{source}: {message}")


def _field(place: tuple[int | str, ...]) -> str:
    """The field that pydantic's location lies in; groups are not written down."""
    return str(place[1] if place[0] in GROUPS and len(place) > 1 else place[0])


def _plain(kind: str, message: str) -> str:
    """What was expected, in our words; in pydantic's for the error of a kind we do not know."""
    if kind.partition("_")[0] in _KINDS:
        return f"expected {_KINDS[kind.partition('_')[0]]}"
    expected = message.removeprefix("Input should be ")
    number = "a number " if expected.startswith(("greater", "less")) else ""
    return f"expected {number}{expected}" if expected != message else message
