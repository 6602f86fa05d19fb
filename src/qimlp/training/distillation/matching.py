"""What of a model's output is matched, and the model that gives just that."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import torch
from torch import Tensor, nn

from qimlp.compression import call_model, model_inputs
from qimlp.files import printable
from qimlp.models import Pretrained, pool_tokens

Match = Literal["auto", "outputs", "hidden", "embedding"]
"""What is matched: the outputs (logits), the hidden states of every token, or their mean.

`"auto"` is `"outputs"` for a model that gives a tensor or `logits`, and `"hidden"` for one that
gives `last_hidden_state`.
"""

Outputs = Callable[[Any, Any], Tensor]
"""A user's choice of what is matched: maps a model's output and the batch to a tensor."""


class MatchedNetwork(Pretrained):
    """A model, as the training loop runs it: from a batch to the rows that are matched.

    Args:
        model: Any module; its dtype and device stay.
        match: What is matched.
        outputs: In place of `match`.
        dropout: Whether training puts the model in training mode; else it stays in evaluation
            mode, without dropout and with the running statistics of its batch norms.
    """

    keeps_dtype = True

    def __init__(
        self,
        model: nn.Module,
        match: Match = "auto",
        outputs: Outputs | None = None,
        *,
        dropout: bool = False,
    ) -> None:
        super().__init__()
        self.model = model
        self._match = match
        self._outputs = outputs
        self._dropout = dropout

    def train(self, mode: bool = True) -> MatchedNetwork:
        """Go into training mode, the model only where dropout is wanted."""
        self.training = mode
        self.model.train(mode and self._dropout)
        return self

    def forward(self, batch: Any) -> Tensor:
        """Run the model.

        Args:
            batch: As `qimlp.compression.call_model` takes it, of N examples.

        Returns:
            What is matched, of shape (rows, features): a row for each example, or for each token
            that is attended to.

        Raises:
            TypeError: The model gives nothing of the kind.
        """
        output = call_model(self.model, batch)
        if self._outputs is not None:
            return _rows(_as_tensor(self._outputs(output, batch), "outputs"), None)
        return matched(output, _attention(batch), self._match)


def matched(output: Any, attended: Tensor | None, match: Match) -> Tensor:
    """Pick what is matched from a model's output.

    Args:
        output: A tensor, a mapping or object with `logits` or `last_hidden_state`, or a tuple that
            starts with a tensor.
        attended: Of shape (N, T), true where a token counts; None where all do.
        match: What is matched.

    Returns:
        Of shape (rows, features).

    Raises:
        TypeError: The output has nothing of the kind.
    """
    hidden, logits = _entry(output, "last_hidden_state"), _entry(output, "logits")
    if match == "auto":
        match = "hidden" if logits is None and hidden is not None else "outputs"
    found = logits if match == "outputs" else hidden
    if found is None:
        found = output[0] if isinstance(output, tuple | list) and output else output
    values = _as_tensor(found, match)
    if match == "hidden" and values.dim() < 3:
        raise TypeError(
            "hidden: expected hidden states of every token, of three dimensions, got a tensor of "
            f"shape {tuple(values.shape)}; match outputs, or say which tensor with outputs=function"
        )
    if match == "embedding" and values.dim() == 3:
        present = torch.ones_like(values[..., 0]) if attended is None else attended
        return pool_tokens(values, present.to(values.device).bool(), "mean")
    return _rows(values, attended)


def _entry(output: Any, name: str) -> Any:
    if isinstance(output, Mapping):
        return output.get(name)
    return getattr(output, name, None)


def _as_tensor(found: Any, what: str) -> Tensor:
    if isinstance(found, Tensor) and found.is_floating_point() and found.dim():
        return found
    kind = f"a tensor of {found.dtype}" if isinstance(found, Tensor) else type(found).__name__
    raise TypeError(
        f"{what}: expected a model that gives a tensor of numbers, logits or last_hidden_state, "
        f"got {printable(kind)}; say what to match with outputs=function"
    )


def _rows(values: Tensor, attended: Tensor | None) -> Tensor:
    """A row for each example or, of (N, T, features), for each token that is attended to."""
    if values.dim() == 3:
        if attended is not None and attended.shape == values.shape[:2]:
            return values[attended.to(values.device).bool()]
        return values.flatten(0, 1)
    return values.reshape(len(values), -1)


def _attention(batch: Any) -> Tensor | None:
    found = model_inputs(batch)[1].get("attention_mask")
    return found if isinstance(found, Tensor) and found.dim() == 2 else None
