"""Sharded layers, in a group of one process, against `nn.Linear` under the same calls."""

import copy
from functools import partial

import pytest
import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FullyShardedDataParallel, fully_shard
from torch.distributed.fsdp.wrap import size_based_auto_wrap_policy
from torch.distributed.tensor import DTensor, Replicate, Shard, distribute_module, distribute_tensor

from qimlp import KroneckerLinear, QiMLP
from tests.nn.layers import LAYERS, drawn, network

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")
every_layer = pytest.mark.parametrize("name", LAYERS)
multi_body = pytest.mark.parametrize("name", [name for name in LAYERS if name != "linear"])
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def mesh(tmp_path_factory):
    store = tmp_path_factory.mktemp("store") / "store"
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=0, world_size=1)
    yield init_device_mesh("cpu", (1,))
    dist.destroy_process_group()


def step(net, x):
    """The answer, and the one after a step of gradient descent."""
    answer = net(x)
    answer.square().mean().backward()
    torch.optim.SGD(net.parameters(), lr=0.1).step()
    return answer.detach(), net(x).detach()


def shard_every_owner(net, mesh):
    for module in net.modules():
        if any(True for _ in module.parameters(recurse=False)):
            fully_shard(module, mesh=mesh)
    return fully_shard(net, mesh=mesh)


def first_wrapped(net):
    """FSDP1 with every layer in a unit of its own."""
    policy = partial(size_based_auto_wrap_policy, min_num_params=10)
    return partial(FullyShardedDataParallel, net, auto_wrap_policy=policy, device_id=CPU)


@every_layer
@pytest.mark.parametrize("original", [False, True])
@pytest.mark.usefixtures("mesh")
def test_fsdp1_by_size(name, original):
    net, x = drawn(network(name)), torch.randn(5, 12)
    want = step(copy.deepcopy(net), x)
    wrapped = first_wrapped(net)(use_orig_params=original)
    assert isinstance(wrapped.module[0], FullyShardedDataParallel)
    torch.testing.assert_close(step(wrapped, x), want)


@every_layer
@pytest.mark.usefixtures("mesh")
def test_fsdp1_from_meta(name):
    torch.manual_seed(0)
    wrapped = first_wrapped(network(name, device="meta"))()
    hidden = []
    wrapped.module[0].register_forward_hook(lambda _, __, answer: hidden.append(answer))
    assert torch.cat(step(wrapped, torch.randn(500, 12))).isfinite().all()
    # Initialised as its kind is: nn.Linear's output has a third of the input's variance.
    assert 0.15 < float(hidden[0].var()) < (0.7 if name == "linear" else 2.5)


@every_layer
def test_fully_shard_on_every_owner_of_parameters(name, mesh):
    net, x = drawn(network(name)), torch.randn(5, 12)
    want = step(copy.deepcopy(net), x)
    torch.testing.assert_close(step(shard_every_owner(net, mesh), x), want)
    assert all(isinstance(p, DTensor) for p in net[0].parameters())


@every_layer
def test_from_meta_through_fully_shard_to_values(name, mesh):
    net = shard_every_owner(network(name, device="meta"), mesh).to_empty(device="cpu")
    for module in (net[0], net[2]):
        module.reset_parameters()
    whole = network(name)
    whole.load_state_dict({key: value.full_tensor() for key, value in net.state_dict().items()})
    x = torch.randn(5, 12)
    torch.testing.assert_close(net(x), whole(x))


@multi_body
def test_what_is_drawn_for_shards_is_what_is_drawn_whole(name, mesh):
    sharded = fully_shard(LAYERS[name](device="meta"), mesh=mesh).to_empty(device="cpu")
    sharded.reset_parameters(torch.Generator().manual_seed(3))
    whole = LAYERS[name]()
    whole.reset_parameters(torch.Generator().manual_seed(3))
    assert torch.equal(sharded.weight_matrix(), whole.weight_matrix())


@every_layer
@pytest.mark.parametrize("shape", [(5, 12), (2, 5, 12)])
def test_distribute_module(name, shape, mesh):
    layer = drawn(LAYERS[name](dtype=torch.float64))
    x = torch.randn(shape, dtype=torch.float64)
    want = layer(x).detach()
    grads = torch.autograd.grad(layer(x).square().sum(), [*layer.parameters()])
    layer = distribute_module(layer, mesh)
    answer = layer(distribute_tensor(x, mesh, [Shard(0)]))
    torch.testing.assert_close(answer.full_tensor(), want)
    answer.square().sum().backward()
    for parameter, grad in zip(layer.parameters(), grads, strict=True):
        torch.testing.assert_close(parameter.grad.full_tensor(), grad)


@every_layer
def test_distribute_module_with_plain_tensors_outside(name, mesh):
    layer, x = drawn(LAYERS[name]()), torch.randn(5, 12)
    want = layer(x)
    layer = distribute_module(
        layer,
        mesh,
        input_fn=lambda _, given, mesh: DTensor.from_local(given[0], mesh, [Replicate()]),
        output_fn=lambda _, answer, __: answer.to_local(),
    )
    torch.testing.assert_close(layer(x), want)


def test_a_whole_network_is_distributed(mesh):
    net, x = QiMLP([(3, 4), (4, 3), (2, 5)], rank=2), torch.randn(5, 12)
    want = net(x)
    got = distribute_module(net, mesh)(distribute_tensor(x, mesh, [Shard(0)]))
    torch.testing.assert_close(got.full_tensor(), want)


@multi_body
def test_weight_and_linear_layer_of_shards(name, mesh):
    layer = drawn(LAYERS[name]()).double()
    weight, bias, x = layer.weight_matrix().detach(), layer.bias_vector(), torch.randn(5, 12)
    norm, plain = layer.frobenius_norm(), copy.deepcopy(layer)
    fully_shard(layer, mesh=mesh)
    assert isinstance(layer.factors[0], DTensor)
    assert torch.equal(layer.weight_matrix(), weight)
    assert torch.equal(layer.frobenius_norm(), norm)
    linear = layer.to_linear()
    assert type(linear.weight) is nn.Parameter
    assert torch.equal(linear.weight, weight)
    assert (linear.bias is None) == (bias is None)
    assert bias is None or torch.equal(linear.bias, bias)
    layer.weight_matrix().square().sum().backward()
    plain.weight_matrix().square().sum().backward()
    for own, other in zip(layer.factors, plain.factors, strict=True):
        torch.testing.assert_close(own.grad.full_tensor(), other.grad)
    torch.testing.assert_close(layer.balance_().weight_matrix(), weight)
    torch.testing.assert_close(layer(x.double()), linear(x.double()))


def test_shards_take_a_dense_weight(mesh):
    dense = nn.Linear(12, 10)
    whole = KroneckerLinear.from_linear(dense, rank=2)
    layer = fully_shard(KroneckerLinear(12, 10, True, rank=2), mesh=mesh)
    layer.approximate_(dense.weight, dense.bias)
    assert torch.equal(layer.weight_matrix(), whole.weight_matrix())
    assert torch.equal(layer.bias_vector(), dense.bias)
    of_shards = KroneckerLinear.from_linear(fully_shard(dense, mesh=mesh), rank=2)
    assert torch.equal(of_shards.weight_matrix(), whole.weight_matrix())
