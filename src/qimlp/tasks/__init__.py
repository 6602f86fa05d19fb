"""Tasks: what a network is trained to do, and how its answers are judged."""

from qimlp.tasks.classification import Classification, ClassificationEvaluation, ClassScore
from qimlp.tasks.kinds import KINDS, METRICS, task_from_dict
from qimlp.tasks.linear_models import LinearModel
from qimlp.tasks.regression import (
    Regression,
    RegressionEvaluation,
    RegressionLoss,
    TargetScore,
)
from qimlp.tasks.task import Evaluation, LossOptions, Metric, Tally, Task

__all__ = [
    "KINDS",
    "METRICS",
    "ClassScore",
    "Classification",
    "ClassificationEvaluation",
    "Evaluation",
    "LinearModel",
    "LossOptions",
    "Metric",
    "Regression",
    "RegressionEvaluation",
    "RegressionLoss",
    "Tally",
    "TargetScore",
    "Task",
    "task_from_dict",
]
