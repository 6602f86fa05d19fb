"""Strong correlation: the paper's measure of what a layer mines, exact and with its baselines.

A layer's output vector, scaled to length 1, is read as the pure state of two or more bodies (Zhang
et al., AAAI-25, Eqs. 7-12). `strong_correlation` measures vectors, `analyze` a whole model.
"""

from qimlp.correlation.networks.analyze import analyze
from qimlp.correlation.networks.answers import verdict, word_list
from qimlp.correlation.networks.baselines import control_layers
from qimlp.correlation.networks.chance import (
    page_entropy,
    permute_across_bodies,
    random_vectors,
    shuffle_between_samples,
)
from qimlp.correlation.networks.layers import Bodies, Place, choose_layers, hidden_layers
from qimlp.correlation.networks.meter import Measured
from qimlp.correlation.networks.output import write_csv, write_report
from qimlp.correlation.networks.relation import Relation, relate
from qimlp.correlation.networks.report import (
    BASELINES,
    Baseline,
    Comparison,
    CorrelationReport,
    LayerReport,
)
from qimlp.correlation.networks.truncation import (
    TruncationCurve,
    TruncationPoint,
    truncation_curves,
)
from qimlp.correlation.states.averaged import Averaged
from qimlp.correlation.states.density import density_matrix, partial_trace, reduced_density_matrix
from qimlp.correlation.states.entropy import von_neumann_entropy
from qimlp.correlation.states.measures import (
    correlations,
    mutual_information,
    strong_correlation,
    total_correlation,
)
from qimlp.correlation.states.products import ProductState, fitted_product, nearest_product
from qimlp.correlation.states.pure import SUBSYSTEMS, Correlations, Subsystems
from qimlp.correlation.states.spectra import (
    effective_rank,
    entanglement_spectrum,
    schmidt_coefficients,
    schmidt_rank,
)
from qimlp.correlation.states.truncate import schmidt_truncate

__all__ = [
    "BASELINES",
    "SUBSYSTEMS",
    "Averaged",
    "Baseline",
    "Bodies",
    "Comparison",
    "CorrelationReport",
    "Correlations",
    "LayerReport",
    "Measured",
    "Place",
    "ProductState",
    "Relation",
    "Subsystems",
    "TruncationCurve",
    "TruncationPoint",
    "analyze",
    "choose_layers",
    "control_layers",
    "correlations",
    "density_matrix",
    "effective_rank",
    "entanglement_spectrum",
    "fitted_product",
    "hidden_layers",
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
    "verdict",
    "von_neumann_entropy",
    "word_list",
    "write_csv",
    "write_report",
]
