"""Private: every way to compute the operator, and the one place that chooses."""

from qimlp.ops._torch_private import (
    any_global_hook,
    foreach_lerp_,
    fused_adamw_,
    is_jit_tracing,
    is_without_hooks,
    log_softmax_backward,
    mask_anew,
    registered_parameters,
    run_backward,
)
from qimlp.ops.arguments import check_device, check_dtype
from qimlp.ops.casts import autocast, autocast_dtype
from qimlp.ops.choose import Explanation, explain_choice
from qimlp.ops.cuda_graphs import recorded_launches
from qimlp.ops.definition import kron_bias, kron_dense
from qimlp.ops.dense import build_weight
from qimlp.ops.fast_path import quick_linear
from qimlp.ops.linear import linear_rows
from qimlp.ops.native import reason

__all__ = [
    "Explanation",
    "any_global_hook",
    "autocast",
    "autocast_dtype",
    "build_weight",
    "check_device",
    "check_dtype",
    "explain_choice",
    "foreach_lerp_",
    "fused_adamw_",
    "is_jit_tracing",
    "is_without_hooks",
    "kron_bias",
    "kron_dense",
    "linear_rows",
    "log_softmax_backward",
    "mask_anew",
    "quick_linear",
    "reason",
    "recorded_launches",
    "registered_parameters",
    "run_backward",
]
