"""Start a network of one layer at what a linear model knows."""

import torch
from torch import Tensor, nn

from qimlp.models import MLP, QiMLP
from qimlp.nn import KroneckerLinear
from qimlp.tasks import LinearModel, Task


@torch.no_grad()
def start_near_linear(
    network: QiMLP | MLP,
    inputs: Tensor,
    targets: Tensor,
    *,
    task: Task,
    penalty: float,
    model: LinearModel = "ridge",
) -> None:
    """Give a network of one layer a linear model, or the Kronecker sum nearest to it, in place.

    The linear model is the task's own (`Task.fit_linear`). Its outputs become the network's by one
    common factor, that with the least training loss.

    Args:
        network: Of one layer; a classic one takes the linear model as it is. Without a bias the
            linear model has none either.
        inputs: The train part, of shape (N, in_features), on the CPU.
        targets: As the loss takes them.
        task: What the network is trained to do.
        penalty: Of the linear model.
        model: `"ridge"` or `"svm"`.

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
            f"warm_start {model}: expected a network of one layer, got {len(layers)} layers"
        )
    layer = layers[0]
    weight, bias = task.fit_linear(
        inputs,
        targets,
        penalty=penalty,
        model=model,
        intercept=isinstance(layer, nn.Linear) or layer.bias_form is not None,
    )
    outputs = inputs @ weight.T.to(inputs.dtype)
    if bias is not None:
        outputs += bias.to(inputs.dtype)
    factor = task.sharpness(outputs, targets)
    if isinstance(layer, nn.Linear):
        layer.weight.copy_(factor * weight)
        if bias is not None:
            layer.bias.copy_(factor * bias)
    else:
        layer.approximate_(factor * weight, None if bias is None else factor * bias)
