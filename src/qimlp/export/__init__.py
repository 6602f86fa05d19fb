"""Trained networks as artefacts that run elsewhere; each reads a `Predictor` and takes raw rows."""

from qimlp.export.c import to_c
from qimlp.export.examples import Examples
from qimlp.export.from_folder import FORMATS, ExportRequest, export_folder
from qimlp.export.html import to_html
from qimlp.export.onnx.to_onnx import to_onnx
from qimlp.export.program import to_program
from qimlp.export.report import ExportReport

__all__ = [
    "FORMATS",
    "Examples",
    "ExportReport",
    "ExportRequest",
    "export_folder",
    "to_c",
    "to_html",
    "to_onnx",
    "to_program",
]
