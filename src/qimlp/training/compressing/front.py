"""What came of compressing one network to several sizes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from qimlp.compression import CompressionConfig, CompressionReport


@dataclass(frozen=True, kw_only=True)
class Point:
    """One compressed network.

    Attributes:
        name: Of its budget, and of its folder where there are several.
        config: What was asked for.
        report: What became of each layer.
        parameters: Of the whole network.
        scores: By name; see `Subject.scores`.
        speed: Time of the original for one batch over that of this one; None where not measured.
        seconds: What fitting, and distilling where asked for, took.
    """

    name: str
    config: CompressionConfig
    report: CompressionReport
    parameters: int
    scores: Mapping[str, float] = field(default_factory=dict)
    speed: float | None = None
    seconds: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Give what JSON can hold."""
        return {
            "name": self.name,
            "parameters": self.parameters,
            "scores": dict(self.scores),
            "speed": self.speed,
            "seconds": self.seconds,
            "config": asdict(self.config),
            "report": self.report.to_dict(),
        }


@dataclass(frozen=True, kw_only=True)
class Front:
    """The original, and one compressed network for each budget.

    Attributes:
        name: What was compressed.
        parameters: Of the whole original.
        scores: The original's, by name, the one that counts most first.
        floor: Those of an answer that looks at nothing, where that is worth knowing.
        calibrated_on: The data, in words.
        distill_steps: Steps of distillation after compressing.
        points: By falling number of parameters.
        notes: Choices that were made for the user.
    """

    name: str
    parameters: int
    scores: Mapping[str, float]
    floor: Mapping[str, float]
    calibrated_on: str
    distill_steps: int
    points: tuple[Point, ...]
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Give what JSON can hold."""
        return {
            "name": self.name,
            "parameters": self.parameters,
            "scores": dict(self.scores),
            "floor": dict(self.floor),
            "calibrated_on": self.calibrated_on,
            "distill_steps": self.distill_steps,
            "notes": list(self.notes),
            "points": [point.to_dict() for point in self.points],
        }

    def columns(self) -> tuple[str, ...]:
        """Name the columns of the table."""
        return ("network", "parameters", "fewer", *self.scores, "speed", "forms")

    def rows(self) -> list[tuple[str, ...]]:
        """Render the table: the original, its compressed forms, and the floor where there is one.

        Returns:
            One text for each of `columns`; what is not known is `-`.
        """
        names = list(self.scores)
        rows = [("original", f"{self.parameters:,}", "1x", *_values(self.scores, names), "1x", "")]
        for point in self.points:
            fewer = f"{self.parameters / point.parameters:.3g}x"
            speed = "-" if point.speed is None else f"{point.speed:.2f}x"
            values = _values(point.scores, names)
            rows.append(
                (point.name, f"{point.parameters:,}", fewer, *values, speed, _forms(point.report))
            )
        if self.floor:
            rows.append(("mean answer", "", "", *_values(self.floor, names), "", ""))
        return rows


def _values(scores: Mapping[str, float], names: list[str]) -> list[str]:
    return [f"{scores[name]:.4f}" if name in scores else "-" for name in names]


def _forms(report: CompressionReport) -> str:
    forms = [layer.form for layer in report.layers]
    counts = {form: forms.count(form) for form in ("low_rank", "kronecker", "dense")}
    words = {"low_rank": "low rank", "kronecker": "Kronecker", "dense": "dense"}
    return ", ".join(f"{count} {words[form]}" for form, count in counts.items() if count)
