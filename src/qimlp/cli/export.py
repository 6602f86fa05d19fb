"""`qimlp export`: a trained network as an artefact that runs elsewhere."""

from pathlib import Path
from typing import Annotated

import typer

from qimlp.cli.options import COMMON, option_in
from qimlp.cli.output.console import open_console, write_json
from qimlp.export import ExportRequest, export_folder

_OF_C = "Format c"


def export_command(
    source: Annotated[
        str,
        typer.Argument(
            help="A run folder, or that of a saved model, estimator or compressed network."
        ),
    ],
    *,
    chosen: Annotated[
        str,
        option_in(
            COMMON,
            "onnx (for onnxruntime and others), c (C99 for microcontrollers), html (a page that "
            "needs no network) or program (torch.export).",
            "--format",
            metavar="<format>",
        ),
    ],
    out: Annotated[Path, option_in(COMMON, "Folder to make.", metavar="<folder>")],
    name: Annotated[
        str, option_in(COMMON, "Of the files, and of what they define. (default: qimlp_network)")
    ] = "qimlp_network",
    head: Annotated[
        bool,
        option_in(COMMON, "Of a network on texts, export what comes after the features.", "--head"),
    ] = False,
    data_dir: Annotated[str | None, option_in(COMMON, "Folder of named data.")] = None,
    as_json: Annotated[bool, option_in(COMMON, "Print JSON, nothing else.", "--json")] = False,
    weights: Annotated[
        str | None, option_in(_OF_C, "f32, i8 or i4. (default: f32)", metavar="<type>")
    ] = None,
    activations: Annotated[
        str | None,
        option_in(
            _OF_C,
            "f32, i16 or i8; with integers nothing is computed in floating point. (default: f32)",
            metavar="<type>",
        ),
    ] = None,
    input_type: Annotated[
        str | None,
        option_in(
            _OF_C, "u8 or f32. (default: u8 for pixels, else f32)", "--input", metavar="<type>"
        ),
    ] = None,
    calibration: Annotated[
        str | None,
        option_in(
            _OF_C,
            "Data to calibrate on, by name or path (its test part, where it has one). (default: "
            "the run's own train part)",
            metavar="<data>",
        ),
    ] = None,
) -> None:
    """Export a trained network; what comes out takes raw inputs."""
    request = ExportRequest(
        name=name,
        weights=weights,
        activations=activations,
        input=input_type,
        calibration=calibration,
        head=head,
        data_dir=data_dir,
    )
    report = export_folder(source, chosen, out, request)
    console = open_console()
    if as_json:
        write_json(console, report.to_dict())
        return
    console.print(str(report), soft_wrap=True, markup=False, highlight=False)
    console.print(f"Written to {out}", soft_wrap=True, markup=False, highlight=False)
