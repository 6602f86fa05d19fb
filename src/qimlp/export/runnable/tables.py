"""The columns of a table as a network's inputs: robust scaling, gaps and codes."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from qimlp.data import TableFeatures
from qimlp.export.runnable.inputs import Input
from qimlp.files import shown

_CLIP, _FAR = 3.0, 1e6  # as of RobustScaling


class TablePreparation(nn.Module):
    """Numbers with NaN for what is missing, and codes of categories, as `TableFeatures` has them.

    Args:
        features: How the columns become features.

    Raises:
        ValueError: If there is a column of dates or texts.
    """

    centre: Tensor
    scale: Tensor
    kept: Tensor | None
    gaps: Tensor | None

    def __init__(self, features: TableFeatures) -> None:
        super().__init__()
        for column in features.columns:
            if column.use not in ("number", "category"):
                raise ValueError(
                    f"expected a table of numbers and categories, got the column "
                    f"{shown(column.name, 60)} of {column.use}s, which is not exported; leave it "
                    "out (--drop) and train anew"
                )
        scaling = features.scaling
        numbers = [column for column in features.columns if column.use == "number"]
        codes = [column for column in features.columns if column.use == "category"]
        scale = torch.tensor(scaling.scale, dtype=torch.float64)
        kept = (scale > 0).nonzero().flatten()
        gaps = torch.tensor(scaling.missing, dtype=torch.bool).nonzero().flatten()
        everything = len(kept) == len(scale)
        self.register_buffer("centre", torch.tensor(scaling.centre, dtype=torch.float64)[kept])
        self.register_buffer("scale", scale[kept])
        self.register_buffer("kept", None if everything else kept.int())
        self.register_buffer("gaps", gaps.int() if len(gaps) else None)
        inputs = []
        if numbers:
            says: dict[str, Any] = {"columns": [c.name for c in numbers], "missing": "NaN"}
            inputs.append(Input("numbers", "float64", len(numbers), says))
        if codes:
            says = {"columns": [c.name for c in codes], "missing": 0}
            inputs.append(Input("categories", "int64", len(codes), says))
        self.inputs = tuple(inputs)
        self.codes = tuple(text_codes(column.values) for column in codes)

    def forward(self, *inputs: Tensor) -> Tensor:
        """Prepare raw rows.

        Args:
            inputs: Numbers of shape (n, columns), `float64`, and codes of shape (n, categories),
                `int64`; those that there are.

        Returns:
            `float32` of shape (n, in_features): numbers, indicators of gaps, codes.
        """
        parts, rest = [], list(inputs)
        if self.inputs[0].name == "numbers":
            parts += self._numbers(rest.pop(0))
        parts += [codes.float() for codes in rest]
        return parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)

    def _numbers(self, numbers: Tensor) -> list[Tensor]:
        missing = torch.isnan(numbers)
        known, absent = numbers, missing
        if self.kept is not None:
            known, absent = (torch.index_select(each, 1, self.kept) for each in (known, absent))
        scaled = ((known - self.centre) / self.scale).clamp(-_FAR, _FAR).float()
        scaled = scaled / torch.sqrt(torch.square(scaled / _CLIP) + 1)
        parts = [torch.where(absent, 0.0, scaled)] if len(self.scale) else []
        if self.gaps is not None:
            parts.append(torch.index_select(missing, 1, self.gaps).float())
        return parts


def text_codes(values: tuple[Any, ...]) -> dict[str, int]:
    """Find the code of each text: of a value itself, or of one that is written so.

    Args:
        values: Of a category, those that have a code.

    Returns:
        Codes from 1 by text, as `TableFeatures` gives them to texts; every other text has code 0.
    """
    codes: dict[Any, int] = {value: code for code, value in enumerate(values, start=1)}
    for code, value in enumerate(values, start=1):
        codes.setdefault(str(value), code)
    return {text: code for text, code in codes.items() if isinstance(text, str)}
