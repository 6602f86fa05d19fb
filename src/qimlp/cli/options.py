"""Command-line options that are made from the fields of the settings.

What a field says of itself is the help of its option, and its group is the panel that the option
stands in; the options that most people need stand before them in a panel of their own.
"""

import inspect
from collections.abc import Callable, Iterator
from functools import wraps
from inspect import Parameter
from types import NoneType
from typing import Annotated, Any, get_args

import typer
from pydantic.fields import FieldInfo
from rich.markup import escape

from qimlp.files import shown
from qimlp.settings import FIELDS, GROUPS, NEW_NAMES, OLD_NAMES, RECIPES

COMMON = "Common options"
RUNS = "Runs and files"

_FIRST = (
    "model",
    "rank",
    "epochs",
    "batch_size",
    "lr",
    "label_column",
    "task",
    "seeds",
    "device",
    "out",
)
"""The parameters in the panel of common options, most needed first."""

_PANELS = {
    "dataset": "Data",
    "features": "Features",
    "network": "Network",
    "optimisation": "Optimisation",
    "compute": "Computing",
}
_SPELLED = {
    "finetune": "--finetune/--frozen",
    "streaming": "--streaming/--in-memory",
    "drop_columns": "--drop-column",
}
_ALSO_SPELLED = {"label_column": ("--target",), "drop_columns": ("--drop",)}
_REPEATED = ("label_column", "drop_columns", "categorical")
_METAVARS = {bool: "", int: "<int>", float: "<float>", str: "<text>"}


def option_in(panel: str, text: str, *spelling: str, **more: Any) -> Any:
    """Make an option that stands in one of the panels of the help.

    Args:
        panel: Title of the panel.
        text: Its help, as rich markup; it says itself what holds by default.
        spelling: How it is written; by default as its parameter is called.
        more: What else `typer.Option` takes.

    Returns:
        What annotates the parameter.
    """
    return typer.Option(*spelling, help=text, rich_help_panel=panel, show_default=False, **more)


def _show_help(context: typer.Context, value: bool) -> None:
    if value:
        typer.echo(context.get_help())
        raise typer.Exit


_HELP = Annotated[
    bool,
    option_in(
        COMMON,
        "Show this message and exit.",
        "--help",
        metavar="",
        callback=_show_help,
        is_eager=True,
    ),
]


def setting_help(name: str, *more: str, required: bool = False) -> str:
    """Say what a field is and what holds where it is not given.

    Args:
        name: A field of the settings.
        more: What the command line adds.
        required: There is no default on the command line.

    Returns:
        Help of the field's option, as rich markup.
    """
    parts = [FIELDS[name].description or "", *more, "" if required else _default(name)]
    return escape(" ".join(part for part in parts if part))


def with_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command an option for every field of the settings that it has no parameter for.

    Args:
        command: A command of typer. Its parameter `given` receives, by name, the fields that
            were set by such an option; a parameter `seeds` stands for the field `seed`.

    Returns:
        The command with these options; hidden ones with the old names of fields among them.
    """
    own = dict(inspect.signature(command).parameters)
    del own["given"]
    own["help"] = Parameter("help", Parameter.KEYWORD_ONLY, default=False, annotation=_HELP)
    made = {
        name: parameter
        for name, parameter in _parameters()
        if name not in own and not (name == "seed" and "seeds" in own)
    }

    @wraps(command)
    def run(*, help: bool = False, **values: Any) -> None:  # noqa: A002, ARG001 - acted on before
        set_here = {name: values.pop(name) for name in made}
        given = {
            name: _number(name, value)
            for name, value in set_here.items()
            if value not in (None, [])
        }
        command(**values, given=given)

    both = {**own, **made}
    leading = [name for name, p in own.items() if p.kind is not Parameter.KEYWORD_ONLY]
    order = dict.fromkeys([*leading, *_FIRST, "help", *made, *own])
    run.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [both[name] for name in order if name in both]
    )
    return run


def spelled(name: str) -> str:
    """Name the option of a field.

    Args:
        name: A field, by its own or its old name.

    Returns:
        The option, such as `--batch-size`; of a switch the half that turns it on.
    """
    return _SPELLED.get(name, f"--{name.replace('_', '-')}").partition("/")[0]


def _parameters() -> Iterator[tuple[str, Parameter]]:
    """A parameter for every field, and one for the old name of each field that has one."""
    groups = {name: group for group, model in GROUPS.items() for name in model.model_fields}
    for name, field in FIELDS.items():
        panel = RUNS if name not in groups else _PANELS[groups[name]]
        panel = COMMON if name in _FIRST else panel
        metavar = _METAVARS[_kind(field)]
        spellings = (_spelling(name, field), *_ALSO_SPELLED.get(name, ()))
        option = option_in(panel, setting_help(name), *spellings, metavar=metavar)
        yield name, _parameter(name, _type(name, field), option)
        if name in OLD_NAMES:
            old = OLD_NAMES[name]
            option = typer.Option(_spelling(old, field), hidden=True)
            yield old, _parameter(old, _type(name, field), option)


def _parameter(name: str, kind: Any, option: Any) -> Parameter:
    annotation = Annotated[kind | None, option]
    return Parameter(name, Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _spelling(name: str, field: FieldInfo) -> str:
    dashed = name.replace("_", "-")
    usual = f"--{dashed}/--no-{dashed}" if _type(name, field) is bool else f"--{dashed}"
    return _SPELLED.get(name, usual)


def _type(name: str, field: FieldInfo) -> Any:
    """What the parser makes of an option: text as it came, which is read and checked later."""
    if name in _REPEATED:
        return list[str]
    return bool if _kind(field) is bool else str


def _kind(field: FieldInfo) -> Any:
    """The type of a field's values where it is a plain one, otherwise text."""
    arms = set(get_args(field.annotation)) or {field.annotation}
    kinds = [kind for kind in (bool, int, float) if arms - {NoneType} == {kind}]
    return kinds[0] if kinds else str


def _number(name: str, value: Any) -> Any:
    """Read the text of an option whose field is a number; other values are passed on."""
    kind = _kind(FIELDS[NEW_NAMES.get(name, name)])
    if kind not in (int, float):
        return value
    try:
        return kind(value)
    except ValueError:
        expected = "a whole number" if kind is int else "a number"
        raise ValueError(f"{spelled(name)}: expected {expected}, got {shown(value, 80)}") from None


def _default(name: str) -> str:
    """What holds where a field is not given: its own default, or that of the usual recipe."""
    recipe = RECIPES[FIELDS["recipe"].default]
    default = recipe["all"].get(name, FIELDS[name].default)
    if all(name in part for part in recipe["kinds"].values()):
        return "(default: by recipe)"
    if default is None or isinstance(default, bool) or default == ():
        return ""
    shown = ",".join(map(str, default)) if isinstance(default, tuple) else str(default)
    several = any(name in part for part in recipe["data"].values())
    return f"(default: {shown}{', or by recipe' if several else ''})"
