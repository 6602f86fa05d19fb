"""The settings of one training run, and how they come together."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from qimlp.data import DevSplit
from qimlp.models import NAMED_NETWORKS
from qimlp.settings.recipes import RECIPES, recipe_values
from qimlp.settings.suggestions import unknown_name

MOST_THREADS = 1024
"""CPU threads at most: asked for many more, the system ends the process."""

_Count = Annotated[int, Field(ge=1, lt=2**31)]
_Beta = Annotated[float, Field(ge=0, lt=1)]
Dims = tuple[tuple[Annotated[int, Field(gt=0)], ...], ...]


def parse_dims(value: Any) -> Any:
    """Turn ``"28x28,28x28,2x5"`` into ``((28, 28), (28, 28), (2, 5))``.

    Args:
        value: Text in that form; anything else is passed on.

    Returns:
        Tuples of sizes, one tuple per layer boundary.

    Raises:
        ValueError: If the text has another form.
    """
    if not isinstance(value, str):
        return value
    try:
        return tuple(tuple(int(size) for size in part.split("x")) for part in value.split(","))
    except ValueError:
        raise ValueError(
            f'dims {value!r}: expected sizes joined by "x", layers by ",", as in "28x28,28x28,2x5"'
        ) from None


def _two_numbers(value: Any) -> Any:
    """Take ``"0.9,0.99"`` apart; what is in the parts is checked after."""
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple) or len(parts) != 2:
        raise ValueError("expected two numbers, such as 0.9,0.99")
    return parts


_NOT_NUMERIC = ("data_dir", "device", "threads", "log_every", "checkpoints", "captured_step")


class TrainSettings(BaseModel):
    """Everything that decides a run; frozen, and unknown fields are refused.

    `dev_fraction` of the training examples are dev, drawn at random or, one unbroken block of each
    class, as they lie in the file (`dev_split`, see `data.split.dev_rows`).
    Rates are per step, sizes are counts, `threads` is the number of CPU threads (None: as torch
    has it), `log_every` counts steps between two checks of the loss. `factor_lr_scale` is the
    `scale` of `param_groups`: 0 for one learning rate everywhere, 1 for rates that fit the factors.
    `text` says how texts become features (`terms` TF-IDF terms, or the frozen `encoder`'s output
    for the first `max_tokens` tokens); the terms are the most frequent ones or those that support
    vector machines of the train part weigh most (`terms_by`, see `data.tfidf`); with `finetune` the
    encoder is trained with the network on it, at the peak rate `encoder_lr`. `order` puts features
    in an order learned from the train part (`spectral`) or so that the start's Kronecker sum comes
    nearest (`nearest`), or an image's pixels in patches that fit the network's bodies (`patches`)
    or column by column (`columns`). `start` is where training begins: at random factors (`init`),
    or, for one layer on data in memory, at a linear model of the train part, ridge regression or a
    support vector machine per class (``svm``), of the penalty `start_penalty` (see
    `training.linear_models`): a multi-body layer at the nearest Kronecker sum. Of `starts` random
    networks, each trained for `start_epochs` epochs, the one with the lowest train loss is the
    start of the run; 1 compares none.
    `optimizer` is AdamW or, for networks of a few thousand parameters on one process, Adam along
    the principal directions of all gradients together (`training.full_matrix`).
    `watch_test` records the test accuracy of every epoch, which decides nothing. `checkpoints`
    keeps the evaluated network of every epoch. `captured_step` records the optimizer step as a
    CUDA graph: always, where one process runs on CUDA and the encoder stays as it is
    (``"auto"``), or never.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    recipe: str = "tuned"
    data: str = Field("digits", min_length=1)
    data_dir: str | None = None
    label_column: str | None = None
    streaming: bool | None = None
    dev_fraction: float = Field(0.2, gt=0, lt=1)
    dev_split: DevSplit = "random"
    scaling: Literal["none", "unit", "symmetric", "standardize", "overall"] = "standardize"

    text: Literal["tfidf", "encoder"] | None = None
    terms: int = Field(5000, ge=2, lt=2**31)
    terms_by: Literal["frequency", "svm"] = "frequency"
    encoder: str = Field("bert-base-uncased", min_length=1)
    pooling: Literal["mean", "cls"] = "mean"
    max_tokens: int = Field(256, ge=3, lt=2**31)
    finetune: bool = False
    encoder_lr: float = Field(2e-5, gt=0)
    order: Literal["none", "spectral", "nearest", "patches", "columns"] = "none"

    model: str = "2b"
    dims: Annotated[Dims | None, BeforeValidator(parse_dims)] = None
    depth: int | None = Field(None, ge=1, le=1000)
    rank: int = Field(1, ge=1, le=2**40)
    bias: Literal["kronecker", "dense", "none"] = "kronecker"
    activation: str = "gelu"
    init: Literal["normal", "orthogonal"] = "orthogonal"
    start: Literal["random", "ridge", "svm"] = "random"
    start_penalty: float = Field(0.3, gt=0)
    starts: int = Field(1, ge=1, le=1000)
    start_epochs: _Count = 2
    dropout: float = Field(0.1, ge=0, lt=1)

    epochs: _Count = 20
    batch_size: _Count = 50
    optimizer: Literal["adamw", "full-matrix"] = "adamw"
    lr: float = Field(0.001, gt=0)
    factor_lr_scale: float = Field(0.0, ge=0, le=1)
    betas: Annotated[tuple[_Beta, _Beta], BeforeValidator(_two_numbers)] = (0.9, 0.99)
    schedule: Literal["one-cycle", "constant", "cosine"] = "one-cycle"
    weight_decay: float = Field(0.0, ge=0)
    ema_decay: Annotated[
        Annotated[float, Field(gt=0, lt=1)] | None,
        BeforeValidator(lambda value: None if value == "off" else value),
    ] = 0.999
    label_smoothing: float = Field(0.0, ge=0, lt=1)

    seed: int = Field(0, ge=0, lt=2**31)
    device: str = "auto"
    dtype: Literal["float32", "float64", "bfloat16"] = "float32"
    mixed_precision: Literal["no", "bf16"] = "no"
    threads: int | None = Field(None, ge=1, le=MOST_THREADS)
    log_every: _Count = 50
    watch_test: bool = False
    checkpoints: bool = False
    captured_step: Literal["auto", "on", "off"] = "off"

    @model_validator(mode="after")
    def _consistent(self) -> "TrainSettings":
        if self.recipe not in RECIPES:
            raise ValueError(unknown_name("recipe", self.recipe, RECIPES))
        if self.kind == "qimlp" and not re.fullmatch(r"[1-9]b", self.model):
            raise ValueError(unknown_name("model", self.model, NAMED_NETWORKS))
        if not re.fullmatch(r"auto|cpu|mps|(cuda|xpu)(:\d+)?", self.device):
            raise ValueError(unknown_name("device", self.device, ["auto", "cpu", "cuda", "mps"]))
        if self.terms_by != "frequency" and self.text != "tfidf":
            raise ValueError(
                f"terms_by {self.terms_by} chooses TF-IDF terms: expected text tfidf, "
                f"got {self.text}"
            )
        if self.finetune:
            self._check_finetune()
        if self.start != "random":
            self._check_linear_start()
        elif self.order == "nearest":
            raise ValueError(
                "order nearest goes by the linear model of the start: expected start ridge or svm, "
                "got random"
            )
        if self.dims is not None:
            self._check_dims(self.dims)
        if self.optimizer == "full-matrix":
            self._check_full_matrix()
        return self

    def _check_finetune(self) -> None:
        if self.text != "encoder":
            raise ValueError(
                f"finetune trains a text encoder: expected text encoder, got {self.text}"
            )
        if self.dtype == "bfloat16":
            raise ValueError(
                "finetune: expected dtype float32; for speed set mixed_precision to bf16 instead"
            )
        if self.captured_step == "on":
            raise ValueError(
                "finetune: expected captured_step off, got on: texts differ in length, and a "
                "recorded step takes one shape"
            )
        if self.order in ("patches", "columns"):
            raise ValueError(
                f"finetune: expected order none or spectral, got {self.order}, which is for "
                "images; leave it out"
            )
        if self.starts > 1:
            raise ValueError(
                "starts are compared of networks without an encoder: expected starts 1 with "
                f"finetune, got {self.starts}"
            )

    def _check_full_matrix(self) -> None:
        if self.dtype == "bfloat16":
            raise ValueError("optimizer full-matrix: expected dtype float32 or float64")
        if self.captured_step == "on":
            raise ValueError(
                "optimizer full-matrix decomposes a matrix every few steps, which cannot be "
                "recorded: expected captured_step off, got on"
            )

    def _check_linear_start(self) -> None:
        if self.finetune or self.kind == "low-rank":
            raise ValueError(
                f"start {self.start}: expected a multi-body network or an mlp on features that "
                f"stay as they are, got model {self.model!r}"
                f"{' with finetune' if self.finetune else ''}"
            )
        if self.order == "nearest" and self.kind != "qimlp":
            raise ValueError(
                "order nearest is of Kronecker sums: expected a multi-body network, got model "
                f"{self.model!r}"
            )
        if self.starts > 1:
            raise ValueError(
                "starts are compared of random networks: expected starts 1 with start "
                f"{self.start}, got {self.starts}"
            )

    def _check_dims(self, dims: Dims) -> None:
        bodies = {len(layer) for layer in dims}
        if len(dims) < 2 or len(bodies) != 1:
            raise ValueError(
                f"dims {dims}: expected two or more layers with the same number of sizes each"
            )
        if self.kind == "qimlp" and bodies != {int(self.model[0])}:
            raise ValueError(
                f"dims {dims} have {bodies.pop()} sizes per layer, but model {self.model!r} "
                f"has {self.model[0]} bodies; name the model that fits the dims"
            )

    def numeric(self) -> dict[str, Any]:
        """The fields that decide what comes out, as JSON holds them; not where and how it runs."""
        return self.model_dump(mode="json", exclude=set(_NOT_NUMERIC))

    @property
    def kind(self) -> str:
        """``"mlp"``, ``"low-rank"`` or ``"qimlp"``."""
        return self.model if self.model in ("mlp", "low-rank") else "qimlp"

    @property
    def data_name(self) -> str:
        """Short name of the data: the source itself, or the stem of a path."""
        return Path(self.data).stem or Path(self.data).resolve().name

    @property
    def label(self) -> str:
        """Name of the network in tables and folders, such as ``2b-rank4-dense-bias``."""
        parts = [self.model]
        if self.dims is not None:
            parts.append("-".join("x".join(map(str, layer)) for layer in self.dims))
        if self.depth is not None:
            parts.append(f"depth{self.depth}")
        if self.kind != "mlp" and self.rank > 1:
            parts.append(f"rank{self.rank}")
        if self.kind == "qimlp" and self.bias != "kronecker":
            parts.append(f"{self.bias}-bias")
        if self.order != "none":
            parts.append(f"{self.order}-order")
        if self.start != "random":
            parts.append(f"{self.start}-start")
        if self.text == "tfidf" and self.terms_by != "frequency":
            parts.append(f"{self.terms_by}-terms")
        if self.finetune:
            parts.append("finetuned")
        return "-".join(parts)


def resolve_settings(
    options: Mapping[str, Any] | None = None,
    *,
    file: Mapping[str, Any] | None = None,
    source: str = "settings",
) -> TrainSettings:
    """Merge defaults < recipe < settings file < options.

    Args:
        options: Fields given by hand; they win over everything.
        file: Fields of a settings file.
        source: What to call the settings in a message, such as the file's name.

    Returns:
        The resolved settings.

    Raises:
        ValueError: With one line, if a field is unknown or a value is not allowed.
    """
    given = {**(file or {}), **(options or {})}
    for name, value in given.items():
        if name not in TrainSettings.model_fields and isinstance(value, Mapping):
            raise ValueError(
                f"{source}: {name} is a table; settings have none: put each as name = value at the "
                f"top, without a line [{name}]"
            )
        if name not in TrainSettings.model_fields:
            raise ValueError(
                f"{source}: {unknown_name('setting', name, TrainSettings.model_fields)}"
            )
    deciding = ("recipe", "data", "model", "rank")
    identity: dict[str, Any] = {name: given[name] for name in deciding if name in given}
    known = _validated(identity, source)
    recipe = recipe_values(
        known.recipe,
        kind=known.kind,
        model=known.model,
        data=known.data_name,
        rank=known.rank,
    )
    return _validated({**recipe, **given}, source)


def _validated(values: Mapping[str, Any], source: str) -> TrainSettings:
    try:
        return TrainSettings.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        message = first["msg"].removeprefix("Value error, ")
        where = ".".join(str(part) for part in first["loc"])
        if where:
            message = f"{where}: {message[0].lower()}{message[1:]}, got {first['input']!r}"
        raise ValueError(f"{source}: {message}") from error
