"""Kinds of networks: a class enters itself, and is made and loaded from there on."""

import subprocess
import sys

import pytest
import torch
from torch import nn

from qimlp import MLP, QiMLP
from qimlp.models import LowRankMLP, Pretrained, TextNetwork, from_config, load_pretrained, register
from qimlp.models.registry import _KINDS


@pytest.fixture
def constant(monkeypatch):
    monkeypatch.setattr("qimlp.models.registry._KINDS", dict(_KINDS))

    @register
    class Constant(Pretrained):
        kind = "constant"

        def __init__(self, size, *, value=1.0):
            super().__init__()
            self.value = nn.Parameter(torch.full((size,), value))
            self._config = {"size": size, "value": value}

        @property
        def config(self):
            return {"kind": self.kind, **self._config}

        def forward(self, x):
            return self.value.expand(len(x), -1)

    return Constant


def test_a_new_kind_is_made_and_loaded(constant, tmp_path):
    network = from_config({"kind": "constant", "size": 3, "value": 2.0})
    assert isinstance(network, constant)
    again = load_pretrained(network.save_pretrained(tmp_path))
    assert isinstance(again, constant)
    assert torch.equal(again(torch.zeros(2, 1)), torch.full((2, 3), 2.0))
    with pytest.raises(ValueError, match="config: unknown keys \\['sizes'\\]"):
        from_config({"kind": "constant", "sizes": 3})
    with pytest.raises(ValueError, match="config: expected keys \\['size'\\], which are missing"):
        from_config({"kind": "constant"})


def test_a_name_is_given_once(constant):
    class Other(Pretrained):
        kind = "constant"

    assert register(constant) is constant
    with pytest.raises(ValueError, match="kind 'constant': Constant has that name"):
        register(Other)


@pytest.mark.parametrize("config", [{}, {"kind": None}, {"kind": ["mlp"]}, {"kind": "x" * 10**6}])
def test_unknown_kinds(config):
    with pytest.raises(ValueError, match="^config: expected kind to be one of .*mlp") as caught:
        from_config(config)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("config", [None, [], "mlp", 3])
def test_what_is_no_config(config):
    with pytest.raises(ValueError, match="^config: expected a network's config, got"):
        from_config(config)


def test_the_kinds_of_the_library():
    kinds = {"qimlp": QiMLP, "mlp": MLP, "low-rank": LowRankMLP, "text": TextNetwork}
    assert kinds.items() <= _KINDS.items()


@pytest.mark.parametrize(
    "module", ["compressed", "named", "registry", "text_network", "pretrained", "weights"]
)
def test_every_module_is_imported_first_without_a_circle(module):
    code = f"import qimlp.models.{module}"
    subprocess.run([sys.executable, "-c", code], check=True)
