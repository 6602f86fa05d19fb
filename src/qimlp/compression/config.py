"""What a compression is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Literal, get_args

Form = Literal["low_rank", "kronecker"]
"""How a replaced layer's weight is stored.

`"low_rank"`, a product of two thin matrices, is the Kronecker layout `in_dims=(1, i)`,
`out_dims=(o, 1)`; `"kronecker"` has balanced factors.
"""


@dataclass(frozen=True, kw_only=True)
class CompressionConfig:
    """How far a model is compressed, and by what means.

    The budget counts every parameter of the layers that are replaced, weights and biases; what is
    left alone is in neither count. A layer that costs no less in any form stays dense.

    Attributes:
        ratio: Parameters of those layers before over after; above 1. Give this or
            `max_parameters`.
        max_parameters: Most parameters of those layers after.
        form: `"low_rank"`, `"kronecker"`, or `"auto"`: by error, and with calibration data by
            brief tuning of the candidates and their error on held-out rows.
        num_factors: Number of factors of the form `"kronecker"`, 2 or more.
        allocation: How the budget is spread over the layers: `"greedy"`, where it lowers the
            relative output error most, or `"uniform"`, to every layer the same part of its size.
        min_share: Least part of its uniform share that every layer gets, from 0 to 1.
        sequential: With calibration data, whether each layer is fitted on the inputs that the
            compressed layers before it give, or all on the original's.
        damping: Added to the diagonal of the inputs' second moments, over their mean.
        goal: `"parameters"`, or `"speed"`: a layer is only replaced where that makes it faster.
        skip: Names of modules to leave alone; `*` stands for any part of a name.
        on_unsupported: Whether a layer that no form fits is left alone and named (`"skip"`) or
            refused (`"raise"`).
        tune_steps: Optimizer steps for each candidate of `form="auto"`; 0 compares them untuned.
        seed: Of everything random.

    Raises:
        TypeError: A value of another type.
        ValueError: A value out of range, or not exactly one of `ratio` and `max_parameters`.
    """

    ratio: float | None = None
    max_parameters: int | None = None
    form: Literal["auto", "low_rank", "kronecker"] = "auto"
    num_factors: int = 2
    allocation: Literal["greedy", "uniform"] = "greedy"
    min_share: float = 0.75
    sequential: bool = True
    damping: float = 1e-3
    goal: Literal["parameters", "speed"] = "parameters"
    skip: tuple[str, ...] = ()
    on_unsupported: Literal["skip", "raise"] = "skip"
    tune_steps: int = 60
    seed: int = 0

    def __post_init__(self) -> None:
        if (self.ratio is None) == (self.max_parameters is None):
            raise ValueError(
                "expected ratio or max_parameters, one of them, "
                f"got ratio={self.ratio} and max_parameters={self.max_parameters}"
            )
        if self.ratio is not None:
            _check_number("ratio", self.ratio, above=1)
        if self.max_parameters is not None:
            _check_count("max_parameters", self.max_parameters, 1)
        for name in ("form", "allocation", "goal", "on_unsupported"):
            _check_choice(name, getattr(self, name), _CHOICES[name])
        _check_count("num_factors", self.num_factors, 2)
        _check_count("tune_steps", self.tune_steps, 0)
        _check_count("seed", self.seed, 0)
        _check_number("min_share", self.min_share, least=0, most=1)
        _check_number("damping", self.damping, least=0)
        if not isinstance(self.sequential, bool):
            raise TypeError(f"sequential: expected True or False, got {self.sequential!r}")
        object.__setattr__(self, "skip", _patterns(self.skip))


_CHOICES: dict[str, tuple[str, ...]] = {
    "form": ("auto", *get_args(Form)),
    "allocation": ("greedy", "uniform"),
    "goal": ("parameters", "speed"),
    "on_unsupported": ("skip", "raise"),
}


def _check_choice(name: str, value: object, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ValueError(f"{name}: expected one of {', '.join(known)}, got {value!r}")


def _check_count(name: str, value: object, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name}: expected a whole number, got {value!r}")
    if value < least:
        raise ValueError(f"{name}: expected {least} or more, got {value}")


def _check_number(
    name: str,
    value: object,
    *,
    above: float | None = None,
    least: float | None = None,
    most: float | None = None,
) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name}: expected a number, got {value!r}")
    if above is not None and not (isfinite(value) and value > above):
        raise ValueError(f"{name}: expected a number above {above}, got {value}")
    if least is not None and not (isfinite(value) and value >= least):
        raise ValueError(f"{name}: expected a number of {least} or more, got {value}")
    if most is not None and value > most:
        raise ValueError(f"{name}: expected a number of at most {most}, got {value}")


def _patterns(skip: object) -> tuple[str, ...]:
    given = (skip,) if isinstance(skip, str) else skip
    if not isinstance(given, tuple | list) or not all(isinstance(each, str) for each in given):
        raise TypeError(f"skip: expected names of modules, got {skip!r}")
    return tuple(given)
