"""Settings: where and how exactly a run computes, and what it writes down."""

import re
from typing import Literal

from pydantic import Field, model_validator

from qimlp.settings.group import Count, SettingsGroup
from qimlp.settings.suggestions import unknown_name

MOST_THREADS = 1024
"""CPU threads at most: asked for many more, the system ends the process."""


class ComputeSettings(SettingsGroup):
    """Where and how exactly a run computes, and what it writes down."""

    seed: int = Field(
        default=0,
        ge=0,
        lt=2**31,
        description="Seed of the weights, the dev part and the order of batches.",
    )
    device: str = Field(
        default="auto", description="Where to compute: auto, cpu, cuda, cuda:1, mps, ..."
    )
    dtype: Literal["float32", "float64", "bfloat16"] = Field(
        default="float32", description="Type of the weights: float32, float64 or bfloat16."
    )
    mixed_precision: Literal["no", "bf16"] = Field(
        default="no",
        description="bf16: compute in bfloat16, with weights that stay as they are; or no.",
    )
    threads: int | None = Field(
        default=None,
        ge=1,
        le=MOST_THREADS,
        description="CPU threads; by default as many as torch takes.",
    )
    log_every: Count = Field(
        default=50, description="Optimizer steps between two checks of the loss."
    )
    watch_test: bool = Field(
        default=False,
        description="Record the result on the test part after every epoch; decides nothing.",
    )
    checkpoints: bool = Field(
        default=False, description="Keep the evaluated network of every epoch."
    )
    keep_last: Count | None = Field(
        default=None, description="Keep the evaluated networks of the newest epochs, this many."
    )
    track: Literal["none", "wandb", "mlflow"] = Field(
        default="none",
        description="Tell wandb (Weights & Biases) or mlflow too what metrics.jsonl gets; or none.",
    )
    captured_step: Literal["auto", "on", "off"] = Field(
        default="off",
        description="Record the optimizer step as a CUDA graph: auto (where it can be), on or off.",
    )

    process_timeout: int = Field(
        default=600,
        ge=5,
        le=7 * 24 * 3600,
        description="Seconds to wait for other processes of one training before giving up.",
    )

    @model_validator(mode="after")
    def _check_device(self) -> "ComputeSettings":
        if not re.fullmatch(r"auto|cpu|mps|(cuda|xpu)(:\d+)?", self.device):
            raise ValueError(unknown_name("device", self.device, ["auto", "cpu", "cuda", "mps"]))
        return self
