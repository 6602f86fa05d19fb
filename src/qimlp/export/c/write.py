"""`to_c`: the folder of one network in C, and the report about it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from qimlp._version import __version__
from qimlp.export.c.body import Body
from qimlp.export.c.floats import WEIGHTS, float_body
from qimlp.export.c.integers import integer_body
from qimlp.export.c.manifest import details
from qimlp.export.c.render import Program, all_texts
from qimlp.export.c.rows import random_rows
from qimlp.export.describe import describe
from qimlp.export.description import Array, Description
from qimlp.export.examples import Examples, input_type
from qimlp.export.folder import DEFAULT_NAME, check_name, new_folder, sizes
from qimlp.export.report import ExportReport
from qimlp.export.runnable.manifest import without_features
from qimlp.files import shown, write_json, write_text
from qimlp.predictor import Predictor

_STORED_EXAMPLES = 8
_INPUTS = {"u8": "uint8_t", "f32": "float"}
_ACTIVATIONS = ("f32", "i16", "i8")
_GUESS = (
    "input u8: features are taken for pixels from 0 to 255; set input to f32 where they are not"
)
_KEYWORDS = (  # of C and C++
    "auto break case char const continue default do double else enum extern float for goto if "
    "inline int long register restrict return short signed sizeof static struct switch typedef "
    "union unsigned void volatile while and asm bool catch class delete explicit export false "
    "friend mutable namespace new not operator or private protected public template this throw "
    "true try typeid typename using virtual xor"
)


def to_c(
    predictor: Predictor,
    out: str | os.PathLike[str],
    *,
    name: str = DEFAULT_NAME,
    weights: str = "f32",
    activations: str = "f32",
    input: str | None = None,  # noqa: A002 - the name of the option
    calibration: Array | None = None,
    dev: Examples | None = None,
    head: bool = False,
) -> ExportReport:
    """Write a network as C99 that needs no library: `NAME.c`, `NAME.h`, `NAME_test.c`, `NAME.json`.

    Args:
        predictor: Of a trained network of layers one after the other.
        out: The folder to make.
        name: What the files, and all identifiers in them, begin with.
        weights: How factors are held: `"f32"`, `"i8"` or `"i4"`.
        activations: What is computed in: `"f32"`, or the integers `"i16"` and `"i8"`.
        input: Type of a raw feature, `"u8"` or `"f32"`; None for bytes where features are pixels.
        calibration: Raw examples of shape (n, features), which integers are calibrated on; eight
            of them go into the self-test.
        dev: Examples to judge by what rounding costs; None for no judgement.
        head: Whether of a network on texts the part behind the features is meant.

    Returns:
        What was written, and what it costs.

    Raises:
        FileExistsError: If `out` is there.
        OSError: If it cannot be written.
        ValueError: If the network, the name or a choice is none that can be written.
    """
    check_c_name(name)
    check_choices(weights, activations, input)
    description = describe(predictor, head=head)
    calibration = None if calibration is None else _checked(description, calibration)
    held_in = _INPUTS[input_type(description, input, calibration)]
    if activations == "f32":
        held: Any = weights
        body = float_body(
            description, name, weights=held, input_type=held_in, calibration=calibration
        )
    else:
        body = integer_body(
            description,
            name,
            weights=weights,
            activations=activations,
            input_type=held_in,
            calibration=calibration,
        )
    program = program_of(description, name, body, calibration)
    accuracy = _accuracy(description, body, dev)
    known = details(description, program)
    guess = (_GUESS,) if input is None and calibration is None and description.pixels else ()
    with new_folder(out) as folder:
        for file, text in all_texts(program):
            write_text(folder / file, text)
        write_json(folder / f"{name}.json", known)
    return ExportReport(
        format="c",
        folder=Path(out),
        files=sizes(Path(out)),
        rows=(*_rows_of_report(program), *accuracy),
        notes=(*without_features(predictor, head=head), *guess, *body.notes),
        details=known | {"accuracy": dict(accuracy)} if accuracy else known,
    )


def _checked(description: Description, calibration: object) -> Array:
    """Examples to calibrate on as an array, or one line about what they should be."""
    width = description.in_features
    try:
        rows = np.asarray(calibration, np.float64)
    except (TypeError, ValueError):
        raise ValueError(
            f"calibration: expected numbers of shape (n, {width}), got a "
            f"{type(calibration).__name__} of something else"
        ) from None
    if rows.ndim > 2 and len(rows):
        rows = rows.reshape(len(rows), -1)
    if rows.ndim != 2 or rows.shape[1] != width or not len(rows):
        raise ValueError(
            f"calibration: expected raw examples of shape (n, {width}), got shape {rows.shape}"
        )
    broken = np.flatnonzero(~np.isfinite(rows).all(axis=1))
    if len(broken):
        raise ValueError(
            f"calibration: expected finite numbers, got NaN or infinity in {len(broken)} of "
            f"{len(rows)} rows, first in row {broken[0] + 1}; leave such rows out"
        )
    return rows


def check_c_name(name: str) -> str:
    """Require a name that identifiers of C can begin with and be.

    Args:
        name: Of the network.

    Returns:
        The same.

    Raises:
        ValueError: If it is none.
    """
    check_name(name)
    if name.lower() in _KEYWORDS.split():
        raise ValueError(
            f"name: {name} is a keyword of C or C++; choose another, such as {name}_net"
        )
    return name


def check_choices(weights: str, activations: str, given: str | None) -> None:
    """Require types that networks can be written in.

    Args:
        weights: How factors are held.
        activations: What is computed in.
        given: Type of a raw feature, or None.

    Raises:
        ValueError: If there is no such type, or they do not go together.
    """
    for option, value, known in (
        ("weights", weights, WEIGHTS),
        ("activations", activations, _ACTIVATIONS),
        ("input", given, (*_INPUTS, None)),
    ):
        if value not in known:
            names = ", ".join(str(choice) for choice in known if choice is not None)
            raise ValueError(f"{option}: expected one of {names}, got {shown(value)}")
    if activations != "f32" and weights == "f32":
        raise ValueError(
            f"activations {activations}: integers are multiplied with integers; set weights to i8 "
            "or i4"
        )


def program_of(
    description: Description, name: str, body: Body, calibration: Array | None = None
) -> Program:
    """Put a body and what its files say about it together.

    Args:
        description: Of the network.
        name: Of the network.
        body: The arithmetic.
        calibration: Raw examples whose first go into the self-test; None for random ones.

    Returns:
        The program.
    """
    return Program(
        name=name,
        body=body,
        features=description.in_features,
        outputs=description.num_outputs,
        answer_names=description.answer_names,
        of_classes=description.output_scale is None,
        rows=_rows(description, body.input_type, calibration),
        made_by=f"qimlp {__version__}",
    )


def _rows(description: Description, input_type: str, calibration: Array | None) -> Array:
    """Examples for the self-test, as the input's type holds them."""
    if calibration is None:
        rows = random_rows(description, _STORED_EXAMPLES)
    else:
        rows = np.asarray(calibration, np.float64)[:_STORED_EXAMPLES]
    if input_type == "uint8_t":
        return np.clip(np.rint(rows), 0, 255)
    return rows.astype(np.float32).astype(np.float64)


def _rows_of_report(program: Program) -> tuple[tuple[str, str], ...]:
    body = program.body
    tables = body.constant_bytes + program.names_bytes
    return (
        (
            "flash, about",
            f"{tables + body.code_bytes:,} bytes: {tables:,} of tables, {body.code_bytes:,} of "
            "code (Thumb-2, -Os)",
        ),
        ("static RAM", f"{body.static_bytes:,} bytes"),
        ("stack, at most", f"{body.stack_bytes:,} bytes"),
        ("multiply-adds", f"{body.multiply_adds:,}"),
    )


def _accuracy(
    description: Description, body: Body, dev: Examples | None
) -> tuple[tuple[str, str], ...]:
    """The main metric on dev examples, before rounding and after."""
    if dev is None:
        return ()
    title = description.task.main_metric.title
    before = dev.score(description, description.outputs(dev.rows))
    after = dev.score(description, body.real_outputs(dev.rows))
    return (
        (f"{title} on dev, as trained", f"{before:.4f}"),
        (f"{title} on dev, in C", f"{after:.4f}"),
    )
