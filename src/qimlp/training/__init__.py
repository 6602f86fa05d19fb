"""Training: settings, the training loop, run folders, comparisons.

Names are imported on first use: `param_groups` needs only torch, nearly every other one the
optional libraries of `pip install "qimlp[train]"`.
"""

from typing import TYPE_CHECKING

from qimlp._faces import lazy_face

if TYPE_CHECKING:
    from qimlp.settings import RECIPES, TrainSettings, resolve_settings
    from qimlp.training.comparison.compare import Comparison, compare
    from qimlp.training.comparison.report import cells, columns, format_bytes
    from qimlp.training.compressing.compress import compress_folder
    from qimlp.training.compressing.front import Front
    from qimlp.training.compressing.request import CompressionRequest
    from qimlp.training.distillation.compress import compress_
    from qimlp.training.distillation.distill import DistillationResult, distill
    from qimlp.training.engine.allocator import keep_freed_memory
    from qimlp.training.engine.callbacks import Callback
    from qimlp.training.engine.errors import (
        NonFiniteLossError,
        TimeLimitReached,
        TrainingInterrupted,
    )
    from qimlp.training.engine.events import EpochDone, StepsDone
    from qimlp.training.engine.stacked_trainer import StackedRun, can_be_stacked, fit_stacked
    from qimlp.training.engine.trainer import Trainer
    from qimlp.training.opening.source import load_data, located
    from qimlp.training.opening.trainer import open_trainer, undisturbed
    from qimlp.training.opening.training_data import TrainingData
    from qimlp.training.optim.param_groups import param_groups
    from qimlp.training.runs.events import Event, OnEvent, RunFinished, RunStarted
    from qimlp.training.runs.experiment import (
        Experiment,
        read_experiment,
        resume_experiment,
        run_experiment,
    )
    from qimlp.training.runs.fit import fit, resume
    from qimlp.training.runs.folder import RunFolder, versions
    from qimlp.training.runs.load import TrainedRun, load_run, load_trained
    from qimlp.training.runs.result import RunResult
    from qimlp.training.steps.direct import DirectStep
    from qimlp.training.stopping.graceful_interrupt import GracefulInterrupt
    from qimlp.training.stopping.time_limit import TimeLimit

__all__ = [
    "RECIPES",
    "Callback",
    "Comparison",
    "CompressionRequest",
    "DirectStep",
    "DistillationResult",
    "EpochDone",
    "Event",
    "Experiment",
    "Front",
    "GracefulInterrupt",
    "NonFiniteLossError",
    "OnEvent",
    "RunFinished",
    "RunFolder",
    "RunResult",
    "RunStarted",
    "StackedRun",
    "StepsDone",
    "TimeLimit",
    "TimeLimitReached",
    "TrainSettings",
    "TrainedRun",
    "Trainer",
    "TrainingData",
    "TrainingInterrupted",
    "can_be_stacked",
    "cells",
    "columns",
    "compare",
    "compress_",
    "compress_folder",
    "distill",
    "fit",
    "fit_stacked",
    "format_bytes",
    "keep_freed_memory",
    "load_data",
    "load_run",
    "load_trained",
    "located",
    "open_trainer",
    "param_groups",
    "read_experiment",
    "resolve_settings",
    "resume",
    "resume_experiment",
    "run_experiment",
    "undisturbed",
    "versions",
]

__getattr__ = lazy_face(
    __name__,
    {
        "qimlp.settings": ("RECIPES", "TrainSettings", "resolve_settings"),
        "comparison.compare": ("Comparison", "compare"),
        "comparison.report": ("cells", "columns", "format_bytes"),
        "compressing.compress": ("compress_folder",),
        "compressing.front": ("Front",),
        "compressing.request": ("CompressionRequest",),
        "distillation.compress": ("compress_",),
        "distillation.distill": ("DistillationResult", "distill"),
        "engine.errors": ("NonFiniteLossError", "TimeLimitReached", "TrainingInterrupted"),
        "engine.callbacks": ("Callback",),
        "engine.events": ("EpochDone", "StepsDone"),
        "engine.stacked_trainer": ("StackedRun", "can_be_stacked", "fit_stacked"),
        "engine.trainer": ("Trainer",),
        "optim.param_groups": ("param_groups",),
        "runs.events": ("Event", "OnEvent", "RunFinished", "RunStarted"),
        "opening.source": ("load_data", "located"),
        "opening.trainer": ("open_trainer", "undisturbed"),
        "engine.allocator": ("keep_freed_memory",),
        "runs.experiment": ("Experiment", "read_experiment", "resume_experiment", "run_experiment"),
        "runs.fit": ("fit", "resume"),
        "runs.folder": ("RunFolder", "versions"),
        "runs.load": ("TrainedRun", "load_run", "load_trained"),
        "runs.result": ("RunResult",),
        "opening.training_data": ("TrainingData",),
        "steps.direct": ("DirectStep",),
        "stopping.graceful_interrupt": ("GracefulInterrupt",),
        "stopping.time_limit": ("TimeLimit",),
    },
)
