"""`to_c`: the folder of one network in C, and the report about it."""

from __future__ import annotations

import os
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from qimlp.export.c.body import Body
from qimlp.export.c.floats import WEIGHTS, float_body
from qimlp.export.c.integers import integer_body
from qimlp.export.c.manifest import details
from qimlp.export.c.render import Program, all_texts
from qimlp.export.c.rows import random_rows
from qimlp.export.describe import describe
from qimlp.export.description import Array, Description
from qimlp.export.examples import Examples
from qimlp.export.folder import DEFAULT_NAME, check_name, new_folder, sizes
from qimlp.export.report import ExportReport
from qimlp.files import shown, write_json, write_text
from qimlp.predictor import Predictor

_STORED_EXAMPLES = 8
_INPUTS = {"u8": "uint8_t", "f32": "float"}
_ACTIVATIONS = ("f32", "i16", "i8")
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
    _check_choices(weights, activations, input)
    description = describe(predictor, head=head)
    if calibration is not None and len(calibration) == 0:
        raise ValueError("calibration: expected raw examples of shape (n, features), got none")
    input_type = _INPUTS[input or ("u8" if description.pixels else "f32")]
    if activations == "f32":
        held: Any = weights
        body = float_body(
            description, name, weights=held, input_type=input_type, calibration=calibration
        )
    else:
        body = integer_body(
            description,
            name,
            weights=weights,
            activations=activations,
            input_type=input_type,
            calibration=calibration,
        )
    program = program_of(description, name, body, calibration)
    accuracy = _accuracy(description, body, dev)
    known = details(description, program)
    with new_folder(out) as folder:
        for file, text in all_texts(program):
            write_text(folder / file, text)
        write_json(folder / f"{name}.json", known)
    return ExportReport(
        format="c",
        folder=Path(out),
        files=sizes(Path(out)),
        rows=(*_rows_of_report(program), *accuracy),
        notes=body.notes,
        details=known | {"accuracy": dict(accuracy)} if accuracy else known,
    )


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


def _check_choices(weights: str, activations: str, given: str | None) -> None:
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
        made_by=f"qimlp {version('qimlp')}",
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
