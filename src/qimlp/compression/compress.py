"""Compression of a whole model, layer by layer, all or nothing."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from torch import nn
from torch.nn.parameter import is_lazy

from qimlp.compression.calibration import Source, undisturbed
from qimlp.compression.config import CompressionConfig
from qimlp.compression.faster import predicted
from qimlp.compression.layer_fits import FittedLayer, LayerFits, possible_layouts
from qimlp.compression.layer_moments import LayerMoments, NoMoments
from qimlp.compression.report import CompressionReport, LayerReport
from qimlp.compression.selection import FilterFn
from qimlp.compression.speed import measured_speed
from qimlp.compression.swap import swap_
from qimlp.compression.targets import Target, find_targets
from qimlp.files import printable, shown

CACHE_BYTES = 2**28
"""Most bytes that calibration batches, and the activations of each walk, may take."""


def compress_layers_(
    model: nn.Module,
    config: CompressionConfig,
    filter_fn: FilterFn | None = None,
    calibration: Iterable[object] | None = None,
) -> CompressionReport:
    """Replace a model's dense layers by smaller ones, in place.

    With calibration data a layer is fitted to the outputs that it had in the original model, given
    the inputs that the layers replaced before it leave it (`config.sequential`), and the budget is
    spread by the errors that the layers' outputs would have. Without, the weights alone count.

    Args:
        model: Any model with layers that are `nn.Linear`, transformers' `Conv1D` or `nn.Conv2d`.
        config: How far and by what means. `form="auto"` takes the form of the lower relative
            output error, layer by layer.
        filter_fn: Says of a layer and its name whether to look at it.
        calibration: Batches of inputs, each a tensor, a mapping of arguments, or a tuple that
            starts with one of these. An `attention_mask` (N, T) among the arguments says which
            rows are no padding.

    Returns:
        What was done, layer by layer in the order in which they run.

    Raises:
        TypeError: Batches of another kind.
        ValueError: Nothing to replace, a budget that cannot be reached, weights or inputs that are
            not finite, or layers that the calibration never reaches. The model is as it was, as
            after any other error.
    """
    if not isinstance(config, CompressionConfig):
        raise TypeError(f"config: expected a CompressionConfig, got {shown(config, 60)}")
    targets, left_alone = find_targets(model, config, filter_fn)
    _check_weights(model, runs=calibration is not None)
    layouts, unfit = possible_layouts(targets, config)
    known = {target.name: target for target in targets if target.name in layouts}
    modes = {name: target.module.training for name, target in known.items()}
    before = _parameters(model)
    moments: LayerMoments | NoMoments = NoMoments(list(known))
    if calibration is None:
        _warn_of_no_data()
    with undisturbed(model):
        if calibration is not None:
            moments = LayerMoments(model, known, Source(calibration, CACHE_BYTES), CACHE_BYTES)
        fits = LayerFits(known, layouts, moments, config)
        choices = fits.choices()
        new = fits.fitted(choices)
        layers = tuple(_layer_report(known[n], new.get(n), moments.rows) for n in choices)
    fewer = sum(layer.parameters_before - layer.parameters_after for layer in layers)
    report = CompressionReport(
        layers=layers,
        left_alone=(*left_alone, *unfit),
        model_parameters_before=before,
        model_parameters_after=before - fewer,
        notes=(*moments.notes, *_notes_of(new)),
        speed_rows=moments.rows,
    )
    for name, layer in new.items():
        layer.module.train(modes[name])
    swap_(model, {name: layer.module for name, layer in new.items()})
    return report


def _check_weights(model: nn.Module, *, runs: bool) -> None:
    """Refuse parameters without a shape, and without values where the model is to be run."""
    for name, module in model.named_modules():
        tensors = (*module.parameters(recurse=False), *module.buffers(recurse=False))
        if any(is_lazy(tensor) for tensor in tensors):
            raise ValueError(
                f"{printable(name)}: its shape is known after a first call; call the model once"
            )
        if runs and any(tensor.is_meta for tensor in module.parameters(recurse=False)):
            raise ValueError(
                f"{printable(name)}: it is on the meta device and has no values; load them before"
            )


def _warn_of_no_data() -> None:
    warnings.warn(
        "no calibration data: layers are fitted to their weights alone, which costs accuracy; "
        "give batches of inputs as calibration",
        stacklevel=3,
    )


def _layer_report(target: Target, new: FittedLayer | None, rows: int) -> LayerReport:
    dense = LayerReport(
        name=target.name,
        kind=target.kind,
        form="dense",
        in_dims=(target.in_features,),
        out_dims=(target.out_features,),
        rank=None,
        parameters_before=target.parameters,
        parameters_after=target.parameters,
        error=0.0,
        weight_error=0.0,
    )
    if new is None:
        return dense
    layout, rank = new.fit.layout, new.fit.rank
    return replace(
        dense,
        form=layout.form,
        in_dims=layout.in_dims,
        out_dims=layout.out_dims,
        rank=rank,
        parameters_after=_parameters(new.module),
        error=new.fit.error,
        weight_error=new.fit.weight_error,
        predicted_speed=predicted(target, layout, rank, rows),
        measured_speed=measured_speed(target.module, new.module, rows),
    )


def _notes_of(new: Mapping[str, FittedLayer]) -> Iterator[str]:
    """What is to be known of single fits, said once with the first layer that it is true of."""
    first: dict[str, str] = {}
    count: Counter[str] = Counter()
    for name, layer in new.items():
        if layer.fit.note:
            first.setdefault(layer.fit.note, name)
            count[layer.fit.note] += 1
    for note, name in first.items():
        more = f" and {count[note] - 1} more" if count[note] > 1 else ""
        yield f"{printable(name)}{more}: {note}"


def _parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())
