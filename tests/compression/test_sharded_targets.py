"""Models that are spread over processes are refused before anything is changed."""

import pytest
import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FullyShardedDataParallel, fully_shard
from torch.nn.parallel import DistributedDataParallel

from qimlp.compression import CompressionConfig, find_targets

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")


@pytest.fixture(scope="module")
def mesh(tmp_path_factory):
    store = tmp_path_factory.mktemp("store") / "store"
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=0, world_size=1)
    yield init_device_mesh("cpu", (1,))
    dist.destroy_process_group()


def every_layer(net, mesh):
    fully_shard(net[0], mesh=mesh)
    return net


@pytest.mark.parametrize(
    ("wrap", "name"),
    [
        (every_layer, r"^0: .*\(FSDPLinear\)"),
        (lambda net, mesh: fully_shard(net, mesh=mesh), r"^0: .*\(Linear\)"),
        (
            lambda net, _: FullyShardedDataParallel(net, device_id=torch.device("cpu")),
            r"^model: .*\(FullyShardedDataParallel\)",
        ),
        (lambda net, _: DistributedDataParallel(net), r"^model: .*\(DistributedDataParallel\)"),
    ],
)
def test_they_are_compressed_before(wrap, name, mesh):
    net = wrap(nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4)), mesh)
    with pytest.raises(ValueError, match=f"{name}; change the model before it is sharded"):
        find_targets(net, CompressionConfig(ratio=2))
