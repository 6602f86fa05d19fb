"""Networks, and how they are named, saved and loaded."""

from qimlp.models.compressed import (
    CompressedNetwork,
    LayerSpec,
    inner_network,
    layer_specs,
    read_specs,
    rebuild_,
)
from qimlp.models.encoder_config import check_encoder_config
from qimlp.models.low_rank import LowRankMLP
from qimlp.models.mlp import MLP
from qimlp.models.named import NAMED_NETWORKS, named_network
from qimlp.models.pretrained import Pretrained
from qimlp.models.qimlp import QiMLP
from qimlp.models.registry import from_config, load_pretrained, register
from qimlp.models.table_network import TableNetwork
from qimlp.models.text_network import TextNetwork, pool_tokens
from qimlp.models.weights import checksum, read_expected, read_tensors, write_tensors

__all__ = [
    "MLP",
    "NAMED_NETWORKS",
    "CompressedNetwork",
    "LayerSpec",
    "LowRankMLP",
    "Pretrained",
    "QiMLP",
    "TableNetwork",
    "TextNetwork",
    "check_encoder_config",
    "checksum",
    "from_config",
    "inner_network",
    "layer_specs",
    "load_pretrained",
    "named_network",
    "pool_tokens",
    "read_expected",
    "read_specs",
    "read_tensors",
    "rebuild_",
    "register",
    "write_tensors",
]
