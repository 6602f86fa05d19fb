"""Strong correlation: the paper's measure of what a layer mines, exact and with its baselines.

A layer's output vector, scaled to length 1, is read as the pure state of two or more bodies (Zhang
et al., AAAI-25, Eqs. 7-12). `strong_correlation` measures vectors, `analyze` a whole model.
"""

from qimlp.correlation.analyze import analyze
from qimlp.correlation.averaged import Averaged
from qimlp.correlation.chance import (
    page_entropy,
    permute_across_bodies,
    random_vectors,
    shuffle_between_samples,
)
from qimlp.correlation.density import density_matrix, partial_trace, reduced_density_matrix
from qimlp.correlation.entropy import von_neumann_entropy
from qimlp.correlation.layers import Place
from qimlp.correlation.measured import Measured
from qimlp.correlation.measures import (
    correlations,
    mutual_information,
    strong_correlation,
    total_correlation,
)
from qimlp.correlation.products import ProductState, fitted_product, nearest_product
from qimlp.correlation.pure import SUBSYSTEMS, Correlations
from qimlp.correlation.relation import Relation, relate
from qimlp.correlation.report import (
    BASELINES,
    Baseline,
    Comparison,
    CorrelationReport,
    LayerReport,
)
from qimlp.correlation.spectra import (
    effective_rank,
    entanglement_spectrum,
    schmidt_coefficients,
    schmidt_rank,
)
from qimlp.correlation.truncate import schmidt_truncate
from qimlp.correlation.truncation import TruncationCurve, TruncationPoint, truncation_curves

__all__ = [
    "BASELINES",
    "SUBSYSTEMS",
    "Averaged",
    "Baseline",
    "Comparison",
    "CorrelationReport",
    "Correlations",
    "LayerReport",
    "Measured",
    "Place",
    "ProductState",
    "Relation",
    "TruncationCurve",
    "TruncationPoint",
    "analyze",
    "correlations",
    "density_matrix",
    "effective_rank",
    "entanglement_spectrum",
    "fitted_product",
    "mutual_information",
    "nearest_product",
    "page_entropy",
    "partial_trace",
    "permute_across_bodies",
    "random_vectors",
    "reduced_density_matrix",
    "relate",
    "schmidt_coefficients",
    "schmidt_rank",
    "schmidt_truncate",
    "shuffle_between_samples",
    "strong_correlation",
    "total_correlation",
    "truncation_curves",
    "von_neumann_entropy",
]
