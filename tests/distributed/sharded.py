"""What each of several processes does in the tests of sharded and replicated layers."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
from torch import Tensor, nn
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    set_model_state_dict,
)
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor
from torch.nn.parallel import DistributedDataParallel

from qimlp import KroneckerAdapter, KroneckerLinear, QiMLP
from qimlp.models import TableNetwork
from qimlp.nn import KroneckerConv2d

ROWS, STEPS = 8, 3


def adapted(base: nn.Module, **options: object) -> nn.Module:
    """An adapter that adds something already, behind a dense layer that learns."""
    adapter = KroneckerAdapter(base, rank=3, **options)
    like = next(base.parameters())
    return nn.Sequential(nn.Linear(12, 12, device=like.device, dtype=like.dtype), adapter)


# With two processes a first axis of 1 leaves one of them an empty shard, of 3 an uneven one.
MODELS: dict[str, Callable[..., nn.Module]] = {
    "linear": lambda **how: KroneckerLinear(12, 10, in_dims=(3, 4), out_dims=(2, 5), **how),
    "rank 3": lambda **how: KroneckerLinear(12, 10, "dense", rank=3, **how),
    "three factors": lambda **how: KroneckerLinear(12, 8, False, num_factors=3, rank=2, **how),
    "network": lambda **how: nn.Sequential(
        KroneckerLinear(12, 10, **how), nn.GELU(), nn.Linear(10, 6, **how)
    ),
    "QiMLP": lambda **how: QiMLP([(3, 4), (4, 3), (2, 5)], rank=2, **how),
    "conv": lambda **how: KroneckerConv2d(3, 6, 3, padding=1, rank=3, **how),
    "conv of low rank": lambda **how: KroneckerConv2d(
        3, 6, 3, bias="kronecker", in_dims=(1, 27), out_dims=(6, 1), rank=3, **how
    ),
    "adapter": lambda **how: adapted(nn.Linear(12, 10, **how)),
    "adapter of low rank": lambda **how: adapted(nn.Linear(12, 10, **how), factor_ranks=(None, 1)),
    "adapter on factors": lambda **how: adapted(KroneckerLinear(12, 10, **how)),
    "table": lambda **how: TableNetwork(
        4, [3, 5], 2, embedding_dim=4, hidden=[(3, 4), (3, 4)], members=3, linear_skip=True, **how
    ),
}


def inputs_for(name: str) -> Tensor:
    if name.startswith("conv"):
        return torch.randn(ROWS, 3, 5, 5, dtype=torch.float64)
    if name == "table":
        numbers, codes = torch.randn(ROWS, 4, dtype=torch.float64), torch.arange(ROWS).view(-1, 1)
        return torch.cat((numbers, codes % 4, codes % 6), dim=1)
    return torch.randn(ROWS, 12, dtype=torch.float64)


def join() -> None:
    dist.init_process_group("gloo", timeout=timedelta(seconds=120))


def shard(model: nn.Module, by_layer: bool) -> nn.Module:
    mesh = init_device_mesh("cpu", (dist.get_world_size(),))
    if by_layer:
        for module in [*model.modules()][:0:-1]:
            if any(True for _ in module.parameters(recurse=False)):
                fully_shard(module, mesh=mesh)
    return fully_shard(model, mesh=mesh)


def whole(tensor: Tensor) -> Tensor:
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def require_equal(found: nn.Module, wanted: nn.Module, *, of_grads: bool = False) -> None:
    own, other = dict(found.named_parameters()), dict(wanted.named_parameters())
    assert [name.removeprefix("module.") for name in own] == [*other]
    tensors = [p.grad if of_grads else p for p in own.values()]
    found_whole = [None if tensor is None else whole(tensor) for tensor in tensors]
    for (name, parameter), tensor in zip(own.items(), found_whole, strict=True):
        counterpart = other[name.removeprefix("module.")]
        assert parameter.requires_grad == counterpart.requires_grad
        want = counterpart.grad if of_grads else counterpart
        if want is not None:
            assert tensor is not None, name
            torch.testing.assert_close(tensor, want, rtol=1e-10, atol=1e-12, msg=name)


def require_same_training(model: nn.Module, plain: nn.Module, x: Tensor) -> None:
    """A few steps on this process's rows, against the plain model's on all."""
    rank, size = dist.get_rank(), dist.get_world_size()
    optimizers = [
        torch.optim.AdamW([p for p in each.parameters() if p.requires_grad], lr=0.05)
        for each in (model, plain)
    ]
    for _ in range(STEPS):
        model(x[rank::size]).square().mean().backward()
        plain(x).square().mean().backward()
        require_equal(model, plain, of_grads=True)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
        require_equal(model, plain)
    model.eval(), plain.eval()
    with torch.no_grad():
        torch.testing.assert_close(model(x), plain(x), rtol=1e-10, atol=1e-12)
    model.train(), plain.train()


def fill(model: nn.Module, seed: int) -> nn.Module:
    """Draw every parameter, those too that start at zero."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        with torch.no_grad():
            parameter.copy_(torch.randn(parameter.shape, generator=generator).to(parameter) / 2)
    return model


def fully_sharded(name: str) -> None:
    """The whole model in one unit, and every layer in one of its own."""
    for by_layer in (False, True):
        plain = fill(MODELS[name]().double(), 1)
        model = shard(copy.deepcopy(plain), by_layer)
        assert all(isinstance(p, DTensor) for p in model.parameters())
        require_same_training(model, plain, inputs_for(name))


def from_meta(name: str) -> None:
    """A model that is never whole anywhere: what is drawn for shards is what is drawn whole."""
    for by_layer in (False, True):
        model = shard(MODELS[name](device="meta", dtype=torch.float64), by_layer)
        model.to_empty(device="cpu")
        wanted = MODELS[name](dtype=torch.float64)
        for each in (model, wanted):
            torch.manual_seed(5)
            for module in each.modules():
                if hasattr(module, "reset_parameters") and not isinstance(module, nn.Linear):
                    module.reset_parameters()
                elif isinstance(module, nn.Linear):
                    fill_linear(module)
        require_equal(model, wanted)
        require_same_training(model, wanted, inputs_for(name))


def fill_linear(linear: nn.Linear) -> None:
    """Constant values: torch draws each shard of its layers apart."""
    with torch.no_grad():
        linear.weight.fill_(0.3)
        linear.bias.fill_(0.1)


def stored(name: str, folder: str) -> None:
    """State dicts, whole and in shards, through torch's own ways to store them."""
    plain = fill(MODELS[name]().double(), 2)
    model, other = (shard(fill(MODELS[name]().double(), seed), True) for seed in (2, 3))
    options = StateDictOptions(full_state_dict=True, cpu_offload=True)
    state = get_model_state_dict(model, options=options)
    if dist.get_rank() == 0:
        assert state.keys() == plain.state_dict().keys()
        for key, tensor in plain.state_dict().items():
            assert torch.equal(state[key], tensor), key
    broadcast = StateDictOptions(full_state_dict=True, broadcast_from_rank0=True)
    set_model_state_dict(other, state, options=broadcast)
    require_equal(other, plain)

    third = shard(fill(MODELS[name]().double(), 4), False)
    dcp.save({"model": get_model_state_dict(model)}, checkpoint_id=Path(folder, name))
    read = {"model": get_model_state_dict(third)}
    dcp.load(read, checkpoint_id=Path(folder, name))
    set_model_state_dict(third, read["model"])
    require_equal(third, plain)


def replicated(name: str) -> None:
    """`DistributedDataParallel`, also as it is told that some parameters may go unused."""
    for options in ({}, {"static_graph": True}, {"find_unused_parameters": True}):
        plain = fill(MODELS[name]().double(), 1)
        model = DistributedDataParallel(copy.deepcopy(plain), **options)
        require_same_training(model, plain, inputs_for(name))


def check_all(what: str, folder: str) -> None:
    """Run one of the checks on every model; say which one failed."""
    check: Callable[..., None] = globals()[what]
    join()
    failed = []
    for name in MODELS:
        torch.manual_seed(0)
        try:
            check(name, folder) if what == "stored" else check(name)
        except (AssertionError, RuntimeError, TypeError, AttributeError) as error:
            failed.append(f"{name}: {type(error).__name__}: {error}")
            if os.environ.get("SHARDED_TRACEBACK"):
                raise
    dist.barrier()
    dist.destroy_process_group()
    if failed:
        raise SystemExit("\n".join(failed))
