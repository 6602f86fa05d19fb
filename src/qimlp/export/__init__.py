"""Trained networks as artefacts that run elsewhere; each reads a `Predictor` and takes raw rows."""

from qimlp.export.onnx.to_onnx import to_onnx
from qimlp.export.program import to_program
from qimlp.export.report import ExportReport

__all__ = ["ExportReport", "to_onnx", "to_program"]
