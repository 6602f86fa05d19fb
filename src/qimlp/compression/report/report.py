"""What a compression did to a whole model."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from torch import nn

from qimlp.compression.report.layer import (
    LayerReport,
    LeftAlone,
    as_text,
    check_keys,
    check_list,
    count_or_none,
)
from qimlp.compression.report.table import report_text
from qimlp.compression.swap import restore_
from qimlp.files import shown


@dataclass(frozen=True, kw_only=True)
class CompressionReport:
    """What a compression did to a model; `print` it.

    Attributes:
        layers: Those that were looked at, in order of execution; one that no smaller form was
            worth it for stayed dense and counts too.
        left_alone: Those that were not, each with the reason.
        model_parameters_before: All parameters of the model that was given, each counted once;
            None where nobody counted.
        model_parameters_after: The same of what it is now.
        notes: Choices that were made for the user, and warnings, one line each.
        speed_rows: Rows of input that the speeds are given for, None where there are none.
    """

    layers: tuple[LayerReport, ...] = ()
    left_alone: tuple[LeftAlone, ...] = ()
    model_parameters_before: int | None = None
    model_parameters_after: int | None = None
    notes: tuple[str, ...] = ()
    speed_rows: int | None = None

    def __post_init__(self) -> None:
        total = self.parameters_after
        layers = tuple(
            layer
            if layer.share is not None or not total
            else replace(layer, share=layer.parameters_after / total)
            for layer in self.layers
        )
        object.__setattr__(self, "layers", layers)
        object.__setattr__(self, "left_alone", tuple(self.left_alone))
        object.__setattr__(self, "notes", tuple(self.notes))

    @property
    def parameters_before(self) -> int:
        """Parameters of the layers that were looked at, before."""
        return sum(layer.parameters_before for layer in self.layers)

    @property
    def parameters_after(self) -> int:
        """Parameters of the layers that were looked at, now."""
        return sum(layer.parameters_after for layer in self.layers)

    @property
    def ratio(self) -> float | None:
        """Parameters of those layers before over after; None without any."""
        return self.parameters_before / self.parameters_after if self.layers else None

    @property
    def replaced(self) -> tuple[LayerReport, ...]:
        """The layers that were replaced."""
        return tuple(layer for layer in self.layers if layer.replaced)

    @property
    def not_faster(self) -> tuple[LayerReport, ...]:
        """The replaced layers that are no faster than the dense ones were."""
        return tuple(
            layer for layer in self.replaced if layer.speed is not None and layer.speed <= 1
        )

    def __str__(self) -> str:
        return report_text(self)

    def to_dict(self) -> dict[str, Any]:
        """Give what JSON can hold, with the totals."""
        return {
            "parameters_before": self.parameters_before,
            "parameters_after": self.parameters_after,
            "ratio": self.ratio,
            "model_parameters_before": self.model_parameters_before,
            "model_parameters_after": self.model_parameters_after,
            "speed_rows": self.speed_rows,
            "layers": [layer.to_dict() for layer in self.layers],
            "left_alone": [asdict(layer) for layer in self.left_alone],
            "notes": list(self.notes),
        }

    def to_json(self) -> str:
        """Render `to_dict` as JSON."""
        return json.dumps(self.to_dict(), indent=2, allow_nan=False)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> CompressionReport:
        """Make the report that `to_dict` gave.

        Args:
            values: From JSON.

        Returns:
            The report.

        Raises:
            ValueError: A key is missing or unknown, or a value is of another kind.
        """
        names = [field.name for field in fields(cls)]
        check_keys("the report", values, [*names, *_TOTALS])
        for name in ("layers", "left_alone", "notes"):
            check_list(name, values[name])
        report = cls(
            layers=tuple(LayerReport.from_dict(layer) for layer in values["layers"]),
            left_alone=tuple(_left_alone(layer) for layer in values["left_alone"]),
            notes=tuple(as_text("notes", note) for note in values["notes"]),
            **{name: count_or_none(name, values[name]) for name in _COUNTS},
        )
        for name in _TOTALS:
            if values[name] != getattr(report, name):
                raise ValueError(
                    f"{name}: expected {getattr(report, name)}, which the layers add up to, "
                    f"got {shown(values[name])}"
                )
        return report

    def figure(self, path: str | os.PathLike[str]) -> None:
        """Draw parameters before and after and the errors, layer by layer, as one PNG file.

        Args:
            path: The file, written whole or not at all.

        Raises:
            ImportError: If matplotlib is missing (`pip install "qimlp[train]"`).
            ValueError: If no layer was looked at.
            OSError: If it cannot be written.
        """
        from qimlp.compression.report.figure import plot_report  # noqa: PLC0415 - an extra

        plot_report(self, Path(path))

    def restore(self, model: nn.Module) -> list[str]:
        """Put dense layers back that compute what the compressed ones do, in place.

        Args:
            model: The model that was compressed, or a copy of it.

        Returns:
            The names of the layers that are dense now; see `restore_`.

        Raises:
            ValueError: The model is itself such a layer.
        """
        return restore_(model)


_TOTALS = ("parameters_before", "parameters_after", "ratio")
_COUNTS = ("model_parameters_before", "model_parameters_after", "speed_rows")


def _left_alone(values: Any) -> LeftAlone:
    names = [field.name for field in fields(LeftAlone)]
    check_keys("a layer that was left alone", values, names)
    return LeftAlone(**{name: as_text(name, values[name]) for name in names})
