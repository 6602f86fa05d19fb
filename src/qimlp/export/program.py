"""A predictor as a program of torch.export, which runs without qimlp."""

from __future__ import annotations

import io
import os
from pathlib import Path

import torch

from qimlp._version import __version__
from qimlp.export.folder import DEFAULT_NAME, check_name, new_folder, require_free, sizes
from qimlp.export.report import ExportReport
from qimlp.export.runnable.manifest import limits, manifest
from qimlp.export.runnable.probe import probe
from qimlp.export.runnable.runnable import Runnable
from qimlp.export.runnable.trace import quiet, run_program, traced
from qimlp.files import write_bytes, write_json
from qimlp.predictor import Predictor


def to_program(
    predictor: Predictor,
    out: str | os.PathLike[str],
    *,
    name: str = DEFAULT_NAME,
    head: bool = False,
) -> ExportReport:
    """Write a predictor as a program of torch.export: `NAME.pt2`, and `NAME.json` beside it.

    `torch.export.load(file).module()(x)` gives a dictionary of outputs for raw rows, any number of
    them, with torch alone.

    Args:
        predictor: Of a run folder, a saved estimator or a compressed network.
        out: The folder to make.
        name: Of the files.
        head: Of a network on texts, export the part behind the features.

    Returns:
        What was written.

    Raises:
        FileExistsError: If there is something at `out`.
        ValueError: If the predictor has a part that cannot be exported, or the program does not
            answer as it does.
    """
    check_name(name)
    require_free(out)
    runnable = Runnable(predictor, head=head)
    tried = probe(predictor, head=head)
    buffer = io.BytesIO()
    with quiet():
        torch.export.save(traced(runnable, tried), buffer)
        buffer.seek(0)
        difference = tried.difference(run_program(torch.export.load(buffer), tried))
    versions = {"qimlp": __version__, "torch": torch.__version__}
    known = manifest(predictor, runnable, format="program", versions=versions)
    with new_folder(out) as folder:
        write_bytes(folder / f"{name}.pt2", buffer.getvalue())
        write_json(folder / f"{name}.json", known)
        files = sizes(folder)
    rows = (
        ("parameters", f"{known['parameters']:,}"),
        ("largest difference", f"{difference:.1e} to the network's answers"),
    )
    notes = (*limits(predictor, head=head), "a .pt2 file can run code: load only those you trust")
    details = {**known, "difference": difference}
    return ExportReport("program", Path(out), files, rows, notes, details)
