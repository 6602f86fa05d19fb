"""Named recipes: plain data, no code.

A recipe has up to four parts, later ones winning: `all` (every run), `kinds` (by kind of
network, `qimlp`, `mlp`, `low-rank` or `table`), `tasks` (by the task that settings name, and by
task and kind as in `regression/mlp`), `data` (by data set name, by name and model as in
`digits/mlp` or `mnist/3b`, and at a rank above 1 by `mnist/3b/copies`). Each part is a dict
of `TrainSettings` fields. Settings files and command-line options win over all of them.
"""

from math import ceil
from typing import Any

from qimlp.settings.tables import TABLE_RECIPE

REGRESSION_STEPS = 12_000
"""Optimizer steps of a regression whose epochs are chosen by the size of the data."""

REGRESSION_EPOCHS = 400
"""The most epochs of such a regression, for tables whose epochs are a few steps."""

RECIPES: dict[str, dict[str, dict[str, Any]]] = {
    # The paper's protocol: plain Adam at a constant rate, Gaussian start, pixels in [0, 1]
    # (MNIST) or [-1, 1] (CIFAR-10), one set of weights.
    "paper": {
        "all": {
            "epochs": 20,
            "batch_size": 50,
            "lr": 0.001,
            "betas": (0.9, 0.999),
            "schedule": "constant",
            "factor_lr_scale": 0.0,
            "init": "normal",
            "scaling": "unit",
            "ema_decay": None,
        },
        # Published as a range, 0.001 to 0.005: the end that does better on dev.
        "kinds": {"qimlp": {"lr": 0.005}},
        "data": {
            "cifar10": {"scaling": "symmetric", "bias": "dense"},
            # The batch is not published.
            "20newsgroups": {"epochs": 500, "batch_size": 128, "scaling": "none"},
            # The published rate, 1e-5 to 2e-5, is that of an encoder trained with the head.
            "imdb": {"epochs": 5, "batch_size": 128, "scaling": "none"},
        },
    },
    # What works best at the same cost: one-cycle rate, standardised input, orthogonal factors,
    # evaluation with an exponential moving average of the weights.
    "tuned": {
        "all": {
            "epochs": 20,
            "batch_size": 50,
            "betas": (0.9, 0.99),
            "schedule": "one-cycle",
            "scaling": "standardize",
            "init": "orthogonal",
            "ema_decay": 0.999,
        },
        "kinds": {
            "qimlp": {"lr": 0.01, "factor_lr_scale": 0.0},
            "mlp": {"lr": 0.001, "factor_lr_scale": 0.0},
            "low-rank": {"lr": 0.003, "factor_lr_scale": 0.0},
            # What does not depend on the number of rows; `table_recipe` gives the rest.
            "table": TABLE_RECIPE,
        },
        # Tables of a thousand to 50,000 rows and 8 to 26 features (docs/results/index.md): a
        # network as wide as these is too small.
        "tasks": {
            "regression": {
                "epochs": 100,
                "batch_size": 32,
                "width": 256,
                "weight_decay": 0.1,
                "dev_fraction": 0.1,
            },
            "regression/qimlp": {"rank": 8, "bias": "dense"},
            "regression/mlp": {"lr": 0.003, "dropout": 0.0},
            "regression/low-rank": {"rank": 8},
        },
        # 1,150 training images are 23 steps an epoch.
        "data": {
            "digits": {"epochs": 60, "lr": 0.03, "label_smoothing": 0.1},
            "mnist/2b": {"lr": 0.015, "label_smoothing": 0.05, "weight_decay": 0.1},
            "mnist/mlp": {"dropout": 0.0, "label_smoothing": 0.05, "weight_decay": 1.0},
            # More than one copy learns the training images by heart, or breaks down at the rate of
            # one copy (docs/reproduction/image-recipes.md).
            "mnist/2b/copies": {"lr": 0.01, "weight_decay": 0.3},
            "mnist/3b/copies": {"lr": 0.02, "weight_decay": 0.3},
            "mnist/4b/copies": {"weight_decay": 0.1},
            "cifar10/3b/copies": {"lr": 0.01},
            # Rows of 28 pixels fit two bodies, not three.
            "mnist/3b": {"lr": 0.04, "order": "patches"},
            "mnist/4b": {"lr": 0.02, "order": "patches"},
            "cifar10/2b": {"lr": 0.005, "label_smoothing": 0.1, "weight_decay": 0.1},
            "cifar10/3b": {"lr": 0.02},
            "cifar10/mlp": {"dropout": 0.0, "label_smoothing": 0.1, "weight_decay": 1.0},
            "cifar10/4b": {"lr": 0.02},
            "20newsgroups": {"scaling": "overall"},
            "20newsgroups/2b": {
                "epochs": 8,
                "lr": 0.003,
                "weight_decay": 1.0,
                "label_smoothing": 0.1,
            },
            "imdb": {"batch_size": 128, "lr": 0.01, "label_smoothing": 0.1},
            "imdb/mlp": {"lr": 0.001, "label_smoothing": 0.0},
            "imdb/low-rank": {"lr": 0.003, "label_smoothing": 0.0},
        },
    },
}


def recipe_values(
    name: str, *, task: str, kind: str, model: str, data: str, rank: int
) -> dict[str, Any]:
    """Merge the parts of one recipe.

    Args:
        name: A key of `RECIPES`.
        task: What the settings name: `"regression"`, `"classification"` or `"auto"`.
        kind: `"qimlp"`, `"mlp"`, `"low-rank"` or `"table"`.
        model: The network's name, such as `"3b"`; those of kind `mlp` and `low-rank` are
            called so.
        data: Name of the data set.
        rank: Number of summed Kronecker products.

    Returns:
        `TrainSettings` fields.
    """
    recipe = RECIPES[name]
    tasks = recipe.get("tasks", {}) if kind != "table" else {}
    copies = recipe["data"].get(f"{data}/{model}/copies", {}) if rank > 1 else {}
    return {
        **recipe["all"],
        **recipe["kinds"].get(kind, {}),
        **tasks.get(task, {}),
        **tasks.get(f"{task}/{kind}", {}),
        **recipe["data"].get(data, {}),
        **recipe["data"].get(f"{data}/{model}", {}),
        **copies,
    }


def epochs_by_rows(name: str, *, task: str, train_rows: int, batch_size: int) -> int | None:
    """Choose the epochs of a recipe that goes by steps, whatever the size of the data.

    Args:
        name: A key of `RECIPES`.
        task: `"regression"` or `"classification"`.
        train_rows: Rows of one epoch, 1 or more.
        batch_size: Rows of one step.

    Returns:
        Epochs of together `REGRESSION_STEPS` steps, or `REGRESSION_EPOCHS` where these are fewer;
        `None` where the recipe names a number of epochs.
    """
    if task not in RECIPES[name].get("tasks", {}):
        return None
    return min(ceil(REGRESSION_STEPS / ceil(train_rows / batch_size)), REGRESSION_EPOCHS)
