"""Kronecker adapters on whole models: added, trained alone, merged, kept in files of their own."""

from qimlp.compression.adapters.config import AdapterConfig
from qimlp.compression.adapters.files import load_adapters_, save_adapters
from qimlp.compression.adapters.lokr import load_lokr_, save_lokr
from qimlp.compression.adapters.model import (
    adapter_parameters,
    add_adapters_,
    merge_adapters_,
    remove_adapters_,
    unmerge_adapters_,
)

__all__ = [
    "AdapterConfig",
    "adapter_parameters",
    "add_adapters_",
    "load_adapters_",
    "load_lokr_",
    "merge_adapters_",
    "remove_adapters_",
    "save_adapters",
    "save_lokr",
    "unmerge_adapters_",
]
