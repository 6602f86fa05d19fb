"""From settings and data to a network, and the dense network it is measured against."""

import math
from itertools import pairwise
from typing import Protocol

from torch import nn

from qimlp.data import TableFeatures
from qimlp.models import (
    MLP,
    LowRankMLP,
    Pretrained,
    QiMLP,
    TableNetwork,
    TextNetwork,
    inner_network,
    named_network,
)
from qimlp.settings import NetworkSettings, TrainSettings
from qimlp.tasks import Regression, Task

TABLE_HIDDEN = ((8, 16), (8, 16))
"""Sizes of the hidden layers of a network for tables."""

_BIAS: dict[str, str | bool] = {"kronecker": "kronecker", "dense": "dense", "none": False}


class _Shaped(Protocol):
    """Data of known width, and what is learned from it."""

    @property
    def in_features(self) -> int: ...

    @property
    def task(self) -> Task: ...


def layer_sizes(
    network: NetworkSettings,
    *,
    in_features: int,
    out_features: int,
    data_set: str | None = None,
) -> list[tuple[int, ...]]:
    """Sizes of the bodies at every layer boundary; an MLP has one body.

    Args:
        network: `model`, `dims`, `depth` and `width` decide.
        in_features: Features of the data.
        out_features: Outputs of the task.
        data_set: Name of the data, for which the paper may give sizes.

    Returns:
        One tuple per boundary; the products are the network's widths.

    Raises:
        ValueError: If given dims do not fit the data.
    """
    if network.kind == "table":
        hidden = network.dims or TABLE_HIDDEN
        return [(in_features, network.embedding_dim), *hidden, (out_features,)]
    if network.dims is None:
        planned = named_network(
            network.model,
            in_features=in_features,
            out_features=out_features,
            data_set=data_set,
            depth=network.depth,
            width=network.width,
        )
        return [(size,) if isinstance(size, int) else tuple(size) for size in planned]
    widths = [math.prod(layer) for layer in network.dims]
    if widths[0] != in_features or widths[-1] != out_features:
        raise ValueError(
            f"dims go from {widths[0]} to {widths[-1]} features, but the data has {in_features} "
            f"features and the task {out_features} outputs; make the first and last dims multiply "
            "to these"
        )
    if network.kind != "qimlp":
        return [(width,) for width in widths]
    return [tuple(layer) for layer in network.dims]


def sizes_for(settings: TrainSettings, data: _Shaped) -> list[tuple[int, ...]]:
    """Sizes of the bodies of the network that settings name, for the data of a run.

    Args:
        settings: The network and the name of the data decide.
        data: Its features and its task.

    Returns:
        As `layer_sizes`.

    Raises:
        ValueError: If given dims do not fit the data.
    """
    outputs = data.task.num_outputs
    if isinstance(data.task, Regression):  # that of a data set, which knows nothing of the loss
        outputs *= max(len(settings.optimisation.learned_quantiles), 1)
    return layer_sizes(
        settings.network,
        in_features=data.in_features,
        out_features=outputs,
        data_set=settings.data_name,
    )


def build_network(
    settings: NetworkSettings,
    sizes: list[tuple[int, ...]],
    *,
    columns: TableFeatures | None = None,
    combine: str = "mean",
) -> Pretrained:
    """Build the network; its start depends on torch's random state.

    Args:
        settings: Kind, rank, bias, activation, start, dropout, members.
        sizes: From `layer_sizes`.
        columns: Of a table: how many numbers and which categories there are.
        combine: Of the task: how members make one output.

    Returns:
        A `QiMLP`, an `MLP`, a `LowRankMLP` or a `TableNetwork`, float32 on the CPU.

    Raises:
        ValueError: If the network cannot start as the settings say, or does not fit the data.
    """
    if settings.kind == "table":
        if columns is None:
            raise ValueError("model table: expected a table, such as a .csv or .parquet file")
        return TableNetwork(
            columns.num_numbers,
            columns.cardinalities,
            sizes[-1][0],
            embedding_dim=settings.embedding_dim,
            hidden=sizes[1:-1],
            rank=settings.rank,
            members=settings.members,
            dropout=settings.dropout,
            activation=settings.activation,
            linear_skip=settings.linear_skip,
            combine=combine,
        )
    if settings.warm_start != "random" and len(sizes) != 2:
        raise ValueError(
            f"warm_start {settings.warm_start}: expected a network of one layer, got "
            f"{len(sizes) - 1}; say --depth 1, or give dims of two parts such as 28x28,2x5"
        )
    widths = [math.prod(layer) for layer in sizes]
    if settings.kind == "mlp":
        return MLP(widths, activation=settings.activation, dropout=settings.dropout)
    if settings.kind == "low-rank":
        return LowRankMLP(widths, rank=settings.rank, activation=settings.activation)
    return QiMLP(
        sizes,
        rank=settings.rank,
        bias=_BIAS[settings.bias],
        activation=settings.activation,
        init=settings.init,
    )


def count_parameters(model: nn.Module) -> int:
    """Count a network's parameters; an encoder below it is counted nowhere, trained or not.

    Args:
        model: Any module.

    Returns:
        Number of elements over all parameters, of the head alone where there is an encoder.
    """
    network = inner_network(model)
    counted = network.head if isinstance(network, TextNetwork) else model
    return sum(parameter.numel() for parameter in counted.parameters())


def count_dense_parameters(sizes: list[tuple[int, ...]]) -> int:
    """Parameters of the dense network of the same widths, biases included.

    Args:
        sizes: From `layer_sizes`.

    Returns:
        The sum of `in * out + out` over the layers.
    """
    widths = [math.prod(layer) for layer in sizes]
    return sum(a * b + b for a, b in pairwise(widths))
