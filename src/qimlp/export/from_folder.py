"""A run's folder, or that of a saved model, exported to another folder."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal, get_args

from qimlp.data import TableDataSet
from qimlp.export.c import check_c_name, check_choices, to_c
from qimlp.export.describe import describe
from qimlp.export.description import Array, Description
from qimlp.export.examples import input_type, raw_examples
from qimlp.export.folder import DEFAULT_NAME, check_name, require_free
from qimlp.export.html import to_html
from qimlp.export.onnx.to_onnx import to_onnx
from qimlp.export.program import to_program
from qimlp.export.report import ExportReport
from qimlp.files import shown
from qimlp.predictor import Loaded, Predictor
from qimlp.training import TrainedRun, TrainingData, load_data, load_trained

Format = Literal["onnx", "c", "html", "program"]
FORMATS: tuple[str, ...] = get_args(Format)
"""Names of the formats, as `--format` takes them."""
_CALIBRATION, _JUDGED = 4_000, 10_000  # examples


@dataclass(frozen=True)
class ExportRequest:
    """What is asked of an export, beside its format.

    Attributes:
        name: Of the network, in files and identifiers.
        weights: C: `"f32"`, `"i8"` or `"i4"`; None for `"f32"`.
        activations: C: `"f32"`, `"i16"` or `"i8"`; None for `"f32"`.
        input: C: `"u8"` or `"f32"`; None for `"u8"` where the examples are pixels.
        calibration: C: data that integer activations are calibrated on; None for a run's own train
            part.
        head: Of a network on texts, export the part behind the features alone.
        data_dir: Folder of named data.
    """

    name: str = DEFAULT_NAME
    weights: str | None = None
    activations: str | None = None
    input: str | None = None
    calibration: str | None = None
    head: bool = False
    data_dir: str | None = None


_TRIED = 6
_SHOWN = "rows of the train part lie in the page, to try: look at them before you publish it"
_STORED = "eight rows of the train part lie in the self-test: look at them before you publish it"
_CHANGED = "the run's data is not there as it was: {}"
_OF_C = ("weights", "activations", "input", "calibration")


def export_folder(
    source: str | os.PathLike[str],
    format: str,  # noqa: A002 - what users call it
    out: str | os.PathLike[str],
    request: ExportRequest | None = None,
) -> ExportReport:
    """Export what lies in a folder; the new folder is there whole or not at all.

    Args:
        source: A run folder, or that of a saved predictor, estimator or compressed network.
        format: `"onnx"`, `"c"`, `"html"` or `"program"`.
        out: The folder to make.
        request: Everything else; None for what holds by default.

    Returns:
        What was written, and what it costs.

    Raises:
        FileExistsError: If there is something at `out`.
        FileNotFoundError: If there is no such source, it has no weights, or its data is gone.
        ValueError: If a file is damaged, an option does not fit the format, or the network has
            parts that cannot be exported.
        OSError: If the folder cannot be written.
    """
    asked = request or ExportRequest()
    if format not in FORMATS:
        raise ValueError(f"format: expected one of {', '.join(FORMATS)}, got {shown(format)}")
    check_name(asked.name)
    if format == "c":
        check_c_name(asked.name)
        check_choices(asked.weights or "f32", asked.activations or "f32", asked.input)
    else:
        _refuse_others(asked, format)
    require_free(out)
    predictor, run = load_trained(Path(source), device="cpu", data_dir=asked.data_dir)
    if asked.head and not predictor.features.of_texts:
        raise ValueError("head: expected a network on texts, got one on numbers; leave head out")
    common: dict[str, Any] = {"name": asked.name}
    if format == "html":
        rows, missing = _page_examples(predictor, run)
        # A person can draw a picture, but not make up the values of a whole row.
        tried = 0 if len(predictor.feature_shape) > 1 else _TRIED
        report = to_html(predictor, out, examples=rows, shown=tried, **common)
        if rows is not None and tried:
            missing = (f"{tried} {_SHOWN}", *missing)
        return replace(report, notes=(*missing, *report.notes))
    if format == "onnx":
        return to_onnx(predictor, out, head=asked.head, **common)
    if format == "program":
        return to_program(predictor, out, head=asked.head, **common)
    return _to_c(predictor, run, out, asked)


def _to_c(
    predictor: Predictor,
    run: TrainedRun | None,
    out: str | os.PathLike[str],
    asked: ExportRequest,
) -> ExportReport:
    """Export as C, with what the run's own data says about its inputs and about rounding."""
    description = describe(predictor, head=asked.head)
    weights, activations = asked.weights or "f32", asked.activations or "f32"
    rounds = (weights, activations) != ("f32", "f32")
    given = _given_rows(description, predictor, asked)
    own = dev = None
    notes: tuple[str, ...] = ()
    if run is not None and (rounds or description.pixels or asked.input == "u8"):
        try:
            data = _own_data(run)
        except (OSError, ValueError) as error:
            if rounds and given is None:
                raise
            notes = (_CHANGED.format(error),)
        else:
            own = _calibration(description, predictor, data)
            if rounds:
                batches = data.dev_batches(predictor.processes)
                dev = raw_examples(description, batches, _JUDGED)
    chosen = asked.input if own is None else input_type(description, asked.input, own)
    if chosen == "f32" and asked.input is None and description.pixels:
        notes = (*notes, "input f32: the train part holds other numbers than whole ones to 255")
    if rounds and given is None and own is not None:
        notes = (*notes, _STORED)
    report = to_c(
        predictor,
        out,
        name=asked.name,
        weights=weights,
        activations=activations,
        input=chosen,
        calibration=own if rounds and given is None else given,
        dev=dev,
        head=asked.head,
    )
    return replace(report, notes=(*notes, *report.notes))


def _refuse_others(asked: ExportRequest, chosen: str) -> None:
    """Refuse options that are of another format."""
    given = [f.name for f in fields(asked) if f.name in _OF_C and getattr(asked, f.name)]
    if given:
        raise ValueError(f"{given[0]}: expected with format c alone, got format {chosen}")
    if asked.head and chosen == "html":
        raise ValueError(
            "head: expected format onnx, c or program, got html: nobody can enter the features of "
            "a text"
        )


def _page_examples(predictor: Predictor, run: TrainedRun | None) -> tuple[Any, tuple[str, ...]]:
    """Training rows that a page takes its ranges from, or a line that says why there are none."""
    if run is None or predictor.features.of_texts:  # texts are refused where the page is made
        return None, ()
    try:
        loaded = load_data(run.settings)
        data = _own_data(run, loaded)
    except (OSError, ValueError) as error:
        return None, (_CHANGED.format(error),)
    if isinstance(loaded, TableDataSet):
        return loaded.train.frame.head(_CALIBRATION), ()
    described = describe(predictor, quantiles=True)
    return _calibration(described, predictor, data), ()


def _own_data(run: TrainedRun, loaded: Loaded | None = None) -> TrainingData:
    data = TrainingData(run.settings, loaded, order=run.predictor.features.order)
    data.require_same(run.fingerprint)
    return data


def _calibration(description: Description, predictor: Predictor, data: TrainingData) -> Array:
    batches = data.train_batches(predictor.processes)
    return raw_examples(description, batches, _CALIBRATION).rows


def _given_rows(
    description: Description, predictor: Predictor, asked: ExportRequest
) -> Array | None:
    """Rows to calibrate on where the user names some."""
    if asked.calibration is None:
        return None
    found = predictor.read(asked.calibration, data_dir=asked.data_dir)
    batches = ((x, x[:, 0]) for x in predictor.batches(found.inputs))
    return raw_examples(description, batches, _CALIBRATION).rows
