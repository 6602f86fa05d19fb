"""What became of one layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from math import isfinite
from typing import Any, Literal, get_args

from qimlp.files import shown

LayerForm = Literal["low_rank", "kronecker", "dense"]
"""How a layer's weight is stored; `"dense"` where no smaller form was worth it."""


@dataclass(frozen=True, kw_only=True)
class LayerReport:
    """What became of one layer that was looked at.

    What is not known is None: an output error without calibration data, say.

    Attributes:
        name: Of the module within the model.
        kind: Type of the layer that was there, such as `"Linear"`.
        form: How its weight is stored now.
        in_dims: Sizes of the input's bodies; the input's width alone where it stayed dense.
        out_dims: The same of the output.
        rank: Number of summed Kronecker products; None where it stayed dense.
        parameters_before: Weight and bias that were there.
        parameters_after: Weight and bias now.
        error: Relative output error as fitted: the norm of the outputs' error over that of the
            outputs wanted, centred where there is a bias, on the calibration data that the
            compressed layers before let through. Wanted is what the dense layer makes of inputs
            half-way between those and the original model's.
        tuned_error: The same after tuning.
        weight_error: Norm of the weight's error over that of the weight, as fitted.
        share: Part of all parameters after that are this layer's. `CompressionReport` fills it in.
        predicted_speed: Time of the dense layer over that of the new one, as the planner has it;
            above 1 is faster.
        measured_speed: The same, measured.
    """

    name: str
    kind: str
    form: LayerForm
    in_dims: tuple[int, ...]
    out_dims: tuple[int, ...]
    rank: int | None
    parameters_before: int
    parameters_after: int
    error: float | None = None
    tuned_error: float | None = None
    weight_error: float | None = None
    share: float | None = None
    predicted_speed: float | None = None
    measured_speed: float | None = None

    @property
    def replaced(self) -> bool:
        """Whether another layer stands there now."""
        return self.form != "dense"

    @property
    def ratio(self) -> float:
        """Parameters before over after."""
        return self.parameters_before / self.parameters_after

    @property
    def speed(self) -> float | None:
        """The measured speed, or the predicted one where none was measured."""
        return self.predicted_speed if self.measured_speed is None else self.measured_speed

    def to_dict(self) -> dict[str, Any]:
        """Give what JSON can hold: a number that is not finite is None."""
        return {name: _plain(value) for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> LayerReport:
        """Make the record that `to_dict` gave.

        Args:
            values: From JSON.

        Returns:
            The record.

        Raises:
            ValueError: A key is missing or unknown, or a value is of another kind.
        """
        check_keys("a layer of the report", values, [field.name for field in fields(cls)])
        return cls(**{name: _CHECKS[name](name, value) for name, value in values.items()})


@dataclass(frozen=True)
class LeftAlone:
    """A layer that was not looked at, or that nothing fits, or a parameter that lies in no layer.

    Attributes:
        name: Of the module, or of the parameter, within the model.
        kind: Type of the module, or of the one that owns the parameter, such as `"Linear"`.
        reason: Why, in words.
    """

    name: str
    kind: str
    reason: str


def check_keys(what: str, values: object, names: list[str]) -> None:
    """Require an object with these keys alone.

    Args:
        what: What it is, for the message.
        values: From JSON.
        names: The keys.

    Raises:
        ValueError: It is another kind of value, or has other keys.
    """
    if not isinstance(values, Mapping):
        raise ValueError(f"{what}: expected an object, got {shown(values)}")  # noqa: TRY004 - a file
    for name in names:
        if name not in values:
            raise ValueError(f"{what}: {name} is missing")
    for name in values:
        if name not in names:
            raise ValueError(f"{what}: unknown key {shown(name)}")


def check_list(name: str, value: object) -> None:
    """Require a list.

    Args:
        name: Of the value, for the message.
        value: From JSON.

    Raises:
        ValueError: It is none.
    """
    if not isinstance(value, list):
        raise ValueError(f"{name}: expected a list, got {shown(value)}")  # noqa: TRY004 - a file


def as_text(name: str, value: object) -> str:
    """Require a text.

    Args:
        name: Of the value, for the message.
        value: From JSON.

    Returns:
        The text.

    Raises:
        ValueError: It is none.
    """
    if not isinstance(value, str):
        raise ValueError(f"{name}: expected a text, got {shown(value)}")  # noqa: TRY004 - a file
    return value


def as_count(name: str, value: object) -> int:
    """Require a whole number of 0 or more.

    Args:
        name: Of the value, for the message.
        value: From JSON.

    Returns:
        The number.

    Raises:
        ValueError: It is none.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{name}: expected a whole number of 0 or more, got {shown(value)}")
    return value


def count_or_none(name: str, value: object) -> int | None:
    """Require a whole number of 0 or more, or None; see `as_count`."""
    return None if value is None else as_count(name, value)


def _number_or_none(name: str, value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise ValueError(f"{name}: expected a number or null, got {shown(value)}")
    return float(value)


def _as_form(name: str, value: object) -> LayerForm:
    for form in get_args(LayerForm):
        if value == form:
            known: LayerForm = form
            return known
    raise ValueError(f"{name}: expected low_rank, kronecker or dense, got {shown(value)}")


def _as_sizes(name: str, value: object) -> tuple[int, ...]:
    if not isinstance(value, list | tuple) or not value:
        raise ValueError(f"{name}: expected a list of sizes, got {shown(value)}")
    return tuple(as_count(name, size) for size in value)


_CHECKS: dict[str, Any] = {
    "name": as_text,
    "kind": as_text,
    "form": _as_form,
    "in_dims": _as_sizes,
    "out_dims": _as_sizes,
    "rank": count_or_none,
    "parameters_before": as_count,
    "parameters_after": as_count,
    "error": _number_or_none,
    "tuned_error": _number_or_none,
    "weight_error": _number_or_none,
    "share": _number_or_none,
    "predicted_speed": _number_or_none,
    "measured_speed": _number_or_none,
}


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, float) and not isfinite(value):
        return None
    return value
