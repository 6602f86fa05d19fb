"""Settings: the network, and the weights it starts from."""

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from qimlp.files import shown
from qimlp.settings.group import Count, SettingsGroup
from qimlp.settings.suggestions import unknown_name

Dims = tuple[tuple[Annotated[int, Field(gt=0)], ...], ...]


def parse_dims(value: Any) -> Any:
    """Turn `"28x28,28x28,2x5"` into `((28, 28), (28, 28), (2, 5))`.

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
            f'dims {shown(value, 80)}: expected sizes joined by "x", layers by ",", as in '
            '"28x28,28x28,2x5"'
        ) from None


class NetworkSettings(SettingsGroup):
    """The network, and the weights it starts from."""

    model: str = Field(
        default="2b",
        description="Network: table (for tables of any kind of columns), 2b, 3b or 4b (layers of "
        "2, 3 or 4 Kronecker factors), mlp or low-rank.",
    )
    dims: Annotated[Dims | None, BeforeValidator(parse_dims)] = Field(
        default=None,
        description='Sizes of the factors, layer by layer, such as "28x28,28x28,2x5" (model table: '
        'of its hidden layers, such as "8x16,8x16"); by default they are chosen to fit the data.',
    )
    depth: int | None = Field(
        default=None,
        ge=1,
        le=1000,
        description="Number of layers; 3 where the paper gives no other.",
    )
    width: int | None = Field(
        default=None,
        ge=1,
        le=2**24,
        description="Width of the hidden layers; by default that of the input.",
    )
    rank: int = Field(
        default=1,
        ge=1,
        le=2**40,
        description="Kronecker rank: how many Kronecker products each layer sums up.",
    )
    members: int = Field(
        default=4,
        ge=1,
        le=1024,
        description="Model table: networks that are trained side by side and answer together.",
    )
    embedding_dim: int = Field(
        default=16,
        ge=1,
        le=2**16,
        description="Model table: length of the vector that each column becomes.",
    )
    linear_skip: bool = Field(
        default=False, description="Model table: whether a linear model is added to the network."
    )
    bias: Literal["kronecker", "dense", "none"] = Field(
        default="kronecker",
        description="Bias of a layer: kronecker (a Kronecker product as well), dense or none.",
    )
    activation: str = Field(
        default="gelu", description="Between the layers: gelu, relu, silu, tanh or identity."
    )
    dropout: float = Field(
        default=0.1,
        ge=0,
        lt=1,
        description="Dropout probability behind the last layer of an mlp, and behind every layer "
        "of model table.",
    )
    init: Literal["normal", "orthogonal"] = Field(
        default="orthogonal", description="How random factors are drawn: normal or orthogonal."
    )
    warm_start: Literal["random", "ridge", "svm"] = Field(
        default="random",
        description="Where one layer starts: at random weights, or as near as it can be to a "
        "linear model of the train part, ridge regression (ridge) or a support vector machine for "
        "each class (svm).",
    )
    warm_start_penalty: float = Field(
        default=0.3, gt=0, description="Penalty on the weights of that linear model."
    )
    restarts: int = Field(
        default=1,
        ge=1,
        le=1000,
        description="Random networks to compare in short runs; the one with the lowest train loss "
        "goes on.",
    )
    restart_epochs: Count = Field(default=2, description="Epochs of each of these short runs.")

    @model_validator(mode="after")
    def _check_network(self) -> "NetworkSettings":
        if self.kind == "qimlp" and not re.fullmatch(r"[1-9]b", self.model):
            from qimlp.models import NAMED_NETWORKS  # noqa: PLC0415 - options need no torch

            raise ValueError(unknown_name("model", self.model, NAMED_NETWORKS))
        if self.warm_start != "random" and self.kind in {"low-rank", "table"}:
            raise ValueError(
                f"warm_start {self.warm_start}: expected a multi-body network or an mlp on "
                f"features that stay as they are, got model {self.model!r}"
            )
        if self.warm_start != "random" and self.restarts > 1:
            raise ValueError(
                "restarts compare random networks: expected restarts 1 with warm_start "
                f"{self.warm_start}, got {self.restarts}"
            )
        if self.dims is not None:
            self._check_dims(self.dims)
        if self.dims is not None and self.width is not None:
            raise ValueError(
                f"width {self.width}: the dims say how wide the layers are; leave out one of them"
            )
        return self

    def _check_dims(self, dims: Dims) -> None:
        bodies = {len(layer) for layer in dims}
        if self.kind == "table":
            if bodies != {2}:
                raise ValueError(
                    f"dims {shown(dims, 80)}: expected pairs of sizes of model table's hidden "
                    "layers, such as 8x16,8x16"
                )
            return
        if len(dims) < 2 or len(bodies) != 1:
            raise ValueError(
                f"dims {shown(dims, 80)}: expected two or more layers with the same number of "
                "sizes each"
            )
        if self.kind == "qimlp" and bodies != {int(self.model[0])}:
            raise ValueError(
                f"dims {shown(dims, 80)} have {bodies.pop()} sizes per layer, but model "
                f"{self.model!r} has {self.model[0]} bodies; name the model that fits the dims"
            )

    @property
    def kind(self) -> str:
        """`"table"`, `"mlp"`, `"low-rank"` or `"qimlp"`."""
        return self.model if self.model in {"table", "mlp", "low-rank"} else "qimlp"
