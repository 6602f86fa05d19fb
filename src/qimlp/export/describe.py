"""From a `Predictor` to its description, or one line that says why there is none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from torch import Tensor, nn

from qimlp.export.description import Array, Description, Layer
from qimlp.models import MLP, LowRankMLP, QiMLP, inner_network
from qimlp.nn import KroneckerLinear
from qimlp.predictor import Predictor
from qimlp.tasks import Quantiles, Regression

_ACTIVATIONS: dict[type[nn.Module], str] = {
    nn.GELU: "gelu",
    nn.ReLU: "relu",
    nn.SiLU: "silu",
    nn.Tanh: "tanh",
    nn.Identity: "identity",
}


def describe(predictor: Predictor, *, head: bool = False, quantiles: bool = False) -> Description:
    """Describe a predictor in plain NumPy.

    Args:
        predictor: Of one of the networks `QiMLP`, `MLP` and `LowRankMLP`, compressed or not.
        head: Whether of a network on texts the part behind the features is meant; its raw
            examples are these features.
        quantiles: Whether the outputs may be quantiles, which the task alone puts into order and
            into units.

    Returns:
        The description.

    Raises:
        ValueError: If there is a part that cannot be described.
    """
    require_exportable(predictor, head=head)
    network = inner_network(predictor.network)
    if not isinstance(network, QiMLP | MLP | LowRankMLP):
        kind = getattr(network, "kind", type(network).__name__)
        raise ValueError(  # noqa: TRY004 - the folder is wrong, not the argument
            f"expected a network of layers one after the other (qimlp, mlp, low-rank), got kind "
            f"{kind!r}; export it as onnx, program or html, or train --model 2b for c"
        )
    task = predictor.task
    output_shift = output_scale = None
    if isinstance(task, Regression):
        output_shift, output_scale = np.array(task.shift), np.array(task.scale)
    elif not (task.answers_are_probabilities or (quantiles and isinstance(task, Quantiles))):
        raise ValueError(
            f"expected classes, labels or values as answers, got {task.kind}; export it as onnx, "
            "program or html"
        )
    shift, scale = _scaling(predictor)
    return Description(
        layers=tuple(layers_of(network.layers)),
        shift=shift,
        scale=scale,
        order=predictor.features.order,
        feature_shape=predictor.feature_shape,
        feature_names=predictor.feature_names,
        pixels=len(predictor.feature_shape) > 1,
        task=task,
        output_shift=output_shift,
        output_scale=output_scale,
    )


def require_exportable(predictor: Predictor, *, head: bool = False) -> None:
    """Refuse what takes texts, unless only the part behind its features is meant.

    Args:
        predictor: Any.
        head: Whether of a network on texts the part behind the features is meant.

    Raises:
        TypeError: If it is none.
        ValueError: If it cannot be exported.
    """
    require_predictor(predictor)
    if predictor.features.tokenizer is not None:
        raise ValueError(
            "expected a network on numbers, got one that holds a text encoder, which is not "
            "exported; train on frozen features (without finetune) and export the head"
        )
    if predictor.features.of_texts and not head:
        made_by = "TF-IDF" if predictor.features.terms is not None else "an encoder"
        raise ValueError(
            f"expected a network on numbers, got one on texts: its features are made by {made_by}, "
            "which is not exported; ask for the part behind them alone (--head, head=True)"
        )


def require_predictor(predictor: object) -> None:
    """Refuse estimators and bare networks.

    Args:
        predictor: Any object.

    Raises:
        TypeError: If it is no `Predictor`.
    """
    if not isinstance(predictor, Predictor):
        raise TypeError(
            f"predictor: expected a Predictor, got {type(predictor).__name__}; save a model and "
            "read it with Predictor.load(folder)"
        )


def _scaling(predictor: Predictor) -> tuple[Array, Array]:
    """Shift and scale of raw features, one number each where all are alike."""
    scaling, features = predictor.scaling, predictor.features
    width = scaling.in_features // len(scaling.shift)
    shift, scale = (
        np.repeat(np.array(v, np.float64), width) for v in (scaling.shift, scaling.scale)
    )
    if features.order is not None:  # scaling is of the ordered features
        order = np.array(features.order)
        for values in (shift, scale):
            values[order] = values.copy()
    if features.offsets:
        shift = shift + np.array(features.offsets, np.float64)
    if (shift == shift[0]).all() and (scale == scale[0]).all():
        return shift[:1], scale[:1]
    return shift, scale


def layers_of(modules: Iterable[nn.Module]) -> Iterator[Layer]:
    """Join each layer with the activation behind it.

    Args:
        modules: Kronecker and dense layers, activations and dropout, from the input to the output.

    Yields:
        The layers.

    Raises:
        ValueError: If there is another module, or a number that is not finite.
    """
    waiting: tuple[nn.Module, str] | None = None
    for module in modules:
        name = _ACTIVATIONS.get(type(module))
        if isinstance(module, nn.Dropout):
            continue
        if name is None:
            if waiting is not None:
                yield from _split(_layer(*waiting))
            waiting = (module, "identity")
        elif waiting is not None:
            waiting = (waiting[0], name)
            yield from _split(_layer(*waiting))
            waiting = None
    if waiting is not None:
        yield from _split(_layer(*waiting))


def _layer(module: nn.Module, activation: str) -> Layer:
    if isinstance(module, KroneckerLinear):
        vectors = module.bias_factors
        bias = module.bias if module.bias_form == "dense" else None
        return Layer(
            tuple(_array(factor) for factor in module.factors),
            None if vectors is None else tuple(_array(vector) for vector in vectors),
            None if bias is None else _array(bias),
            activation,
        )
    if isinstance(module, nn.Linear):
        bias = None if module.bias is None else _array(module.bias)
        return Layer((_array(module.weight)[None],), None, bias, activation)
    raise ValueError(
        f"expected Kronecker and dense layers with activations between them, got a "
        f"{type(module).__name__}; export it as onnx or program"
    )


def _split(layer: Layer) -> Iterator[Layer]:
    """Give a low-rank layer, whose every copy is a column times a row, as its two products.

    As one it would have as many copies as its rank, which integers are rounded in together.
    """
    shape = layer.shape
    for thin in (0, 1):
        if shape.num_factors != 2 or shape.in_dims[thin] != 1 or shape.out_dims[1 - thin] != 1:
            continue
        bias = None if layer.bias is None and layer.bias_factors is None else layer.full_bias
        yield Layer((layer.factors[1 - thin][:, 0][None],), None, None, "identity")
        yield Layer((layer.factors[thin][:, :, 0].T[None],), None, bias, layer.activation)
        return
    yield layer


def _array(tensor: Tensor) -> Array:
    values: Array = tensor.detach().to("cpu").double().numpy()
    if not np.isfinite(values).all():
        raise ValueError("the network's weights hold numbers that are not finite; train it anew")
    return values
