"""Compress what lies in a folder into another folder, which is there whole or not at all."""

from __future__ import annotations

import copy
import os
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from torch import nn

from qimlp.compression import CompressionConfig, call_model, speed_ratio
from qimlp.data import PACKAGED
from qimlp.files import printable, whole_folder, write_json
from qimlp.training.compressing.encoder import open_encoder
from qimlp.training.compressing.front import Front, Point
from qimlp.training.compressing.request import CompressionRequest, point_name
from qimlp.training.compressing.subject import Subject
from qimlp.training.compressing.trained import open_trained
from qimlp.training.distillation.compress import compress_
from qimlp.training.distillation.distill import distill

_REPORT, _REPORT_FIGURE = "report.json", "report.png"
_FRONT, _FRONT_FIGURE = "front.json", "front.png"
_NO_DATA = (
    "no calibration data: layers are fitted to their weights alone, which costs accuracy, and "
    "nothing is judged; name data to calibrate on"
)


def compress_folder(
    source: str | os.PathLike[str],
    request: CompressionRequest,
    *,
    out: str | os.PathLike[str],
    overwrite: bool = False,
    on_progress: Callable[[str], None] | None = None,
) -> Front:
    """Compress a run, a saved predictor or a transformers encoder to one or more sizes.

    One budget writes the network into `out`; several write one folder for each below it, with
    `front.json` and `front.png`. Each has a `report.json` and a `report.png`.

    Args:
        source: A run folder, that of a saved predictor, or that of an encoder.
        request: Budgets, calibration data, distillation.
        out: The folder to make.
        overwrite: Replace an earlier compression there.
        on_progress: Told what is done next, one line each.

    Returns:
        The original and its compressed networks.

    Raises:
        FileExistsError: If something is in the way.
        FileNotFoundError: If there is no such source or calibration data.
        ValueError: If a file is damaged, a budget cannot be reached, or there is nothing to
            compress.
        OSError: If the folder cannot be written.
    """
    target = Path(out)
    _require_free(target, Path(source), overwrite=overwrite)
    tell = on_progress or _nobody
    tell(f"reading {printable(os.fspath(source))}")
    subject = open_subject(os.fspath(source), request)
    if request.distill_steps and not subject.calibration:
        raise ValueError("distill: expected data to train on; name it as calibration data")
    several = len(request.configs) > 1
    with whole_folder(target, replace=overwrite) as folder:
        points = []
        for config in request.configs:
            name = point_name(config)
            tell(f"{name}: compressing")
            network, point = _compressed(subject, config, request.distill_steps, tell)
            place = folder / name if several else folder
            place.mkdir(exist_ok=True)
            subject.save(network, place)
            write_json(place / _REPORT, point.to_dict())
            point.report.figure(place / _REPORT_FIGURE)
            points.append(point)
        front = _front(subject, request, points)
        if several:
            write_json(folder / _FRONT, front.to_dict())
            if front.scores:
                from qimlp.training.compressing.front_figure import (  # noqa: PLC0415 - slow
                    plot_front,
                )

                plot_front(front, folder / _FRONT_FIGURE)
    return front


def open_subject(source: str, request: CompressionRequest) -> Subject:
    """Load what is to be compressed, whichever kind it is.

    Args:
        source: A folder, or the name of a packaged encoder.
        request: What is asked for.

    Returns:
        The subject.

    Raises:
        FileNotFoundError: If it is none of these.
        ValueError: If a file is damaged.
    """
    folder = Path(source)
    if folder.is_dir() and not (folder / "config.json").is_file():
        return open_trained(folder, request)
    if (folder / "preprocess.json").is_file():
        return open_trained(folder, request)
    if not folder.is_dir() and source not in PACKAGED:  # a slip must not ask the hub
        raise FileNotFoundError(
            f"{printable(source)}: expected a run folder, that of a saved model or that of a text "
            f"encoder, found no such folder (nor is it {', '.join(PACKAGED)}, which is a package)"
        )
    if (folder.parent / "settings.json").is_file():
        raise FileNotFoundError(
            f"{printable(source)}: expected a run folder, got the weights in one; name "
            f"{printable(str(folder.parent))}"
        )
    return open_encoder(source, request)


def _compressed(
    subject: Subject, config: CompressionConfig, steps: int, tell: Callable[[str], None]
) -> tuple[nn.Module, Point]:
    start = time.perf_counter()
    network = copy.deepcopy(subject.network)
    try:
        with warnings.catch_warnings():
            if not subject.calibration:  # a note says it
                warnings.simplefilter("ignore", UserWarning)
            report = compress_(network, config, calibration=subject.calibration or None)
    except ValueError as error:
        raise ValueError(f"{printable(subject.name)}: {error}") from None
    if not report.replaced:
        raise ValueError(
            f"{printable(subject.name)}: max_parameters: expected fewer than the "
            f"{report.parameters_before:,} that its layers have, got {config.max_parameters:,}"
        )
    if steps:
        tell(f"{point_name(config)}: distilling for {steps:,} steps")
        found = distill(network, subject.network, subject.tuning, steps=steps)
        report = replace(report, notes=(*report.notes, str(found)))
    seconds = time.perf_counter() - start
    tell(f"{point_name(config)}: measuring")
    return network, Point(
        name=point_name(config),
        config=config,
        report=report,
        parameters=_parameters(network),
        scores=subject.scores(network),
        speed=_speed(subject, network),
        seconds=seconds,
    )


def _front(subject: Subject, request: CompressionRequest, points: list[Point]) -> Front:
    return Front(
        name=subject.name,
        parameters=_parameters(subject.network),
        scores=subject.scores(subject.network),
        floor=subject.floor,
        calibrated_on=subject.calibrated_on,
        distill_steps=request.distill_steps,
        points=tuple(sorted(points, key=lambda point: -point.parameters)),
        notes=subject.notes if subject.calibration else (*subject.notes, _NO_DATA),
    )


@torch.inference_mode()
def _speed(subject: Subject, network: nn.Module) -> float | None:
    if not subject.calibration:
        return None
    batch = subject.calibration[len(subject.calibration) // 2]
    device = next(network.parameters()).device
    before = partial(call_model, subject.network, batch)
    return speed_ratio(before, partial(call_model, network, batch), device=device)


def _parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def _require_free(out: Path, source: Path, *, overwrite: bool) -> None:
    """Refuse a folder that is there, unless it is an earlier compression to be replaced."""
    if not os.path.lexists(out):
        return
    if out.is_dir() and out.resolve() in (source.resolve(), *source.resolve().parents):
        raise FileExistsError(
            f"{printable(str(out))} holds what is to be compressed; choose another --out"
        )
    name = printable(str(out))
    if not overwrite:
        raise FileExistsError(f"{name} exists; choose another --out, or --overwrite")
    if not any((out / file).is_file() for file in (_REPORT, _FRONT)):
        raise FileExistsError(
            f"{name} exists and holds no earlier compression, so it is not overwritten; choose "
            "another --out"
        )


def _nobody(_text: str) -> None: ...
