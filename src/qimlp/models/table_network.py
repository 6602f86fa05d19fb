"""A network for tables: an embedding gives columns a grid, Kronecker layers mix both its sides."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout as drop

from qimlp.files import shown
from qimlp.models.activations import activation as find_activation
from qimlp.models.column_embedding import ColumnEmbedding
from qimlp.models.pretrained import Pretrained
from qimlp.models.registry import register
from qimlp.nn import draw_normal
from qimlp.ops import (
    any_global_hook,
    check_device,
    check_dtype,
    fuses_networks,
    is_without_hooks,
    member_head,
    member_layer,
    registered_parameters,
    table_network,
)
from qimlp.shapes import as_size


@register
class TableNetwork(Pretrained):
    """Members that share an embedding of the columns and have Kronecker layers of their own.

    Every column becomes a vector of `embedding_dim` numbers, so that a row is a (columns x
    embedding) matrix. A layer multiplies it from both sides, `A X B`, summed over `rank` products,
    which is a Kronecker layer. Layers that do not change the sizes are residual; a dense head
    follows.

    In training the outputs of all members are returned, of shape `(members * n, out_features)`,
    member after member, each of which has the loss of its own; in evaluation their combination, of
    shape `(n, out_features)`.

    Args:
        num_numbers: Columns of numbers, the first of the input.
        cardinalities: For each further column, the number V of its categories; the input holds
            codes from 0 (unseen or missing) to V.
        out_features: Width of the output.
        embedding_dim: Length of a column's vector.
        hidden: Sizes `(a, b)` of the matrix after each layer.
        rank: Kronecker rank of the layers.
        members: Networks that are trained side by side.
        frequencies: Periodic functions of each number, each as a sine and a cosine.
        dropout: Share of a layer's outputs set to zero while training.
        activation: Behind each layer; see `MLP`.
        linear_skip: Whether a linear model of the numbers and the categories' vectors is added.
        combine: What is averaged over members: `"softmax"` or `"sigmoid"` of the outputs, or the
            outputs themselves (`"mean"`). The combination is returned in terms of outputs.
        device: Where the parameters lie.
        dtype: Their dtype.

    Raises:
        TypeError: A size is no integer.
        ValueError: A size is below 1, there is no column, or a name is unknown.
    """

    kind = "table"

    def __init__(
        self,
        num_numbers: int,
        cardinalities: Sequence[int],
        out_features: int,
        *,
        embedding_dim: int = 16,
        hidden: Sequence[Sequence[int]] = ((8, 16), (8, 16)),
        rank: int = 1,
        members: int = 4,
        frequencies: int = 8,
        dropout: float = 0.0,
        activation: str = "gelu",
        linear_skip: bool = False,
        combine: str = "softmax",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        check_device(device)
        check_dtype(dtype)
        if combine not in _COMBINE:
            raise ValueError(f"combine: expected {', '.join(_COMBINE)}, got {shown(combine)}")
        if not isinstance(dropout, int | float) or not 0 <= dropout < 1:
            raise ValueError(f"dropout: expected a share in [0, 1), got {shown(dropout)}")
        grids = [tuple(as_size("hidden", size) for size in grid) for grid in hidden]
        if not grids or {len(grid) for grid in grids} != {2}:
            raise ValueError(f"hidden: expected pairs of sizes, got {shown(hidden)}")
        self._config: dict[str, Any] = {
            "num_numbers": num_numbers if num_numbers == 0 else as_size("numbers", num_numbers),
            "cardinalities": [as_size("cardinalities", size) for size in cardinalities],
            "out_features": as_size("out_features", out_features),
            "embedding_dim": as_size("embedding_dim", embedding_dim),
            "hidden": [list(grid) for grid in grids],
            "rank": as_size("rank", rank),
            "members": as_size("members", members),
            "frequencies": as_size("frequencies", frequencies),
            "dropout": float(dropout),
            "activation": activation,
            "linear_skip": bool(linear_skip),
            "combine": combine,
        }
        if self.in_features == 0:
            raise ValueError("expected at least one column of numbers or categories, got none")
        make: dict[str, Any] = {"device": device, "dtype": dtype}
        self.embedding = ColumnEmbedding(
            num_numbers, self._config["cardinalities"], embedding_dim, frequencies, **make
        )
        chosen = find_activation(activation)
        self._activation: Callable[[Tensor], Tensor] = chosen.make()
        self._fuses = activation == "gelu"
        self._gain = chosen.gain
        self._add_layers([(self.in_features, embedding_dim), *grids], make)
        self.reset_parameters()
        self._names = (*registered_parameters(self.embedding), *registered_parameters(self))

    def _add_layers(self, grids: list[tuple[int, ...]], make: dict[str, Any]) -> None:
        """Register members' factors, biases and heads for sizes from the embedding's on."""
        members, rank, outs = (self._config[n] for n in ("members", "rank", "out_features"))

        def empty(*shape: int) -> nn.Parameter:
            return nn.Parameter(torch.empty(shape, **make))

        for number, ((rows, columns), (new_rows, new_columns)) in enumerate(pairwise(grids)):
            self.register_parameter(f"left_{number}", empty(members, new_rows, rows, rank))
            self.register_parameter(f"right_{number}", empty(members, columns, rank, new_columns))
            self.register_parameter(f"layer_{number}_bias", empty(members, new_rows, new_columns))
        self.head = empty(members, math.prod(grids[-1]), outs)
        self.head_bias = empty(members, outs)
        if self._config["linear_skip"]:
            codes = len(self._config["cardinalities"]) * self._config["embedding_dim"]
            self.skip = empty(self._config["num_numbers"] + codes, outs)

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Draw members' factors and heads anew; biases and the linear model become zero.

        The embedding has a method of this name too. Where the parameters are spread over
        processes, all take what the first process draws.
        """
        for number in range(len(self._config["hidden"])):
            left, right, bias = self.layer(number)
            rows, rank, columns = left.shape[2], left.shape[3], right.shape[1]
            # Of unit gain behind the embedding, of the activation's behind a layer.
            variance = (1.0 if number == 0 else self._gain**2) / (rank * rows * columns)
            draw_normal(left, variance**0.25)
            draw_normal(right, variance**0.25)
            bias.zero_()
        draw_normal(self.head, self.head.shape[1] ** -0.5)
        self.head_bias.zero_()
        if self._config["linear_skip"]:
            self.skip.zero_()

    @property
    def in_features(self) -> int:
        """Width of the input: numbers, then categories."""
        return int(self._config["num_numbers"]) + len(self._config["cardinalities"])

    @property
    def out_features(self) -> int:
        """Width of the output."""
        return int(self._config["out_features"])

    @property
    def members(self) -> int:
        """Networks that are trained side by side."""
        return int(self._config["members"])

    @property
    def config(self) -> dict[str, Any]:
        """What makes this network again: arguments of the constructor, ready for JSON."""
        return {"kind": self.kind, **self._config}

    def forward(self, x: Tensor) -> Tensor:
        """Apply the network; see the class.

        Args:
            x: Numbers and codes of shape (n, columns).

        Returns:
            Outputs of shape (n, out_features); in training (members * n, out_features).

        Raises:
            ValueError: If `x` has another width.
        """
        if x.dim() != 2 or x.shape[1] != self.in_features:
            raise ValueError(f"expected inputs (n, {self.in_features}), got {tuple(x.shape)}")
        outputs = self.member_outputs(x)
        return (
            outputs.flatten(0, 1) if self.training else _COMBINE[self._config["combine"]](outputs)
        )

    def layer(self, number: int) -> tuple[Tensor, Tensor, Tensor]:
        """Give the parameters of one layer, for all members.

        Args:
            number: Of the layer, from 0.

        Returns:
            `left` of shape (members, a', a, rank), `right` (members, b, rank, b') and the bias
            (members, a', b').
        """
        names = (f"left_{number}", f"right_{number}", f"layer_{number}_bias")
        left, right, bias = (self.get_parameter(name) for name in names)
        return left, right, bias

    def member_outputs(self, x: Tensor) -> Tensor:
        """Compute the outputs of every member.

        Args:
            x: Numbers and codes of shape (n, columns).

        Returns:
            Shape (members, n, out_features).
        """
        layers, share = len(self._config["hidden"]), 0.0
        if self.training:
            share = self._config["dropout"]
        if self._fuses and fuses_networks(x) and (parameters := self._untouched()):
            cardinalities = self._config["cardinalities"]
            return table_network(x, parameters, cardinalities, layers, dropout=share)
        rows = self.embedding(x)
        grids = rows.unsqueeze(0)
        for number in range(layers):
            left, right, bias = self.layer(number)
            residual = grids.shape[0] == left.shape[0] and grids.shape[2:] == bias.shape[1:]
            if self._fuses:
                grids = member_layer(
                    grids, left, right, bias, gelu=True, residual=residual, dropout=share
                )
                continue
            new = drop(self._activation(member_layer(grids, left, right, bias)), share)
            grids = grids + new if residual else new
        outputs = member_head(grids.flatten(2), self.head, self.head_bias)
        if self._config["linear_skip"]:
            numbers = int(self._config["num_numbers"])
            straight = torch.cat((x[:, :numbers], rows[:, numbers:].flatten(1)), dim=1)
            outputs = outputs + straight @ self.skip
        return outputs

    def _untouched(self) -> list[Tensor]:
        """All parameters in their order, if nothing but `forward` runs and no other stands in."""
        own, embedding = registered_parameters(self), registered_parameters(self.embedding)
        if (*embedding, *own) != self._names or any_global_hook():
            return []
        if not is_without_hooks(self.embedding):
            return []
        return [p for p in (*embedding.values(), *own.values()) if p is not None]


def _mean_softmax(outputs: Tensor) -> Tensor:
    return torch.logsumexp(outputs.log_softmax(dim=2), dim=0) - math.log(len(outputs))


def _mean_sigmoid(outputs: Tensor) -> Tensor:
    return outputs.sigmoid().mean(dim=0).logit(eps=1e-7)


def _mean(outputs: Tensor) -> Tensor:
    return outputs.mean(dim=0)


_COMBINE = {"softmax": _mean_softmax, "sigmoid": _mean_sigmoid, "mean": _mean}
