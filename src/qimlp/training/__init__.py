"""Training: settings, the training loop, run folders, comparisons.

`param_groups` needs only torch. Every other name needs the optional libraries of
``pip install "qimlp[train]"`` and is therefore imported on first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from qimlp.training.param_groups import param_groups

if TYPE_CHECKING:
    from qimlp.training.comparison import Comparison, compare
    from qimlp.training.errors import NonFiniteLossError, TrainingInterrupted
    from qimlp.training.experiment import Experiment, resume_experiment, run_experiment
    from qimlp.training.recipes import RECIPES
    from qimlp.training.result import RunResult
    from qimlp.training.settings import TrainSettings, resolve_settings
    from qimlp.training.trained_run import TrainedRun, load_run
    from qimlp.training.trainer import fit, resume

__all__ = [
    "RECIPES",
    "Comparison",
    "Experiment",
    "NonFiniteLossError",
    "RunResult",
    "TrainSettings",
    "TrainedRun",
    "TrainingInterrupted",
    "compare",
    "fit",
    "load_run",
    "param_groups",
    "resolve_settings",
    "resume",
    "resume_experiment",
    "run_experiment",
]

_HOME = {
    "Comparison": "comparison",
    "Experiment": "experiment",
    "NonFiniteLossError": "errors",
    "RECIPES": "recipes",
    "RunResult": "result",
    "TrainSettings": "settings",
    "TrainedRun": "trained_run",
    "TrainingInterrupted": "errors",
    "compare": "comparison",
    "fit": "trainer",
    "load_run": "trained_run",
    "resolve_settings": "settings",
    "resume": "trainer",
    "resume_experiment": "experiment",
    "run_experiment": "experiment",
}


def __getattr__(name: str) -> Any:
    """Import a public name on first use.

    Args:
        name: The public name.

    Returns:
        The object of that name.

    Raises:
        AttributeError: If there is no such name.
    """
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value
