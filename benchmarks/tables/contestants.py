"""Which estimators are compared, by the names that the results carry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.tables import baselines, networks
from benchmarks.tables.data import Table

OURS = "qimlp"
BOOSTING = "HGB"
MLP = "MLP"
MAKERS: dict[str, Callable[[Table, int], Any]] = {
    "linear": baselines.linear,
    "RF": baselines.forest,
    BOOSTING: baselines.boosting,
    MLP: baselines.mlp,
    OURS: networks.ours,
    "qimlp-1": networks.one_member,
    "dense": networks.dense,
    "LightGBM": baselines.lightgbm,
    "RealMLP": networks.realmlp,
    "TabM": networks.tabm,
}
FIELD = ("linear", "RF", BOOSTING, MLP, OURS)  # those that are ranked
