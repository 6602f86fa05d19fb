"""`qimlp compress`: a trained network or a text encoder, made smaller."""

import inspect
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from functools import wraps
from inspect import Parameter
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import typer
from rich.console import Console
from rich.markup import escape

from qimlp.cli.options import COMMON, option_in
from qimlp.cli.output.console import Notes, make_table, open_console, write_json
from qimlp.cli.output.encoding import show_encoding
from qimlp.compression import CompressionConfig
from qimlp.training import CompressionRequest, Front, compress_folder

_HOW = "How it is compressed"


def _with_config(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command an option for every field of `CompressionConfig` that it has none for.

    Its parameter `given` receives, by name, the fields that were set by such an option.
    """
    own = dict(inspect.signature(command).parameters)
    del own["given"]
    made = {name: parameter for name, parameter in _parameters() if name not in own}

    @wraps(command)
    def run(**values: Any) -> None:
        set_here = {name: values.pop(name) for name in made}
        given = {name: value for name, value in set_here.items() if value not in (None, [])}
        command(**values, given=given)

    run.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [*own.values(), *made.values()]
    )
    return run


def _parameters() -> Iterator[tuple[str, Parameter]]:
    texts, hints = _field_texts(), get_type_hints(CompressionConfig)
    for field in fields(CompressionConfig):
        kind = _kind(hints[field.name])
        dashed = field.name.replace("_", "-")
        spelling = f"--{dashed}/--no-{dashed}" if kind is bool else f"--{dashed}"
        default = field.default
        shown = "" if default in (None, ()) or kind is bool else f" (default: {default})"
        option = option_in(_HOW, escape(texts[field.name] + shown), spelling)
        annotation: Any = Annotated[kind | None, option]
        yield (
            field.name,
            Parameter(field.name, Parameter.KEYWORD_ONLY, default=None, annotation=annotation),
        )


def _kind(hint: Any) -> Any:
    """What the parser makes of an option; the config checks what stands in it."""
    if get_origin(hint) is tuple:
        return list[str]
    arms = set(get_args(hint)) or {hint}
    kinds = [kind for kind in (bool, int, float) if arms - {NoneType} == {kind}]
    return kinds[0] if kinds else str


def _field_texts() -> dict[str, str]:
    """What the config's docstring says of each field, on one line."""
    documented = inspect.getdoc(CompressionConfig) or ""
    listed = documented.partition("Attributes:")[2].partition("Raises:")[0]
    found = re.findall(r"^    (\w+): (.*(?:\n {8}.*)*)", listed, re.MULTILINE)
    texts = {name: re.sub(r"[`\"]", "", " ".join(text.split())) for name, text in found}
    return {field.name: texts.get(field.name, "") for field in fields(CompressionConfig)}


@_with_config
def compress_command(
    source: Annotated[
        str,
        typer.Argument(
            help="A run folder, that of a saved model, or that of a transformers text encoder "
            "(config.json, tokenizer.json, model.safetensors)."
        ),
    ],
    *,
    given: dict[str, Any],
    out: Annotated[Path, option_in(COMMON, "Folder to make.", metavar="<folder>")],
    ratio: Annotated[
        list[float] | None,
        option_in(
            COMMON,
            "Parameters of the compressed layers before over after, above 1. Given several times, "
            "a front of scores against parameters is made.",
        ),
    ] = None,
    calibration: Annotated[
        str | None,
        option_in(
            COMMON,
            "Data to fit the layers on, by name or path; by default a run's own train part. For an "
            "encoder any texts: a table, or a .txt file with one a line.",
            metavar="<data>",
        ),
    ] = None,
    samples: Annotated[
        int | None,
        option_in(COMMON, "Most examples of it that are read. (default: 10000, or 128 texts)"),
    ] = None,
    distill: Annotated[
        int,
        option_in(
            COMMON,
            "Steps of training, after that, to answer as the original does.",
            metavar="<steps>",
        ),
    ] = 0,
    max_tokens: Annotated[
        int, option_in(COMMON, "Tokens of a text that an encoder reads. (default: 128)")
    ] = 128,
    data_dir: Annotated[str | None, option_in(COMMON, "Folder of named data.")] = None,
    device: Annotated[str, option_in(COMMON, "auto, cpu, cuda, mps, ... (default: auto)")] = "auto",
    overwrite: Annotated[
        bool, option_in(COMMON, "Replace an earlier compression.", "--overwrite")
    ] = False,
    as_json: Annotated[bool, option_in(COMMON, "Print JSON, nothing else.", "--json")] = False,
) -> None:
    """Make a trained network smaller, and say what that costs."""
    request = CompressionRequest(
        configs=_configs(ratio or [], given),
        calibration=calibration,
        samples=samples,
        distill_steps=distill,
        max_tokens=max_tokens,
        data_dir=data_dir,
        device=device,
    )
    aside = Console(stderr=True, markup=False, highlight=False)  # output may be JSON alone

    def tell(text: str) -> None:
        if aside.is_terminal:
            aside.print(text, soft_wrap=True)

    with show_encoding(aside):
        front = compress_folder(source, request, out=out, overwrite=overwrite, on_progress=tell)
    console = open_console()
    if as_json:
        write_json(console, front.to_dict())
        return
    _show(console, front, out)


def _configs(ratios: Sequence[float], given: dict[str, Any]) -> tuple[CompressionConfig, ...]:
    if not ratios and "max_parameters" not in given:
        raise ValueError(
            "expected a budget, such as --ratio 4 (several for a front) or --max-parameters 20000"
        )
    if not ratios:
        return (CompressionConfig(**given),)
    return tuple(CompressionConfig(**given, ratio=ratio) for ratio in ratios)


def _show(console: Console, front: Front, out: Path) -> None:
    notes = Notes(console)
    notes.say(front.notes)
    if len(front.points) > 1:  # one report says them itself
        for point in front.points:
            notes.say([f"{point.name}: {note}" for note in point.report.notes])
    else:
        console.print(str(front.points[0].report), soft_wrap=True)
        console.print()
    table = make_table(front.name, front.columns())
    for row in front.rows():
        table.add_row(*row)
    console.print(table)
    console.print(f"Written to {out}", soft_wrap=True)
