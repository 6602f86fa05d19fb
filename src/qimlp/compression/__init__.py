"""Compression of trained models: what is replaced, by what, at what cost.

Needs only torch; with three or more factors also the libraries of `pip install "qimlp[compress]"`.
`qimlp.compress_`, which also tunes candidates, is `qimlp.training`'s.
"""

from qimlp.compression.adapters import (
    AdapterConfig,
    adapter_parameters,
    add_adapters_,
    load_adapters_,
    load_lokr_,
    merge_adapters_,
    remove_adapters_,
    save_adapters,
    save_lokr,
    unmerge_adapters_,
)
from qimlp.compression.batches import call_model, check_batches, model_device, model_inputs
from qimlp.compression.compress import compress_layers_
from qimlp.compression.config import CompressionConfig, Form
from qimlp.compression.layer_fits import possible_layouts
from qimlp.compression.report import CompressionReport, LayerForm, LayerReport, LeftAlone
from qimlp.compression.speed import measured_speed, predicted_speed, speed_ratio
from qimlp.compression.structure import load_compressed, save_compressed
from qimlp.compression.swap import restore_
from qimlp.compression.targets import Target, find_targets

__all__ = [
    "AdapterConfig",
    "CompressionConfig",
    "CompressionReport",
    "Form",
    "LayerForm",
    "LayerReport",
    "LeftAlone",
    "Target",
    "adapter_parameters",
    "add_adapters_",
    "call_model",
    "check_batches",
    "compress_layers_",
    "find_targets",
    "load_adapters_",
    "load_compressed",
    "load_lokr_",
    "measured_speed",
    "merge_adapters_",
    "model_device",
    "model_inputs",
    "possible_layouts",
    "predicted_speed",
    "remove_adapters_",
    "restore_",
    "save_adapters",
    "save_compressed",
    "save_lokr",
    "speed_ratio",
    "unmerge_adapters_",
]
