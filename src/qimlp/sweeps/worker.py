"""What one process of a sweep does: one trial after the other, until all are finished."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from qimlp.predictor import Loaded
from qimlp.sweeps.events import SweepEvent, TrialEpoch, TrialFinished
from qimlp.sweeps.plan import SweepPlan
from qimlp.sweeps.pruning import Finished, is_hopeless
from qimlp.sweeps.results import State, TrialResult
from qimlp.sweeps.sampler import SeededSampler
from qimlp.sweeps.space import draw
from qimlp.sweeps.storage import Claim, Claims, load_study, open_storage
from qimlp.sweeps.trial import PrunedError, TrialData, run_trial
from qimlp.training import GracefulInterrupt, TimeLimit, TimeLimitReached, TrainingInterrupted

_RESULT = "qimlp:result"
"""Attribute of a finished trial: what is not among the things that Optuna knows of it."""

_STATES: dict[State, TrialState] = {
    "complete": TrialState.COMPLETE,
    "pruned": TrialState.PRUNED,
    "failed": TrialState.FAIL,
}


@dataclass(frozen=True)
class Work:
    """What a process needs to know; travels to it.

    Attributes:
        plan: What decides the trials.
        storage: Where they are kept; may hold a password.
        name: Of the study.
        trials: How many there are to be.
        threads: CPU threads of this process; None for as many as torch takes.
        time_limit: Ends the work before its end, on this machine.
    """

    plan: SweepPlan
    storage: str
    name: str
    trials: int
    threads: int | None
    time_limit: TimeLimit | None = None


class _LostError(Exception):
    """Another worker has taken the trial over."""


def run_trials(
    work: Work, tell: Callable[[SweepEvent], None], *, loaded: Loaded | None = None
) -> None:
    """Run trials until all are finished, or there is no time left; a trial under way is given back.

    Args:
        work: Which.
        tell: Called with every event.
        loaded: The data, where this process has read it already.

    Raises:
        TrainingInterrupted: On Ctrl-C; the trial under way is given back.
        OSError: If the storage cannot be reached, or the data is gone.
    """
    storage = open_storage(work.storage)
    claims = Claims(storage, load_study(storage, work.name))
    data = TrialData(work.plan.settings, loaded)
    plan, limit = work.plan, work.time_limit
    sampler = SeededSampler(plan.sampler, plan.settings.compute.seed, plan.usual)
    with GracefulInterrupt() as stop:  # no exception in the midst of the storage's work
        while claim := claims.ask(
            work.trials,
            lambda _: sampler,
            should_stop=lambda: stop.requested or (limit is not None and limit.is_over()),
        ):
            try:
                with claim:
                    result = _run(claim, work, data, tell)
            except TimeLimitReached:
                break
            if result is not None:
                tell(TrialFinished(result))
        if stop.requested:
            raise TrainingInterrupted("interrupted")


def _run(
    claim: Claim, work: Work, data: TrialData, tell: Callable[[SweepEvent], None]
) -> TrialResult | None:
    """Run a trial and write down what came of it; None where it was somebody else's then."""
    plan, trial = work.plan, claim.trial
    params = draw(trial, plan.space)
    single = len(plan.objectives) == 1
    reported = set(trial.study.get_trials(deepcopy=False)[trial.number].intermediate_values)

    def follow(curve: list[float], parameters: int) -> None:
        epoch, epochs = len(curve), plan.settings_of(params).optimisation.epochs
        tell(TrialEpoch(trial.number, epoch, epochs, curve[-1]))
        if not claim.held:
            raise _LostError
        if single and epoch not in reported:  # Optuna takes them for one objective alone
            trial.report(curve[-1], epoch)
        if plan.prune and is_hopeless(
            curve,
            parameters,
            _finished(trial.study),
            higher_is_better=plan.higher_is_better,
            epochs=epochs,
            against_smaller=not single,
        ):
            raise PrunedError

    try:
        result = run_trial(
            plan,
            trial.number,
            params,
            data,
            threads=work.threads,
            on_epoch=follow,
            time_limit=work.time_limit,
        )
    except _LostError:
        return None
    return result if claim.tell(**_told(result, plan)) else None


def _told(result: TrialResult, plan: SweepPlan) -> dict[str, Any]:
    """What the storage keeps of a result."""
    kept = result.to_dict()
    del kept["params"], kept["number"], kept["state"]
    told: dict[str, Any] = {"attributes": {_RESULT: kept}, "state": _STATES[result.state]}
    if result.state == "complete":
        both = {"metric": result.metric, "parameters": result.parameters}
        told["values"] = [both[name] for name in plan.objectives]
    return told


def _finished(study: optuna.Study) -> list[Finished]:
    """The trials that were trained to their end."""
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    kept = [trial.user_attrs[_RESULT] for trial in complete]
    return [Finished(one["curve"], one["parameters"]) for one in kept]


def results_of(study: optuna.Study, trials: int | None = None) -> list[TrialResult]:
    """Read what came of the finished trials.

    Args:
        study: The study.
        trials: How many of the first ones count; None for all.

    Returns:
        One for each finished trial, by number.
    """
    states = {state: name for name, state in _STATES.items()}
    frozen: Sequence[FrozenTrial] = study.get_trials(deepcopy=False, states=tuple(states))
    return [
        TrialResult(
            **{
                **trial.user_attrs.get(_RESULT, {}),
                "number": trial.number,
                "state": states[trial.state],
                "params": dict(trial.params),
                "curve": tuple(trial.user_attrs.get(_RESULT, {}).get("curve", ())),
            }
        )
        for trial in sorted(frozen, key=lambda trial: trial.number)
        if trials is None or trial.number < trials
    ]
