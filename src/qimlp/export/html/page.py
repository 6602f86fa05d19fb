"""From a `Predictor` to one file that a browser opens."""

from __future__ import annotations

import json
import os
from math import isnan
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qimlp.data import TableFeatures
from qimlp.export.describe import describe, require_exportable, require_predictor
from qimlp.export.description import Description
from qimlp.export.folder import DEFAULT_NAME, check_name, new_folder, sizes
from qimlp.export.html.answers import page_task
from qimlp.export.html.columns import column_fields, page_columns, raw_values
from qimlp.export.html.form import MOST_FIELDS, plain_fields
from qimlp.export.html.picture import page_picture, thumbnails
from qimlp.export.html.template import fill
from qimlp.export.html.weights import PageNetwork, page_layers, page_members, page_scaling
from qimlp.export.report import ExportReport
from qimlp.files import write_bytes
from qimlp.models import TableNetwork, inner_network
from qimlp.predictor import Predictor

_WITHOUT_EXAMPLES = (
    "without examples: where values lie is as the scaling knows it, and there is none to try"
)
_ANSWERS = {"classification": "network/softmax.js", "multi-label": "network/sigmoid.js"}
_LOOKED_AT = 200
"""Rows of which examples are chosen, so that their answers differ."""


def to_html(
    predictor: Predictor,
    out: str | os.PathLike[str],
    *,
    name: str = DEFAULT_NAME,
    title: str | None = None,
    examples: Any = None,
    shown: int = 6,
) -> ExportReport:
    """Write a network as a page: draw, or fill in a form, and see what it answers.

    The page is one file that loads nothing and sends nothing. It computes in double precision.

    Args:
        predictor: On images of one or three channels, or on columns of numbers and categories.
        out: Folder to make.
        name: Of the file, without `.html`.
        title: Of the page; by default the name.
        examples: Training rows as `Predictor.predict` takes them, not ordered or scaled. The
            form's ranges and medians are theirs. Without them ranges are as far as the scaling
            knows them.
        shown: How many of them lie in the page, to try.

    Returns:
        What was written.

    Raises:
        ValueError: If the page cannot do something that the network needs, or a name is unusable.
        FileExistsError: If there is a folder `out`.
        OSError: If it cannot be written.
    """
    check_name(name)
    require_predictor(predictor)
    shown_title = str(title) if title is not None else name.replace("_", " ")
    if predictor.features.table is not None:
        network, data = _of_columns(predictor, predictor.features.table, examples, shown)
    else:
        network, data = _of_features(predictor, examples, shown)
    data |= {
        **network.sizes,
        "task": page_task(predictor.task),
        "figures": [network.parameters, network.multiply_adds],
        "weights": network.text(),
    }
    with new_folder(out) as folder:
        write_bytes(folder / f"{name}.html", _page(shown_title, data))
        written = sizes(folder)
    figures = {"parameters": network.parameters, "multiply_adds": network.multiply_adds}
    return ExportReport(
        format="html",
        folder=Path(out),
        files=written,
        rows=tuple((what.replace("_", "-"), f"{count:,}") for what, count in figures.items()),
        notes=() if examples is not None else (_WITHOUT_EXAMPLES,),
        details=figures,
    )


def _of_features(
    predictor: Predictor, examples: Any, shown: int
) -> tuple[PageNetwork, dict[str, Any]]:
    """A network on images, or on columns that are all numbers."""
    described = describe(predictor, quantiles=True)
    kind = predictor.scaling.kind
    rows = None
    chosen: list[int] = []
    if examples is not None:
        rows = _rows(examples, described.in_features)
        chosen = _varied(predictor, rows, shown)
    data: dict[str, Any] = {"scaling": _scaling(described)}
    if described.pixels:
        data["picture"] = page_picture(described, kind, rows)
        data["examples"] = [] if rows is None else thumbnails(data["picture"], rows, chosen)
        return page_layers(described), data
    _require_few(described.in_features)
    data["fields"] = plain_fields(
        described.feature_names,
        described.in_features,
        (kind, described.shift, described.scale),
        rows,
    )
    data["examples"] = [] if rows is None else _plain(rows[chosen])
    return page_layers(described), data


def _of_columns(
    predictor: Predictor, table: TableFeatures, examples: Any, shown: int
) -> tuple[PageNetwork, dict[str, Any]]:
    """A network on columns of any kind."""
    require_exportable(predictor)
    _require_few(len(table.columns))
    kinds = predictor.features.columns
    data: dict[str, Any] = {"table": page_columns(table)}
    rows = None
    chosen: list[int] = []
    if examples is not None:
        rows = raw_values(table, kinds, examples)
        chosen = list(range(min(len(rows), shown)))
    data["fields"] = column_fields(table, kinds, rows)
    data["examples"] = [] if rows is None else _plain(rows[chosen])
    network = inner_network(predictor.network)
    if isinstance(network, TableNetwork):
        return page_members(network), data
    described = describe(predictor, quantiles=True)
    data["scaling"] = _scaling(described)
    return page_layers(described), data


def _scaling(described: Description) -> list[Any]:
    return page_scaling(described.shift, described.scale, described.order, described.in_features)


def _rows(examples: Any, width: int) -> NDArray[np.float64]:
    try:
        rows = np.asarray(examples, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"examples: expected numbers of shape (n, {width})") from None
    if rows.ndim < 2 or not len(rows) or rows[0].size != width or not np.isfinite(rows).all():
        raise ValueError(
            f"examples: expected finite numbers of shape (n, {width}), got shape {rows.shape}"
        )
    return rows.reshape(len(rows), width)


def _varied(predictor: Predictor, rows: NDArray[np.float64], shown: int) -> list[int]:
    """Rows with different answers, as far as there are such."""
    some = rows[:_LOOKED_AT]
    answers = predictor.predict(some.astype(np.float32))
    if answers.ndim > 1 or not predictor.task.class_names:
        return list(range(min(len(some), shown)))
    first = {answer: row for row, answer in reversed(list(enumerate(answers.tolist())))}
    others = [row for row in range(len(some)) if row not in first.values()]
    return sorted([*sorted(first.values()), *others][:shown])


def _plain(rows: NDArray[np.float64]) -> list[list[float | None]]:
    """Rows as JSON has them: what is missing is null."""
    return [[None if isnan(value) else value for value in row] for row in rows.tolist()]


def _require_few(columns: int) -> None:
    if columns > MOST_FIELDS:
        raise ValueError(
            f"expected at most {MOST_FIELDS:,} columns for a page that a person fills in, got "
            f"{columns:,}; export it as onnx, c or program"
        )


def _page(title: str, data: dict[str, Any]) -> bytes:
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    text = text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    part = "picture" if "picture" in data else "form"
    kind = data["task"]["kind"]
    network = ["network/network.js", _ANSWERS.get(kind, "network/units.js")]
    if "table" in data:
        network.append("network/table.js")
        network.append(
            "network/members.js" if "members" in data else "network/layers_of_columns.js"
        )
    else:
        network.append("network/layers.js")
    interface = [
        "interface/answers.js",
        "interface/chances.js" if kind in _ANSWERS else "interface/values.js",
        f"interface/{part}.js",
    ]
    return fill(
        title,
        text,
        f"interface/{part}.html",
        ("interface/page.css", f"interface/{part}.css"),
        (network, interface),
    )
