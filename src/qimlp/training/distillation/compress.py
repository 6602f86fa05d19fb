"""Compress a whole model; of several forms the better after brief tuning."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from math import floor
from typing import Any

import torch
from torch import nn

from qimlp.compression import (
    CompressionConfig,
    CompressionReport,
    check_batches,
    compress_layers_,
    find_targets,
    possible_layouts,
)
from qimlp.files import shown
from qimlp.nn import swap_
from qimlp.training.distillation.candidates import (
    FORM_NAMES,
    Candidate,
    Filter,
    Form,
    on_all_rows,
    try_form,
)
from qimlp.training.distillation.held_out import Split, split
from qimlp.training.distillation.matching import Outputs
from qimlp.training.distillation.teacher_batches import collected
from qimlp.training.engine.errors import NonFiniteLossError


@torch.inference_mode(False)
def compress_(
    model: nn.Module,
    config: CompressionConfig,
    filter_fn: Filter | None = None,
    calibration: Iterable[Any] | None = None,
    *,
    outputs: Outputs | None = None,
) -> CompressionReport:
    """Replace a model's dense layers by smaller ones, in place.

    With calibration data a layer is fitted to the outputs that it had in the original model, and
    the budget is spread by the errors that the layers' outputs would have; without, the weights
    alone count.

    Of `form="auto"` with calibration data the model is compressed in low rank, in Kronecker form,
    and layer by layer in what fits better. Each is tuned for `config.tune_steps` steps to answer as
    the original (`distill`, the new layers alone), and the form that does so best on calibration
    rows that neither the fit nor the tuning has seen is made anew on all rows: as fitted where
    tuning did not help on those rows, else tuned. What was compared stands in the report's notes.

    Args:
        model: Any model whose layers are `nn.Linear`, transformers' `Conv1D` or `nn.Conv2d`.
        config: How far and by what means.
        filter_fn: Says of a layer and its name whether to look at it.
        calibration: Batches of inputs, each a tensor, a mapping of arguments, or a tuple that
            starts with one of these. An `attention_mask` (N, T) among the arguments says which
            rows are no padding. Where forms are tuned an iterator's are kept in memory.
        outputs: Maps the model's output and the batch to the tensor that tuning matches; by
            default `logits`, `last_hidden_state`, or the output itself.

    Returns:
        What was done, layer by layer.

    Raises:
        TypeError: Batches of another kind.
        ValueError: Nothing to replace, a budget that no form can reach, weights or inputs that are
            not finite, or layers that the calibration never reaches. The model is as it was, as
            after any other error.
    """
    if not isinstance(config, CompressionConfig):
        raise TypeError(f"config: expected a CompressionConfig, got {shown(config, 60)}")
    if config.form != "auto" or calibration is None or not config.tune_steps:
        return compress_layers_(model, config, filter_fn, calibration)
    check_batches("calibration", calibration)
    if _fits_already(model, config, filter_fn):
        return compress_layers_(model, config, filter_fn, calibration)
    data = split(collected(calibration, None))
    teacher = copy.deepcopy(model)
    tried, dropped = _try_forms(model, teacher, config, filter_fn, data, outputs)
    if not tried:
        raise next(iter(dropped.values()))
    best = min(tried, key=lambda candidate: candidate.tuning.after)
    own = _within_budget(model, replace(config, form=best.form), filter_fn)
    made = on_all_rows(model, teacher, own, filter_fn, data, outputs, best)
    swap_(model, made.layers)
    return replace(made.report, notes=(*made.report.notes, *_notes(best, tried, dropped, data)))


def _try_forms(
    model: nn.Module,
    teacher: nn.Module,
    config: CompressionConfig,
    filter_fn: Filter | None,
    data: Split,
    outputs: Outputs | None,
) -> tuple[list[Candidate], dict[Form, ValueError | NonFiniteLossError]]:
    """All candidates, and why others are none."""
    tried: list[Candidate] = []
    dropped: dict[Form, ValueError | NonFiniteLossError] = {}
    for form in FORM_NAMES:
        own = replace(config, form=form)
        try:
            found = try_form(
                model,
                teacher,
                _within_budget(model, own, filter_fn),
                filter_fn,
                data,
                outputs,
                tried,
            )
        except (ValueError, NonFiniteLossError) as error:
            dropped[form] = error
        else:
            tried += [] if found is None else [found]
    return tried, dropped


def _fits_already(model: nn.Module, config: CompressionConfig, filter_fn: Filter | None) -> bool:
    """Whether the budget is so large that no layer is replaced."""
    targets, _ = find_targets(model, config, filter_fn)
    total = sum(target.parameters for target in targets)
    return config.max_parameters is not None and config.max_parameters >= total


def _within_budget(
    model: nn.Module, config: CompressionConfig, filter_fn: Filter | None
) -> CompressionConfig:
    """The same budget for every form: layers that one does not fit stay dense and count in it."""
    targets, _ = find_targets(model, config, filter_fn)
    layouts, _ = possible_layouts(targets, config)
    dense = sum(target.parameters for target in targets if target.name not in layouts)
    if not dense:
        return config
    total = sum(target.parameters for target in targets)
    most = config.max_parameters
    budget = floor(total / (config.ratio or 1)) if most is None else most
    if budget <= dense:
        raise ValueError(
            f"the layers that it does not fit have {dense:,} parameters, the budget is {budget:,}"
        )
    return replace(config, ratio=None, max_parameters=budget - dense)


def _notes(
    best: Candidate,
    tried: Sequence[Candidate],
    dropped: Mapping[Form, Exception],
    data: Split,
) -> Iterator[str]:
    """What was compared, and what came of it."""
    where = "held-out rows" if data.apart else "the one row that there is"
    losses = "; ".join(map(str, tried))
    yield f"form: {FORM_NAMES[best.form]} chosen by the loss after tuning on {where}: {losses}"
    for form, error in dropped.items():
        if not (form == "auto" and tried):
            yield f"form: {FORM_NAMES[form]} is left out: {error}"
