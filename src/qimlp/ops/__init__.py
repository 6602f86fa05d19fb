"""Private: every method to compute the operator, and the one place that chooses."""

from qimlp.ops._torch_private import (
    any_global_hook,
    exchange_call_hooks,
    foreach_lerp_,
    fused_adamw_,
    is_jit_tracing,
    is_without_hooks,
    log_softmax_backward,
    mark_as_stepped,
    mask_anew,
    registered_parameters,
    run_backward,
    undecorated,
)
from qimlp.ops.call.arguments import check_device, check_dtype
from qimlp.ops.call.casts import autocast_dtype
from qimlp.ops.call.checks import as_tensors, check_bias, check_factors, check_like, check_weight
from qimlp.ops.call.layer import apply_layer
from qimlp.ops.call.overrides import gathered, is_proxy, overridden
from qimlp.ops.choose import Explanation, explain_choice
from qimlp.ops.cuda_graphs import recorded_launches
from qimlp.ops.definition import kron_bias, kron_dense
from qimlp.ops.methods.adapted import adapted_linear
from qimlp.ops.methods.dense import build_weight
from qimlp.ops.native import reason
from qimlp.ops.tables.layers import (
    column_embedding,
    fuses_networks,
    member_head,
    member_layer,
    table_network,
)

__all__ = [
    "Explanation",
    "adapted_linear",
    "any_global_hook",
    "apply_layer",
    "as_tensors",
    "autocast_dtype",
    "build_weight",
    "check_bias",
    "check_device",
    "check_dtype",
    "check_factors",
    "check_like",
    "check_weight",
    "column_embedding",
    "exchange_call_hooks",
    "explain_choice",
    "foreach_lerp_",
    "fused_adamw_",
    "fuses_networks",
    "gathered",
    "is_jit_tracing",
    "is_proxy",
    "is_without_hooks",
    "kron_bias",
    "kron_dense",
    "log_softmax_backward",
    "mark_as_stepped",
    "mask_anew",
    "member_head",
    "member_layer",
    "overridden",
    "reason",
    "recorded_launches",
    "registered_parameters",
    "run_backward",
    "table_network",
    "undecorated",
]
