"""Samplers whose choice depends on the trial's number and the finished trials alone."""

import zlib
from collections.abc import Callable, Mapping
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial

from qimlp.settings import unknown_name
from qimlp.sweeps.space import Value

_KINDS: dict[str, Callable[[int], BaseSampler]] = {
    "tpe": lambda seed: TPESampler(seed=seed),
    "random": lambda seed: RandomSampler(seed=seed),
}
SAMPLERS = tuple(_KINDS)


class SeededSampler(BaseSampler):
    """Draws each parameter with a seed of its own, so that a trial can be begun again.

    A trial that was killed between two parameters keeps the first, and draws the second as it would
    have; and what trial 7 is does not depend on which worker draws it, or on how many it drew.

    Args:
        kind: `"tpe"` (goes by the finished trials) or `"random"`.
        seed: Of the sweep.
        usual: Values of trial 0: the settings as they are without a sweep.
    """

    def __init__(self, kind: str, seed: int, usual: Mapping[str, Value]) -> None:
        self._make = _KINDS[kind]
        self._seed = seed
        self._usual = dict(usual)

    def infer_relative_search_space(
        self,
        study: optuna.Study,  # noqa: ARG002 - Optuna's
        trial: FrozenTrial,  # noqa: ARG002 - Optuna's
    ) -> dict[str, BaseDistribution]:
        """Find what is drawn together: nothing."""
        return {}

    def sample_relative(
        self,
        study: optuna.Study,  # noqa: ARG002 - Optuna's
        trial: FrozenTrial,  # noqa: ARG002 - Optuna's
        search_space: dict[str, BaseDistribution],  # noqa: ARG002 - Optuna's
    ) -> dict[str, Any]:
        """Draw what is drawn together: nothing."""
        return {}

    def sample_independent(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Draw one parameter.

        Args:
            study: The finished trials.
            trial: The trial.
            param_name: Name of the setting.
            param_distribution: Its values.

        Returns:
            A value.
        """
        if trial.number == 0 and param_name in self._usual:
            return self._usual[param_name]
        seed = zlib.crc32(f"{self._seed}/{trial.number}/{param_name}".encode())
        return self._make(seed).sample_independent(study, trial, param_name, param_distribution)


def require_sampler(kind: str) -> None:
    """Refuse the name of a sampler that there is not.

    Args:
        kind: A name.

    Raises:
        ValueError: If it is none of `SAMPLERS`.
    """
    if kind not in SAMPLERS:
        raise ValueError(unknown_name("sampler", kind, SAMPLERS))
