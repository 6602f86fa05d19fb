"""A sweep before it runs: settings, what is searched, what is judged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from qimlp.files import shown
from qimlp.predictor import sizes_for
from qimlp.settings import TrainSettings, resolve_settings, unknown_name
from qimlp.shapes import format_dims
from qimlp.sweeps.search_texts import changes
from qimlp.sweeps.space import Choices, Range, Space, Value, space_to_dict
from qimlp.training import TrainingData

OBJECTIVES = ("metric", "parameters")
_FORMAT = 1


@dataclass(frozen=True)
class SweepPlan:
    """What decides the trials of a sweep.

    Attributes:
        settings: Those of every trial, but for what is searched.
        space: What is searched.
        objectives: One or both of `OBJECTIVES`.
        sampler: `"tpe"` or `"random"`.
        prune: Whether trials that are worse than the median are given up.
        usual: The parameters of trial 0.
        metric: Name of the metric on the dev part.
        higher_is_better: Of the metric.
        fingerprint: Of the data.
    """

    settings: TrainSettings
    space: Space
    objectives: tuple[str, ...]
    sampler: str
    prune: bool
    usual: Mapping[str, Value]
    metric: str
    higher_is_better: bool
    fingerprint: str

    @property
    def directions(self) -> list[str]:
        """Of each objective, as Optuna names them."""
        of_metric = "maximize" if self.higher_is_better else "minimize"
        return [of_metric if name == "metric" else "minimize" for name in self.objectives]

    def settings_of(self, params: Mapping[str, Value]) -> TrainSettings:
        """The settings of a trial.

        Args:
            params: What was drawn for it.

        Returns:
            Settings that `fit` trains as the trial was trained.

        Raises:
            ValueError: If the parameters do not go together.
        """
        return settings_of(self.settings, params)

    def about(self) -> dict[str, Any]:
        """What a study keeps of the plan, and what has to be the same to go on with it."""
        decided = self.settings.numeric()
        return {
            "format": _FORMAT,
            "settings": {name: decided[name] for name in decided if name not in self.space},
            "search": space_to_dict(self.space),
            "objectives": list(self.objectives),
            "sampler": self.sampler,
            "prune": self.prune,
            "data": self.fingerprint,
        }


def settings_of(settings: TrainSettings, params: Mapping[str, Value]) -> TrainSettings:
    """The settings of a trial.

    Args:
        settings: Of the sweep.
        params: What was drawn for the trial.

    Returns:
        Settings of a run.

    Raises:
        ValueError: If the parameters do not go together.
    """
    changed = changes(settings, dict(params))
    return resolve_settings({**settings.to_flat(), **changed}, source="the settings of a trial")


def usual_params(settings: TrainSettings, space: Space, data: TrainingData) -> dict[str, Value]:
    """Find the parameters that the settings have without a sweep.

    Args:
        settings: Of the sweep.
        space: What is searched.
        data: Of the sweep.

    Returns:
        By name, those that are among the searched ones.
    """
    flat = settings.model_dump(mode="json")
    if "dims" in space and settings.kind != "table":
        sizes = sizes_for(settings, data)
        flat["dims"] = ",".join(format_dims(layer) for layer in sizes)
        flat["width"] = prod(sizes[1]) if len(sizes) > 2 else None
    elif "width" in space and flat["width"] is None:
        sizes = sizes_for(settings, data)
        flat["width"] = prod(sizes[1]) if len(sizes) > 2 else None
    if "depth" in space and flat["depth"] is None:
        flat["depth"] = len(sizes_for(settings, data)) - 1
    usual: dict[str, Value] = {}
    for name, dimension in space.items():
        value = flat[name]
        if isinstance(value, list):
            value = _text(value)
        if _holds(dimension, value):
            usual[name] = value
    return usual


def _text(value: Sequence[Any]) -> str:
    """A list as the settings take it from text."""
    layers = [format_dims(tuple(part)) if isinstance(part, list) else str(part) for part in value]
    return ",".join(layers)


def _holds(dimension: Choices | Range, value: Any) -> bool:
    if isinstance(dimension, Choices):
        return value in dimension.values
    return isinstance(value, int | float) and dimension.low <= value <= dimension.high


def require_objectives(names: Sequence[str]) -> tuple[str, ...]:
    """Read what trials are judged by.

    Args:
        names: One or both of `OBJECTIVES`.

    Returns:
        The same, the metric first.

    Raises:
        ValueError: If a name is unknown, or the metric is not among them.
    """
    for name in names:
        if name not in OBJECTIVES:
            raise ValueError(unknown_name("objective", name, OBJECTIVES))
    if "metric" not in names:
        raise ValueError(
            "objective: the smallest network is known without a sweep: expected metric, or metric "
            "and parameters"
        )
    return tuple(name for name in OBJECTIVES if name in names)


def require_same(stored: Any, plan: SweepPlan, name: str) -> None:
    """Refuse to go on with a study that searches something else.

    Args:
        stored: What the study keeps of its plan.
        plan: What is asked for.
        name: Of the study.

    Raises:
        ValueError: If they differ.
    """
    own = plan.about()
    if not isinstance(stored, Mapping) or stored.get("format") != _FORMAT:
        raise ValueError(f"sweep {shown(name)}: it was made by another version of qimlp")
    if stored.get("data") != own["data"]:
        raise ValueError(
            f"sweep {shown(name)}: the data {plan.settings.dataset.data!r} has changed since it "
            "began; choose another --name and --out"
        )
    differing = [
        key for key in ("search", "objectives", "sampler", "prune") if stored.get(key) != own[key]
    ] or _differences(stored.get("settings"), plan)
    if differing:
        raise ValueError(
            f"sweep {shown(name)} has other {' and '.join(differing)}; give the same "
            "to go on with it, or choose another --name and --out"
        )


def _differences(stored: Any, plan: SweepPlan) -> list[str]:
    if not isinstance(stored, Mapping):
        return ["settings"]
    own = plan.settings.numeric()
    searched = {name: own[name] for name in plan.space}
    return [
        f"{name} ({shown(stored.get(name), 40)}, here {shown(own.get(name), 40)})"
        for name in plan.settings.changed_since({**stored, **searched})
    ]
