"""Trained networks as artefacts that run elsewhere; each reads a `Predictor` and takes raw rows."""

from qimlp.export.report import ExportReport

__all__ = ["ExportReport"]
