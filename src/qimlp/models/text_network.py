"""A text encoder with a network on it, trained together."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

import torch
from torch import Tensor

from qimlp.files import shown
from qimlp.models.encoder_config import check_encoder_config
from qimlp.models.pretrained import Pretrained
from qimlp.models.registry import from_config, register


@register
class TextNetwork(Pretrained):
    """Token numbers to outputs: encoder, pooling, order, scaling, head.

    Args:
        encoder: Configuration of a transformers encoder, as its `config.json` has it.
        head: `config` of the network on the encoder's features.
        pooling: `"mean"` over the tokens, or `"cls"`, the first one.
        shift: One number for all features or one for each; subtracted from the pooled output.
        scale: As many; the shifted features are divided by it.
        order: Numbers of the pooled features in the head's order; None for their own.

    Raises:
        ImportError: If transformers is not installed.
        ValueError: `head` is no network's config, `order` no permutation, or numbers that are not
            one or as many as the head has inputs.
    """

    kind = "text"

    head: Pretrained
    shift: Tensor
    scale: Tensor

    def __init__(
        self,
        encoder: Mapping[str, Any],
        head: Mapping[str, Any],
        *,
        pooling: str = "mean",
        shift: Sequence[float] = (0.0,),
        scale: Sequence[float] = (1.0,),
        order: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        if pooling not in ("mean", "cls"):
            raise ValueError(f'pooling: expected "mean" or "cls", got {shown(pooling)}')
        if not isinstance(encoder, Mapping):
            raise TypeError(f"encoder: expected an encoder's settings, got {shown(encoder)}")
        self.encoder = _new_encoder(encoder)
        self.head = from_config(head)
        if isinstance(self.head, TextNetwork):
            raise ValueError("head: expected a network on features, got one on texts")  # noqa: TRY004
        width = self.head.in_features
        _check_numbers("shift", shift, width)
        _check_numbers("scale", scale, width)
        self.pooling = pooling
        self.order = None if order is None else _checked_order(order, width)
        self._encoder_config = dict(encoder)
        self.register_buffer("shift", torch.tensor(shift), persistent=False)
        self.register_buffer("scale", torch.tensor(scale), persistent=False)

    @classmethod
    def joined(cls, encoder: Any, head: Pretrained, **how: Any) -> TextNetwork:
        """Put a head on an encoder; both start with the weights that they have.

        Args:
            encoder: A transformers encoder.
            head: The network on its features.
            how: `pooling`, `shift`, `scale`, `order` of the constructor.

        Returns:
            A network with weights of its own, float32.
        """
        network = cls(json.loads(encoder.config.to_json_string(use_diff=False)), head.config, **how)
        weights = {k: t for k, t in encoder.state_dict().items() if not k.startswith("pooler.")}
        network.encoder.load_state_dict(weights)
        network.head.load_state_dict(head.state_dict())
        return network

    @property
    def config(self) -> dict[str, Any]:
        """What makes this network again: its `kind` and the constructor's arguments."""
        return {
            "kind": self.kind,
            "encoder": self._encoder_config,
            "head": self.head.config,
            "pooling": self.pooling,
            "shift": self.shift.tolist(),
            "scale": self.scale.tolist(),
            "order": self.order,
        }

    def forward(self, tokens: Tensor) -> Tensor:
        """Answer texts.

        Args:
            tokens: (N, T), token numbers as whole numbers of any dtype; negative ones are padding,
                which comes after a text's tokens.

        Returns:
            Outputs of shape (N, outputs).
        """
        present = tokens >= 0
        numbers = tokens.clamp_min(0).long()
        hidden = self.encoder(input_ids=numbers, attention_mask=present.long()).last_hidden_state
        features = pool_tokens(hidden.to(self.shift.dtype), present, self.pooling)
        if self.order is not None:
            features = features[:, self.order]
        logits: Tensor = self.head((features - self.shift) / self.scale)
        return logits


def pool_tokens(hidden: Tensor, present: Tensor, pooling: str) -> Tensor:
    """Pool the vectors of a text's tokens.

    Args:
        hidden: (N, T, F), one vector per token.
        present: (N, T), 1 or true for a token, 0 or false for padding.
        pooling: `"mean"` over the tokens, or `"cls"`, the first one.

    Returns:
        (N, F), of the dtype of `hidden`.
    """
    if pooling == "cls":
        return hidden[:, 0]
    weight = present.unsqueeze(-1).to(hidden.dtype)
    return (hidden * weight).sum(dim=1) / weight.sum(dim=1)


def _check_numbers(name: str, given: Sequence[float], width: int) -> None:
    several = isinstance(given, Sequence) and len(given) in (1, width)
    if not several or not all(isinstance(each, int | float) and isfinite(each) for each in given):
        raise ValueError(f"{name}: expected 1 or {width} finite numbers, got {shown(given)}")


def _checked_order(order: Sequence[int], width: int) -> list[int]:
    several = isinstance(order, Sequence) and all(type(each) is int for each in order)
    if not several or sorted(order) != list(range(width)):
        raise ValueError(
            f"order: expected the numbers 0 to {width - 1}, each once, got {shown(order)}"
        )
    return list(order)


def _new_encoder(config: Mapping[str, Any]) -> Any:
    """An encoder with random weights, without the layer that only its pre-training used."""
    try:
        import transformers  # noqa: PLC0415 - slow, and only texts need it
    except ModuleNotFoundError as error:
        raise ImportError(
            'a text encoder needs transformers, which is not installed: pip install "qimlp[text]"'
        ) from error
    check_encoder_config(config, "the encoder of a text network")
    described = dict(config)
    kind = described.pop("model_type", None)
    factory: Any = transformers.AutoModel
    try:
        made = transformers.AutoConfig.for_model(kind, **described)
        encoder = factory.from_config(made, dtype=torch.float32, trust_remote_code=False)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise ValueError(
            f"the encoder of a text network: expected the settings of an encoder that transformers "
            f"knows, got model_type {shown(kind, 60)} with settings that make none"
        ) from error
    if getattr(encoder, "pooler", None) is not None:
        encoder.pooler = None
    return encoder
