"""What is searched where a sweep is not told: settings by kind of network, and their ranges."""

from collections.abc import Callable, Collection, Mapping
from math import prod
from typing import Literal, get_args, get_origin

from qimlp.data import patch_order
from qimlp.predictor import sizes_for
from qimlp.settings import FIELDS, GROUPS, TABLE_DIMS, TrainSettings
from qimlp.shapes import format_dims
from qimlp.sweeps.dims import dims_choices
from qimlp.sweeps.space import Choices, Dimension, Range, Space
from qimlp.training import TrainingData

SEARCHABLE = frozenset(
    name for group in ("features", "network", "optimisation") for name in GROUPS[group].model_fields
)
"""What a trial may differ in; another data set, dev part or seed would be measured differently."""

LOGARITHMIC = frozenset(
    {
        "lr",
        "encoder_lr",
        "weight_decay",
        "warm_start_penalty",
        "rank",
        "members",
        "embedding_dim",
        "width",
        "batch_size",
        "epochs",
        "steps",
        "terms",
    }
)
"""Where a factor counts alike, whatever it is a factor of."""

_FIXED: dict[str, Dimension] = {
    "weight_decay": Range(0.001, 1.0, log=True),
    "dropout": Range(0.0, 0.5),
    "label_smoothing": Range(0.0, 0.2),
    "factor_lr_scale": Range(0.0, 1.0),
    "rank": Range(1, 8, log=True, whole=True),
    "members": Range(1, 8, log=True, whole=True),
    "embedding_dim": Range(4, 32, log=True, whole=True),
    "batch_size": Range(16, 256, log=True, whole=True),
    "depth": Range(1, 4, whole=True),
    "terms": Range(1_000, 10_000, log=True, whole=True),
    "model": Choices(("2b", "3b", "mlp", "low-rank")),
    "bias": Choices(("kronecker", "dense")),
    "activation": Choices(("gelu", "relu", "silu", "tanh")),
}

_BY_KIND = {
    "table": ("lr", "weight_decay", "dropout", "embedding_dim", "dims", "rank", "members"),
    "qimlp": ("lr", "dims", "rank", "bias", "order"),
    "mlp": ("lr", "width", "depth", "dropout"),
    "low-rank": ("lr", "width", "depth", "rank"),
}


def usual_space(settings: TrainSettings, data: TrainingData, fixed: Collection[str]) -> Space:
    """Choose what is searched where nothing is named.

    Args:
        settings: Of the sweep.
        data: Of the sweep.
        fixed: Settings that the user chose, which are not searched.

    Returns:
        Settings with their ranges.

    Raises:
        ValueError: If the user chose all that would be searched.
    """
    names = _BY_KIND[settings.kind]
    if settings.features.finetune:
        names = (*names, "encoder_lr")
    if data.train_rows is None or settings.features.finetune:  # streamed
        names = tuple(name for name in names if name != "order")
    if settings.network.warm_start != "random":  # of one layer
        names = tuple(name for name in names if name not in {"dims", "depth"})
    space = {name: usual_dimension(name, settings, data) for name in names if name not in fixed}
    space = {name: found for name, found in space.items() if not _is_single(found)}
    if not space:
        raise ValueError(
            f"nothing is left to search: {', '.join(names)} are all given; name something with "
            "--search, or leave one of them out"
        )
    return space


def usual_dimension(name: str, settings: TrainSettings, data: TrainingData) -> Dimension:
    """Find the usual values of one setting.

    Args:
        name: One of `SEARCHABLE`.
        settings: Of the sweep; ranges of rates and widths go by what stands there.
        data: Of the sweep.

    Returns:
        Its values or its range.

    Raises:
        ValueError: If it has none.
    """
    made = _MADE.get(name)
    if made is not None:
        return made(settings, data)
    if name in _FIXED:
        return _FIXED[name]
    annotation = FIELDS[name].annotation
    if annotation is bool:
        return Choices((False, True))
    if get_origin(annotation) is Literal:
        return Choices(get_args(annotation))
    example = "0.9..0.999" if name == "ema_decay" else "FIRST,SECOND"
    raise ValueError(f"search {name}: it has no usual values; give them, as in {name}={example}")


def _around(name: str, factor: float) -> Callable[[TrainSettings, TrainingData], Dimension]:
    """So many times less to so many times more than the settings have."""

    def make(settings: TrainSettings, _: TrainingData) -> Dimension:
        value = settings.to_flat()[name]
        if value is None:
            raise ValueError(f"search {name}: it is not set; give a range, as in {name}=100..1000")
        if isinstance(value, int):
            low, high = max(round(value / factor), 1), round(value * factor)
            return Range(low, high, log=True, whole=True)
        return Range(_rounded(value / factor), _rounded(value * factor), log=True)

    return make


def _rounded(value: float) -> float:
    return float(f"{value:.3g}")


def _width(settings: TrainSettings, data: TrainingData) -> Dimension:
    """A quarter to twice the usual width."""
    sizes = sizes_for(settings, data)
    usual = prod(sizes[1]) if len(sizes) > 2 else data.in_features
    return Range(max(usual // 4, 1), usual * 2, log=True, whole=True)


def _dims(settings: TrainSettings, data: TrainingData) -> Dimension:
    if settings.kind == "table":
        usual = settings.network.dims or TABLE_DIMS[1]
        grids = [usual, *TABLE_DIMS, (TABLE_DIMS[1][0],), ((16, 32), (16, 32))]
        texts = [",".join(format_dims(grid) for grid in grids_of) for grids_of in grids]
        return Choices(tuple(dict.fromkeys(texts)))
    if settings.kind != "qimlp":
        raise ValueError(f"search dims: model {settings.network.model} has widths; search width")
    return Choices(dims_choices(settings, sizes_for(settings, data)))


def _order(settings: TrainSettings, data: TrainingData) -> Dimension:
    """As the features come, and what may be better: of pixels by place, of others by likeness."""
    shape = data.preparation().feature_shape
    if len(shape) < 2:
        return Choices(("none", "spectral"))
    orders = ["none", "columns"]
    dims = _dims(settings, data) if settings.kind == "qimlp" else Choices(())
    firsts = [text.split(",")[0] for text in map(str, getattr(dims, "values", ()))]
    if all(_has_patches(shape, first) for first in firsts):
        orders.append("patches")
    return Choices(tuple(orders))


def _has_patches(shape: tuple[int, ...], first: str) -> bool:
    try:
        patch_order(shape, [int(size) for size in first.split("x")])
    except ValueError:
        return False
    return True


_MADE: Mapping[str, Callable[[TrainSettings, TrainingData], Dimension]] = {
    "lr": _around("lr", 10),
    "encoder_lr": _around("encoder_lr", 10),
    "warm_start_penalty": _around("warm_start_penalty", 10),
    "epochs": _around("epochs", 2),
    "steps": _around("steps", 2),
    "width": _width,
    "dims": _dims,
    "order": _order,
}


def _is_single(dimension: Dimension) -> bool:
    return isinstance(dimension, Choices) and len(dimension.values) < 2
