"""Write a predictor as an ONNX file."""

from __future__ import annotations

import os
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from qimlp._version import __version__
from qimlp.export.folder import DEFAULT_NAME, check_name, new_folder, require_free, sizes
from qimlp.export.onnx.check import run_model
from qimlp.export.onnx.convert import OPSET, onnx_model
from qimlp.export.onnx.texts import take_texts
from qimlp.export.report import ExportReport
from qimlp.export.runnable.manifest import limits, manifest
from qimlp.export.runnable.probe import probe
from qimlp.export.runnable.runnable import Runnable
from qimlp.export.runnable.tables import TablePreparation
from qimlp.files import write_bytes, write_json
from qimlp.predictor import Predictor

_NEEDS = ("onnx", "onnxscript", "onnxruntime")


def to_onnx(
    predictor: Predictor,
    out: str | os.PathLike[str],
    *,
    name: str = DEFAULT_NAME,
    head: bool = False,
) -> ExportReport:
    """Write a predictor as an ONNX model: `NAME.onnx`, and `NAME.json` beside it.

    The model takes raw rows, any number of them: scaling, order, codes of categories and the
    targets' units are inside. It is run in ONNX Runtime and compared before it is put in place.

    Args:
        predictor: Of a run folder, a saved estimator or a compressed network.
        out: The folder to make.
        name: Of the files.
        head: Of a network on texts, export the part behind the features.

    Returns:
        What was written.

    Raises:
        FileExistsError: If there is something at `out`.
        ImportError: If a package of the `[export]` extra is not installed.
        ValueError: If the predictor has a part that cannot be exported, or the model does not
            answer as it does.
    """
    check_name(name)
    require_free(out)
    _require_packages()
    runnable = Runnable(predictor, head=head, compact=True)
    tried = probe(predictor, head=head)
    versions = {"qimlp": __version__, **{name: version(name) for name in ("torch", *_NEEDS)}}
    known = manifest(predictor, runnable, format="onnx", opset=OPSET, versions=versions)
    model = onnx_model(runnable, tried, _metadata(known))
    preparation = runnable.preparation
    if isinstance(preparation, TablePreparation) and preparation.codes:
        take_texts(model, "categories", preparation.codes)
        _tell_of_texts(known)
    content = model.SerializeToString(deterministic=True)
    difference = tried.difference(run_model(content, tried))
    with new_folder(out) as folder:
        write_bytes(folder / f"{name}.onnx", content)
        write_json(folder / f"{name}.json", known)
        files = sizes(folder)
    rows = (
        ("parameters", f"{known['parameters']:,}"),
        ("opset", str(OPSET)),
        ("largest difference", f"{difference:.1e} to torch, in ONNX Runtime"),
    )
    details = {**known, "difference": difference}
    return ExportReport("onnx", Path(out), files, rows, limits(predictor, head=head), details)


def _metadata(known: dict[str, Any]) -> dict[str, Any]:
    """What travels inside the file; what is empty does not."""
    columns = {each["name"]: each["columns"] for each in known["inputs"] if "columns" in each}
    chosen = {key: known[key] for key in ("task", "class_names", "target_names", "fingerprint")}
    return {key: value for key, value in {**chosen, "columns": columns}.items() if value}


def _tell_of_texts(known: dict[str, Any]) -> None:
    """Say that categories are texts here."""
    for each in known["inputs"]:
        if each["name"] == "categories":
            each["dtype"] = "string"
            each["missing"] = "any text that is no category, such as the empty one"


def _require_packages() -> None:
    missing = [package for package in _NEEDS if find_spec(package) is None]
    if missing:
        names = ", ".join(missing)
        raise ImportError(
            f'an ONNX file needs {names}, not installed here: pip install "qimlp[export]"'
        )
