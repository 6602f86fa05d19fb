"""Networks, and how they are named, saved and loaded."""

from qimlp.models.encoder_config import refuse_code
from qimlp.models.low_rank import LowRankMLP
from qimlp.models.mlp import MLP
from qimlp.models.named import NAMED_NETWORKS, named_network
from qimlp.models.pooling import pool_tokens
from qimlp.models.pretrained import Pretrained
from qimlp.models.qimlp import QiMLP
from qimlp.models.registry import from_config, load_pretrained, register
from qimlp.models.text_network import TextNetwork
from qimlp.models.weights import checksum

__all__ = [
    "MLP",
    "NAMED_NETWORKS",
    "LowRankMLP",
    "Pretrained",
    "QiMLP",
    "TextNetwork",
    "checksum",
    "from_config",
    "load_pretrained",
    "named_network",
    "pool_tokens",
    "refuse_code",
    "register",
]
