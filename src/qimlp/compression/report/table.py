"""A report as plain text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from qimlp.files import printable
from qimlp.shapes import format_dims

if TYPE_CHECKING:
    from qimlp.compression.report.layer import LayerReport
    from qimlp.compression.report.report import CompressionReport

UNKNOWN = "-"
_COLUMNS = (
    "layer",
    "kind",
    "form",
    "dims",
    "rank",
    "before",
    "after",
    "share",
    "error",
    "tuned",
    "weight",
    "predicted",
    "measured",
)
_TEXTS = 4
"""How many columns, from the left, hold text."""
_LISTED = 6


def report_text(report: CompressionReport) -> str:
    """Render a report as a table, totals and remarks.

    Args:
        report: The report.

    Returns:
        Lines of plain text; what is not known is `-`.
    """
    lines = [*_table([_COLUMNS, *map(_cells, report.layers)]), ""] if report.layers else []
    lines += [*_totals(report), *_errors(report), *_speed(report), *_left(report)]
    lines += [f"Note: {note}" for note in report.notes]
    return "\n".join(lines)


def _cells(layer: LayerReport) -> tuple[str, ...]:
    dims = f"{format_dims(layer.in_dims)}->{format_dims(layer.out_dims)}"
    return (
        printable(layer.name, 60),
        printable(layer.kind, 20),
        layer.form,
        dims,
        UNKNOWN if layer.rank is None else f"{layer.rank:,}",
        f"{layer.parameters_before:,}",
        f"{layer.parameters_after:,}",
        UNKNOWN if layer.share is None else f"{layer.share:.1%}",
        *map(_number, (layer.error, layer.tuned_error, layer.weight_error)),
        _times(layer.predicted_speed),
        _times(layer.measured_speed),
    )


def _number(value: float | None) -> str:
    if value is None:
        return UNKNOWN
    return f"{value:.4f}" if value >= 1e-3 or value == 0 else f"{value:.0e}"


def _times(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.2f}x"


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (
            f"{cell:<{width}}" if index < _TEXTS else f"{cell:>{width}}"
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield "  ".join(cells).rstrip()


def _totals(report: CompressionReport) -> Iterator[str]:
    if report.ratio is None:
        yield "No layer was replaced."
    else:
        before, after = report.parameters_before, report.parameters_after
        dense = len(report.layers) - len(report.replaced)
        kept = f", {dense} of them dense still" if dense else ""
        of = f"{len(report.layers)} layer{'s' * (len(report.layers) > 1)}{kept}"
        yield f"{of}: {before:,} -> {after:,} parameters, {report.ratio:.4g}x fewer"
    before_all, after_all = report.model_parameters_before, report.model_parameters_after
    if before_all is not None and after_all:
        times = before_all / after_all
        yield f"Whole model: {before_all:,} -> {after_all:,} parameters, {times:.4g}x fewer"


def _errors(report: CompressionReport) -> Iterator[str]:
    if any(layer.error not in (None, layer.weight_error) for layer in report.replaced):
        yield (
            "Error: of a layer's outputs over those wanted, on the calibration data; where layers "
            "are fitted in turn, wanted is what the dense layer makes of inputs half-way between "
            "the original model's and those that the new layers before let through."
        )


def _speed(report: CompressionReport) -> Iterator[str]:
    if any(layer.speed is not None for layer in report.replaced):
        rows = "" if report.speed_rows is None else f" at {report.speed_rows:,} rows of input"
        yield f"Speed: time of the dense layer over that of the new one{rows}; above 1 is faster."
    if report.not_faster:
        names = [layer.name for layer in report.not_faster]
        yield f"No faster than dense: {_listed(names)}"


def _left(report: CompressionReport) -> Iterator[str]:
    by_reason: dict[tuple[str, str], list[str]] = {}
    for layer in report.left_alone:
        by_reason.setdefault((layer.kind, layer.reason), []).append(layer.name)
    for (kind, reason), names in by_reason.items():
        yield f"Left alone: {_listed(names)} ({printable(kind, 40)}): {reason}"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(printable(name, 60) for name in names[:_LISTED]) + more
