"""Settings: how the weights are found."""

from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from qimlp.files import shown
from qimlp.settings.group import Count, SettingsGroup

_Beta = Annotated[float, Field(ge=0, lt=1)]
_Level = Annotated[float, Field(gt=0, lt=1)]


def _numbers(value: Any) -> Any:
    """Take `"0.05,0.5,0.95"` apart, and refuse numbers that do not rise."""
    parts = value.split(",") if isinstance(value, str) else value
    try:
        levels = [float(part) for part in parts]
    except (TypeError, ValueError):
        levels = []
    if not levels or any(low >= high for low, high in pairwise(levels)):
        raise ValueError(
            f"quantiles: expected rising numbers, such as 0.05,0.5,0.95, got {shown(value, 80)}"
        )
    return parts


def _two_numbers(value: Any) -> Any:
    """Take `"0.9,0.99"` apart; what is in the parts is checked after."""
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple) or len(parts) != 2:
        raise ValueError(f"betas: expected two numbers, such as 0.9,0.99, got {shown(value, 80)}")
    return parts


class OptimisationSettings(SettingsGroup):
    """How the weights are found."""

    epochs: Count = Field(
        default=20, description="How often the network sees all training examples."
    )
    steps: int | None = Field(
        default=None,
        ge=1,
        description="Optimizer steps in all, whatever the number of rows; the epochs then say how "
        "often the dev part is looked at. By default the epochs decide.",
    )
    batch_size: Count = Field(
        default=50, description="Examples in each optimizer step, over all processes together."
    )
    optimizer: Literal["adamw", "full-matrix"] = Field(
        default="adamw",
        description="Optimizer: adamw, or full-matrix: Adam along the principal directions of all "
        "gradients together, for networks of a few thousand parameters on one process.",
    )
    lr: float = Field(default=0.001, gt=0, description="Peak learning rate.")
    encoder_lr: float = Field(
        default=2e-5,
        gt=0,
        description="Peak learning rate of a text encoder that is trained as well.",
    )
    factor_lr_scale: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="From 0, one learning rate everywhere, to 1, for each factor the rate that "
        "fits its size.",
    )
    betas: Annotated[tuple[_Beta, _Beta], BeforeValidator(_two_numbers)] = Field(
        default=(0.9, 0.99), description="Decay of Adam's two running averages, such as 0.9,0.99."
    )
    schedule: Literal["one-cycle", "constant", "cosine"] = Field(
        default="one-cycle", description="Learning rate over time: one-cycle, cosine or constant."
    )
    weight_decay: float = Field(
        default=0.0,
        ge=0,
        description="Decoupled weight decay; on factors it acts as it would on the dense weight.",
    )
    ema_decay: Annotated[
        Annotated[float, Field(gt=0, lt=1)] | None,
        BeforeValidator(lambda value: None if value == "off" else value),
    ] = Field(
        default=0.999,
        description="Decay, at each step, of the moving average of the weights that is evaluated "
        "and kept; off for none.",
    )
    ties: Literal["first", "loss"] = Field(
        default="first",
        description="Which of several epochs that are equally good on dev is kept: the first, or "
        "the one of the lowest loss.",
    )
    label_smoothing: float = Field(
        default=0.0, ge=0, lt=1, description="Share of a label that is spread over all classes."
    )
    class_weights: Literal["none", "balanced"] = Field(
        default="none",
        description="Weights of the classes in the loss: none, or balanced: the rarer a class, "
        "the more each of its examples counts.",
    )
    loss: Literal["mse", "huber", "quantile"] = Field(
        default="mse",
        description="Loss of regression: mse (squared error); huber, which large errors sway less; "
        "or quantile, which gives an interval with every prediction.",
    )
    quantiles: Annotated[tuple[_Level, ...], BeforeValidator(_numbers)] = Field(
        default=(0.05, 0.5, 0.95),
        min_length=1,
        description="Quantiles that loss quantile learns, such as 0.05,0.5,0.95.",
    )

    @property
    def learned_quantiles(self) -> tuple[float, ...]:
        """`quantiles` where the loss learns them, else none."""
        return self.quantiles if self.loss == "quantile" else ()
