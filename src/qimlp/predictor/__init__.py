"""Everything that predicts: features, scaling, network and task."""

from qimlp.predictor.features import Features, Loaded, learn_features, stored_order
from qimlp.predictor.fine_tuning import FineTuning, prepare_fine_tuning
from qimlp.predictor.network import (
    build_network,
    count_dense_parameters,
    count_parameters,
    layer_sizes,
)
from qimlp.predictor.predictions import check_not_input, check_predictions_path, write_predictions

__all__ = [
    "Features",
    "FineTuning",
    "Loaded",
    "build_network",
    "check_not_input",
    "check_predictions_path",
    "count_dense_parameters",
    "count_parameters",
    "layer_sizes",
    "learn_features",
    "prepare_fine_tuning",
    "stored_order",
    "write_predictions",
]
