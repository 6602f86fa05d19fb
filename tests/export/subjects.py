"""Small predictors of every kind, with random weights, to export."""

import numpy as np
import pandas as pd
import torch
from torch import nn

from qimlp.data import Scaling, TableFeatures
from qimlp.models import MLP, LowRankMLP, QiMLP, TableNetwork
from qimlp.predictor import Features, Predictor
from qimlp.tasks import Classification, MultiLabel, Quantiles, Regression

NAMES = ("a", "b", "c", "d")
NETWORKS = {
    "two bodies": lambda: QiMLP([(3, 4), (2, 5), (2, 2)], rank=2),
    "three bodies": lambda: QiMLP([(3, 2, 2), (2, 3, 4), (2, 2, 1)], bias="dense"),
    "one body": lambda: QiMLP([(12,), (5,), (4,)], rank=3, bias=False, activation="silu"),
    "four bodies": lambda: QiMLP([(3, 2, 1, 2), (2, 2, 3, 1), (2, 1, 2, 1)], rank=3),
    "dense": lambda: MLP([12, 7, 4], dropout=0.3, activation="tanh"),
    "low rank": lambda: LowRankMLP([12, 7, 4], rank=2, activation="relu"),
}
TASKS = {
    "classes": Classification(NAMES),
    "labels": MultiLabel(NAMES),
    "values": Regression(NAMES, (1e3, -2.0, 0.0, 5.0), (30.0, 0.1, 1.0, 2.0)),
    "quantiles": Quantiles(("x", "y"), (5.0, 1.0), (2.0, 0.5), (0.1, 0.9), (0.1, 0.2, 0.3, 0.4)),
}


def subject(network, task=TASKS["classes"], *, scaling=None, shape=None, **features):
    """A predictor of a network with weights of about unit gain."""
    torch.manual_seed(0)
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.4)
    width = network.in_features
    return Predictor(
        network=network.eval(),
        task=task,
        features=Features(**features),
        scaling=scaling or Scaling("none", width, (0.0,), (1.0,)),
        feature_shape=shape or (width,),
    )


def frame(rows=60):
    """A table of numbers with gaps, one of them constant, and categories of several types."""
    random = np.random.default_rng(0)
    size = random.normal(3.0, 2.0, rows)
    size[::7] = np.nan
    return pd.DataFrame(
        {
            "size": size,
            "constant": np.ones(rows),
            "colour": random.choice(
                ["red", "green", "blau \N{LATIN SMALL LETTER U WITH DIAERESIS}"], rows
            ),
            "time": 1.7e9 + random.normal(0, 50.0, rows),
            "grade": pd.Categorical(random.choice([1, 2, 3], rows)),
        }
    )


def table_subject(table, task=TASKS["classes"], **network):
    """A predictor of a network for tables, on the columns of one."""
    features = TableFeatures.fit(table)
    made = TableNetwork(
        features.num_numbers,
        features.cardinalities,
        task.num_outputs,
        combine=task.combine,
        embedding_dim=4,
        hidden=((4, 4), (4, 4), (3, 5)),
        members=3,
        **network,
    )
    return subject(made, task, table=features)
