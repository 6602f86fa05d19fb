"""Start a network of one layer at what a linear model knows."""

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from qimlp.data import LinearModel, fit_linear
from qimlp.models import MLP, QiMLP
from qimlp.nn import KroneckerLinear

_SHARPEST = 100.0
"""Beyond, the classes' probabilities are 0 and 1 for all that training could tell."""
_HALVINGS = 40


@torch.no_grad()
def start_near_linear(
    network: QiMLP | MLP,
    inputs: Tensor,
    labels: Tensor,
    *,
    penalty: float,
    model: LinearModel = "ridge",
    label_smoothing: float = 0.0,
) -> None:
    """Give a network of one layer a linear model, or the Kronecker sum nearest to it, in place.

    The linear model is one of `training.linear_models`: ridge regression onto the classes'
    indicators, or a support vector machine of every class. Its outputs, near 0 and 1 or -1 and 1,
    become logits by one common factor, that with the least training loss from 1 to 100.

    Args:
        network: Of one layer; a classic one takes the linear model as it is. Without a bias the
            linear model has none either.
        inputs: (N, in_features), on the CPU: the train part.
        labels: Class numbers (N,).
        penalty: Of the linear model.
        model: ``"ridge"`` or ``"svm"``.
        label_smoothing: Of the training loss.

    Raises:
        ValueError: If the network has several layers, the inputs are all the same, or there
            is but one class for a machine to tell apart.
        ImportError: More than two bodies without TensorLy.
    """
    if isinstance(network, QiMLP):
        layers: list[KroneckerLinear | nn.Linear] = list(network.kronecker_layers)
    else:
        layers = [layer for layer in network.layers if isinstance(layer, nn.Linear)]
    if len(layers) != 1:
        raise ValueError(
            f"start {model}: expected a network of one layer, got {len(layers)} layers"
        )
    layer = layers[0]
    weight, bias = fit_linear(
        *(inputs, labels, network.out_features),
        penalty=penalty,
        model=model,
        intercept=isinstance(layer, nn.Linear) or layer.bias_form is not None,
    )
    outputs = inputs @ weight.T.to(inputs.dtype)
    if bias is not None:
        outputs += bias.to(inputs.dtype)
    factor = _sharpness(outputs, labels, label_smoothing)
    if isinstance(layer, nn.Linear):
        layer.weight.copy_(factor * weight)
        if bias is not None:
            layer.bias.copy_(factor * bias)
    else:
        layer.approximate_(factor * weight, None if bias is None else factor * bias)


def _sharpness(outputs: Tensor, labels: Tensor, label_smoothing: float) -> float:
    """The factor from 1 to 100 with the least cross-entropy: a convex function of it."""

    def slope(factor: float) -> float:
        scale = outputs.new_tensor(factor, dtype=torch.float64).requires_grad_()
        with torch.enable_grad():
            loss = cross_entropy(scale * outputs, labels, label_smoothing=label_smoothing)
        return float(torch.autograd.grad(loss, scale)[0])

    low, high = 1.0, _SHARPEST
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if slope(middle) > 0 else (middle, high)
    return (low + high) / 2
