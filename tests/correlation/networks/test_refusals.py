"""Models and data that cannot be analysed: one line each."""

import math

import pytest
import torch

from qimlp import QiMLP
from qimlp.correlation import analyze, control_layers, hidden_layers, truncation_curves

X = torch.ones(3, 4)
NETWORK = QiMLP([(2, 2), (2, 2), (2, 1)])
META = QiMLP([(2, 2), (2, 2), (2, 1)]).to("meta")
LABELS = torch.zeros(3, dtype=torch.int64)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: analyze(NETWORK, X.to("meta")), ValueError, "data: expected a tensor with number"),
        (lambda: analyze(NETWORK, X.to_sparse()), TypeError, "data: expected a dense tensor"),
        (lambda: analyze(NETWORK, torch.tensor(1.0)), ValueError, "got a single number"),
        (lambda: analyze(NETWORK, X * math.nan), ValueError, "expected finite outputs"),
        (lambda: analyze(META, X), ValueError, "model: expected weights, got a model on the meta"),
        (lambda: analyze("network", X), TypeError, "model: expected a torch.nn.Module, got str"),
        (lambda: analyze(NETWORK, X, layers="layers.0"), TypeError, "layers: expected a mapping"),
        (lambda: analyze(NETWORK, X, seed="a"), TypeError, "seed: expected an integer"),
        (lambda: analyze(NETWORK, X, untrained_networks=3), TypeError, "expected a list of modul"),
        (lambda: truncation_curves(NETWORK, [(X, LABELS[:2])]), ValueError, "labels: expected one"),
        (lambda: truncation_curves(NETWORK, [(X, LABELS[:, None])]), ValueError, "shape (n,)"),
        (lambda: truncation_curves(NETWORK, [(X * math.inf, LABELS)]), ValueError, "finite output"),
        (lambda: truncation_curves(NETWORK, [(X, LABELS)], ranks=3), TypeError, "ranks: expected"),
        (lambda: truncation_curves(3, [(X, LABELS)]), TypeError, "model: expected a torch.nn.Mod"),
        (lambda: hidden_layers("x"), TypeError, "model: expected a torch.nn.Module, got str"),
        (lambda: control_layers(NETWORK, "x"), TypeError, "layers: expected a mapping"),
    ],
)
def test_models_and_data_of_another_kind(call, error, message):
    with pytest.raises(error, match=r".") as caught:
        call()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_model_without_layers_to_look_at():
    with pytest.raises(ValueError, match="expected hidden KroneckerLinear layers"):
        analyze(torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Linear(4, 2)), X)
