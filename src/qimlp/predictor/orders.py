"""Orders of features that are learned from the train part."""

from torch import Tensor

from qimlp.data import DataSet, Scaling, TensorSplit, grid_order, spectral_order
from qimlp.functional import nearest_kronecker_order
from qimlp.predictor.network import sizes_for
from qimlp.settings import TrainSettings
from qimlp.tasks import LossOptions


def learned_order(
    settings: TrainSettings,
    data: DataSet,
    known: TensorSplit,
    shape: tuple[int, ...],
    *,
    centre: bool,
) -> Tensor:
    """Learn the order of features that settings name.

    Args:
        settings: `order` is spectral, grid or nearest; the network decides the grid.
        data: Of the run.
        known: Its rows that are learned from; nearest alone looks at their labels.
        shape: Of an example.
        centre: Whether a feature is measured from its mean: all but term weights.

    Returns:
        (features,) `int64`: the features' present numbers in their new order.

    Raises:
        ValueError: If the order cannot be learned for this network.
    """
    if settings.features.order == "nearest":
        return _nearest_order(settings, data, known, shape)
    if settings.features.order == "grid":
        return grid_order(known.inputs, sizes_for(settings, data)[0], centre=centre)
    return spectral_order(known.inputs.float(), centre=centre)


def _nearest_order(
    settings: TrainSettings, data: DataSet, known: TensorSplit, shape: tuple[int, ...]
) -> Tensor:
    """The order in which a Kronecker sum comes nearest to the linear model of the start."""
    network = settings.network
    if network.warm_start == "random":
        raise ValueError("order nearest: expected warm_start ridge or svm, got random")
    sizes = sizes_for(settings, data)
    if len(sizes) != 2:
        raise ValueError(
            f"order nearest: expected a network of one layer, got {len(sizes) - 1} layers"
        )
    scaling = Scaling.fit(settings.features.scaling, known, shape)
    task = data.task.fitted(
        known.labels, LossOptions(quantiles=settings.optimisation.learned_quantiles)
    )
    weight, _ = task.fit_linear(
        scaling.apply(known.inputs),
        task.prepare(known.labels),
        penalty=network.warm_start_penalty,
        model=network.warm_start,
        intercept=network.bias != "none",
    )
    return nearest_kronecker_order(weight, sizes[0], sizes[1], network.rank)[0]
