"""What a compression did to a model: records, a table, JSON and a figure."""

from qimlp.compression.report.layer import LayerForm, LayerReport, LeftAlone
from qimlp.compression.report.report import CompressionReport

__all__ = ["CompressionReport", "LayerForm", "LayerReport", "LeftAlone"]
