"""Where the fused kernels can be tested: on a CUDA device, else in Triton's interpreter."""

import os
from importlib.util import find_spec

import pytest
import torch

#: Device of the tests' tensors.
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
_INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"


def skip_without_triton() -> None:
    """Skip the calling test module where the kernels cannot run."""
    if find_spec("triton") is None:
        pytest.skip('Triton is not installed: pip install "qimlp[gpu]"', allow_module_level=True)
    if (DEVICE == "cpu") != _INTERPRETED:
        reason = "set TRITON_INTERPRET=1 where there is no CUDA device, and only there"
        pytest.skip(reason, allow_module_level=True)
