"""Accelerate's hooks bring parameters in for the call of the module that owns them."""

import accelerate
import pytest
import torch

from tests.nn.layers import LAYERS, drawn, network

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")


@pytest.fixture
def case(request):
    net, x = drawn(network(request.param)), torch.randn(5, 12)
    return net, x, net(x).detach()


every_layer = pytest.mark.parametrize("case", LAYERS, indirect=True)


def assert_away_but_right(net, x, want):
    assert all(p.is_meta for p in net[0].parameters())
    for _ in range(2):
        assert torch.equal(net(x), want)
    assert all(p.is_meta for p in net[0].parameters())


@every_layer
def test_cpu_offload(case):
    net, x, want = case
    accelerate.cpu_offload(net, execution_device=torch.device("cpu"))
    assert_away_but_right(net, x, want)


@every_layer
def test_disk_offload(case, tmp_path):
    net, x, want = case
    accelerate.disk_offload(net, str(tmp_path), execution_device=torch.device("cpu"))
    assert_away_but_right(net, x, want)


@every_layer
def test_dispatch_model(case, tmp_path):
    net, x, want = case
    places = {"0": "disk", "1": "cpu", "2": "cpu"}
    accelerate.dispatch_model(net, places, main_device="cpu", offload_dir=str(tmp_path))
    assert_away_but_right(net, x, want)
