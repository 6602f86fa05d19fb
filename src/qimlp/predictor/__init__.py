"""Everything that predicts: features, scaling, network and task."""

from qimlp.predictor.evaluation import cast_inputs, evaluate
from qimlp.predictor.features import Features, Loaded, learn_features
from qimlp.predictor.fine_tuning import FineTuning, prepare_fine_tuning
from qimlp.predictor.network import (
    build_network,
    count_dense_parameters,
    count_parameters,
    layer_sizes,
    sizes_for,
)
from qimlp.predictor.predictions import check_not_input, check_predictions_path, write_predictions
from qimlp.predictor.predictor import Predictor
from qimlp.predictor.preparation import (
    Preparation,
    read_preparation,
    write_preparation,
)

__all__ = [
    "Features",
    "FineTuning",
    "Loaded",
    "Predictor",
    "Preparation",
    "build_network",
    "cast_inputs",
    "check_not_input",
    "check_predictions_path",
    "count_dense_parameters",
    "count_parameters",
    "evaluate",
    "layer_sizes",
    "learn_features",
    "prepare_fine_tuning",
    "read_preparation",
    "sizes_for",
    "write_predictions",
    "write_preparation",
]
