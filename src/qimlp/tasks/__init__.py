"""Tasks: what a network is trained to do, and how its answers are judged."""

from qimlp.tasks.class_scores import ClassificationEvaluation, ClassScore
from qimlp.tasks.classification import Classification
from qimlp.tasks.evaluation import Evaluation, Objective, Tally
from qimlp.tasks.kinds import KINDS, task_from_dict
from qimlp.tasks.label_scores import LabelScore, MultiLabelEvaluation
from qimlp.tasks.linear_models import LinearModel, linear_r2
from qimlp.tasks.multi_label import MultiLabel
from qimlp.tasks.quantile_scores import QuantileEvaluation, QuantileScore
from qimlp.tasks.quantiles import Quantiles
from qimlp.tasks.regression import Regression, RegressionLoss
from qimlp.tasks.target_scores import RegressionEvaluation, TargetScore
from qimlp.tasks.task import LossOptions, Metric, Task

__all__ = [
    "KINDS",
    "ClassScore",
    "Classification",
    "ClassificationEvaluation",
    "Evaluation",
    "LabelScore",
    "LinearModel",
    "LossOptions",
    "Metric",
    "MultiLabel",
    "MultiLabelEvaluation",
    "Objective",
    "QuantileEvaluation",
    "QuantileScore",
    "Quantiles",
    "Regression",
    "RegressionEvaluation",
    "RegressionLoss",
    "Tally",
    "TargetScore",
    "Task",
    "linear_r2",
    "task_from_dict",
]
