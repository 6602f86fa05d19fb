"""Cells of one layer on texts, which starts at or near a linear model of the train part.

How they were chosen stands in docs/reproduction/text-recipes.md.
"""

from collections.abc import Iterator
from typing import Any

from qimlp.paper.cells.cell import Variant

_BEST = "best on dev of those tried on the most frequent terms: "
_NEARLY_DENSE = (
    "one layer of nearly full rank (39 of 40), started at support vector machines of the train "
    "part; a dense layer has 100,020 parameters"
)
_HALF = "one layer of half the full rank (101 of 200) at the published number of parameters"
_TERMS = "terms chosen by support vector machines of the train part; "
_NEAREST = (
    "one layer of rank {} (of 200), terms in the order in which it is nearest to support vector "
    "machines of the train part; the order, 5,000 numbers, is not counted"
)
_DENSE = "one dense layer that starts and trains as {} does"


def newsgroup_layers(base: dict[str, Any]) -> Iterator[Variant]:
    """List the one-layer networks of 20 Newsgroups, multi-body ones and dense ones beside them.

    With five layers 9,051 posts are learned by heart before the test set is understood.

    Args:
        base: Settings of every cell of the data set.

    Yields:
        The variants, our recipe.
    """
    common = {
        **base,
        "warm_start": "svm",
        "warm_start_penalty": 0.4,
        "epochs": 1,
        "lr": 0.0001,
        "weight_decay": 0.0,
        "label_smoothing": 0.1,
    }
    tall, wide = [[125, 40], [20, 1]], [[100, 50], [5, 4]]
    for name, dims, rank, terms_by, order, parameters, note in (
        ("2b-best", tall, 39, "frequency", "spectral", 99_080, _BEST + _NEARLY_DENSE),
        ("2b-best-svm-terms", tall, 39, "svm", "spectral", 99_080, _TERMS + _NEARLY_DENSE),
        ("2b-one-layer-svm-terms", wide, 101, "svm", "spectral", 70_720, _TERMS + _HALF),
        ("2b-rank16-nearest-order", wide, 16, "svm", "nearest", 11_220, _TERMS + _NEAREST),
        ("2b-rank4-nearest-order", wide, 4, "svm", "nearest", 2_820, _TERMS + _NEAREST),
    ):
        layer = {"model": "2b", "bias": "dense", "dims": dims, "rank": rank}
        layer |= {"terms_by": terms_by, "order": order}
        yield Variant(
            "20newsgroups",
            name,
            "tuned",
            {**common, **layer},
            parameters=parameters,
            note=note.format(rank),
        )

    for name, terms_by, note in (
        ("linear", "frequency", _DENSE.format("2b-best")),
        ("linear-svm-terms", "svm", _TERMS + _DENSE.format("2b-best-svm-terms")),
    ):
        layer = {**_one_dense_layer(5_000, 20), "terms_by": terms_by}
        yield Variant("20newsgroups", name, "tuned", {**common, **layer}, 100_020, note=note)


def imdb_layers(base: dict[str, Any], encoder_width: int) -> Iterator[Variant]:
    """List the one-layer heads of IMDb: a multi-body one and the dense one beside it.

    The first is not at the paper's count, but of the rank at which it can be any linear classifier
    of two classes: the difference of two logits is all that counts.

    Args:
        base: Settings of every cell of the data set.
        encoder_width: 384 or 768.

    Yields:
        The variants, our recipe.
    """
    features, rank = ([16, 24], 16) if encoder_width == 384 else ([24, 32], 24)
    layer = {"model": "2b", "bias": "dense", "rank": rank, "dims": [features, [2, 1]]}
    rates = {"epochs": 4, "lr": 0.001, "weight_decay": 1.0, "label_smoothing": 0.0}
    common = {**base, "warm_start": "ridge", **rates}
    yield Variant(
        "imdb",
        "2b-best",
        "tuned",
        {**common, **layer},
        note="best of those tried, on dev sets of unbroken blocks: one layer of the rank at which "
        "it can be any linear classifier of two classes, started at ridge regression",
    )
    yield Variant(
        "imdb",
        "linear",
        "tuned",
        {**common, **_one_dense_layer(encoder_width, 2)},
        2 * encoder_width + 2,
        note=_DENSE.format("2b-best"),
    )


def _one_dense_layer(in_features: int, classes: int) -> dict[str, Any]:
    return {"model": "mlp", "dims": [[in_features], [classes]], "dropout": 0.0}
