"""One trial: a network trained in memory, judged by the dev part; the test part is not read."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from qimlp.distributed import connect
from qimlp.files import printable
from qimlp.predictor import Loaded, count_parameters, sizes_for
from qimlp.settings import TrainSettings
from qimlp.sweeps.plan import SweepPlan
from qimlp.sweeps.results import TrialResult
from qimlp.sweeps.space import Value
from qimlp.training import (
    Callback,
    EpochDone,
    NonFiniteLossError,
    TimeLimit,
    TimeLimitReached,
    Trainer,
    TrainingData,
    TrainingInterrupted,
    load_data,
    open_trainer,
    undisturbed,
)

OnEpoch = Callable[[list[float], int], None]
"""Called with the curve so far and the network's parameters; what it raises ends the trial."""

_OF_NETWORK = frozenset({"model", "dims", "depth", "width", "rank"})
_OF_TRAINING = frozenset(
    {
        "members",
        "embedding_dim",
        "linear_skip",
        "bias",
        "activation",
        "dropout",
        "init",
        "lr",
        "encoder_lr",
        "factor_lr_scale",
        "betas",
        "schedule",
        "weight_decay",
        "ema_decay",
    }
)


class PrunedError(Exception):
    """The trial is worse than the median of those before it."""


class TrialData:
    """The data of the trials of one process: read once, and prepared once where trials agree.

    Args:
        settings: Of the sweep.
        loaded: The data, where the caller has read it already.
    """

    def __init__(self, settings: TrainSettings, loaded: Loaded | None = None) -> None:
        self._loaded = load_data(settings) if loaded is None else loaded
        self._key: dict[str, object] | None = None
        self._data: TrainingData | None = None

    def prepared(self, settings: TrainSettings) -> TrainingData:
        """Prepare the data of a trial.

        Args:
            settings: Of the trial.

        Returns:
            Features, parts and scaling.

        Raises:
            ValueError: If settings and data do not fit.
        """
        key = _deciding(settings)
        if self._data is None or key != self._key:
            self._data, self._key = TrainingData(settings, self._loaded), key
        return self._data


def _deciding(settings: TrainSettings) -> dict[str, object]:
    """The settings that prepared data may depend on."""
    ignored = _OF_TRAINING
    if settings.features.order in {"none", "spectral", "columns"}:  # others go by the network
        ignored |= _OF_NETWORK
    return {name: value for name, value in settings.to_flat().items() if name not in ignored}


def run_trial(
    plan: SweepPlan,
    number: int,
    params: Mapping[str, Value],
    data: TrialData,
    *,
    threads: int | None,
    on_epoch: OnEpoch,
    time_limit: TimeLimit | None = None,
) -> TrialResult:
    """Train and judge one network.

    Args:
        plan: The sweep.
        number: Of the trial.
        params: Drawn for it.
        data: Of this process.
        threads: CPU threads.
        on_epoch: Follows it; `PrunedError` gives it up.
        time_limit: Ends it before its end.

    Returns:
        The result; failed, with the reason, where the parameters do not go together or the
        training diverged.

    Raises:
        TrainingInterrupted: On Ctrl-C; nothing is known of the trial then.
        TimeLimitReached: At the time limit, likewise.
        OSError: If the data is gone.
    """
    started = time.perf_counter()
    follower = _Follower(plan, on_epoch)
    result = TrialResult(number, "failed", dict(params), threads=threads)
    try:
        settings = plan.settings_of(params).replace(threads=threads)
        _train(settings, data.prepared(settings), follower, time_limit)
        result = replace(result, state="complete")
    except PrunedError:
        result = replace(result, state="pruned")
    except (ValueError, NonFiniteLossError) as error:
        result = replace(result, reason=printable(" ".join(str(error).split()), 300))
    return replace(
        result,
        metric=follower.best,
        best_epoch=follower.best_epoch,
        parameters=follower.parameters,
        curve=tuple(follower.curve),
        seconds=round(time.perf_counter() - started, 3),
    )


def _train(
    settings: TrainSettings,
    data: TrainingData,
    follower: "_Follower",
    time_limit: TimeLimit | None,
) -> None:
    processes = connect(settings.compute.device)
    is_late = None if time_limit is None else time_limit.watch()
    with undisturbed(settings, processes) as stop:
        trainer = open_trainer(
            settings,
            data,
            sizes_for(settings, data),
            processes,
            callbacks=(follower,),
            should_stop=lambda: stop.requested or (is_late is not None and is_late()),
        )
        if not trainer.fit():
            raise TrainingInterrupted("interrupted") if stop.requested else TimeLimitReached


class _Follower(Callback):
    """Keeps the metric of every epoch, and that of the one whose weights a run would keep."""

    def __init__(self, plan: SweepPlan, on_epoch: OnEpoch) -> None:
        self._metric = plan.metric
        self._on_epoch = on_epoch
        self.curve: list[float] = []
        self.parameters: int | None = None
        self.best: float | None = None
        self.best_epoch: int | None = None

    def on_start(self, trainer: Trainer) -> None:
        """Count the parameters."""
        self.parameters = count_parameters(trainer.state.network)

    def on_epoch(self, trainer: Trainer, epoch: EpochDone) -> None:
        """Note the metric."""
        value = float(epoch.dev[self._metric])
        if not math.isfinite(value):
            raise NonFiniteLossError(f"the dev {self._metric} became {value}")
        self.curve.append(value)
        if epoch.best:
            self.best, self.best_epoch = value, epoch.epoch
        self._on_epoch(self.curve, count_parameters(trainer.state.network))
