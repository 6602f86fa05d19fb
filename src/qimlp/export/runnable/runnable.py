"""A predictor as one module: raw rows in, answers out."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from qimlp.export.describe import layers_of, require_exportable
from qimlp.export.runnable.answers import answer_names, answers
from qimlp.export.runnable.inputs import ArrayPreparation, Input
from qimlp.export.runnable.layers import arranged
from qimlp.export.runnable.tables import TablePreparation
from qimlp.models import MLP, LowRankMLP, QiMLP, TableNetwork, inner_network
from qimlp.predictor import Predictor


@dataclass(frozen=True)
class Output:
    """One tensor that an artefact gives.

    Attributes:
        name: `"logits"`, `"probabilities"` or `"values"`.
        dtype: `"float32"` or `"float64"`.
        columns: What each number of a row is of.
    """

    name: str
    dtype: str
    columns: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Give plain data for JSON."""
        shape = ["n", len(self.columns)]
        columns = list(self.columns)
        return {"name": self.name, "dtype": self.dtype, "shape": shape, "columns": columns}


class Runnable(nn.Module):
    """Preparation, network and task of a predictor, on the CPU.

    Args:
        predictor: Any that can be exported.
        head: Whether of a network on texts the part behind the features is meant.
        compact: Whether constants stay as small as they are stored; see `arranged`.

    Raises:
        ValueError: If there is a part that cannot be exported.
    """

    def __init__(self, predictor: Predictor, *, head: bool = False, compact: bool = False) -> None:
        super().__init__()
        require_exportable(predictor, head=head)
        table = predictor.features.table
        self.preparation: ArrayPreparation | TablePreparation
        if table is None or head:
            self.preparation = ArrayPreparation(predictor)
        else:
            self.preparation = TablePreparation(table)
        network = inner_network(predictor.network)
        self._dtype = next(network.parameters()).dtype
        if self._dtype not in (torch.float32, torch.float64):
            self._dtype = torch.float32
        if isinstance(network, QiMLP | MLP | LowRankMLP):
            layers = tuple(layers_of(network.layers))
            self.network: nn.Module = arranged(layers, self._dtype, compact=compact)
        elif isinstance(network, TableNetwork):
            _require_finite(network)
            self.network = copy.deepcopy(network).to("cpu", self._dtype).requires_grad_(False)
        else:
            kind = getattr(network, "kind", type(network).__name__)
            raise ValueError(  # noqa: TRY004 - the folder is wrong, not the argument
                f"expected a network of kind qimlp, mlp, low-rank or table, got kind {kind!r}, "
                "which is not exported"
            )
        self.task = predictor.task.plain()
        self.eval()

    @property
    def inputs(self) -> tuple[Input, ...]:
        """What it takes, in order."""
        return self.preparation.inputs

    @property
    def outputs(self) -> tuple[Output, ...]:
        """What it gives, in order."""
        names = answer_names(self.task)
        if self.task.answers_are_probabilities:
            return (Output("logits", "float32", names), Output("probabilities", "float32", names))
        return (Output("values", "float64", names),)

    def forward(self, *inputs: Tensor) -> dict[str, Tensor]:
        """Answer raw rows.

        Args:
            inputs: As `inputs` says.

        Returns:
            As `outputs` says, by name.
        """
        prepared = self.preparation(*inputs)
        outputs = self.network(prepared.to(self._dtype)).float()
        answered = answers(self.task, outputs)
        if self.task.answers_are_probabilities:
            return {"logits": outputs, "probabilities": answered}
        return {"values": answered}


def _require_finite(network: nn.Module) -> None:
    if not all(bool(torch.isfinite(parameter).all()) for parameter in network.parameters()):
        raise ValueError("the network's weights hold numbers that are not finite; train it anew")
