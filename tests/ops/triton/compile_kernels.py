"""Compiles the fused kernels for NVIDIA GPUs that need not be there; prints what came out as JSON.

Run by test_triton_compiles.py in a process of its own, without Triton's interpreter.
"""

import json
import sys
from types import SimpleNamespace

import torch
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from qimlp.ops.triton import kernels as triton_kernels
from qimlp.ops.triton import launch as triton_launch
from qimlp.ops.triton.tuning import backward_choices, forward_choices
from qimlp.shapes.gpu_limits import padded

TYPES = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}
POINTERS = (
    *("grad", "x", "a", "b", "bias", "y", "grad_x", "partial"),
    *("grad_a", "grad_b", "grad_bias"),
)
FLAGS = {
    "forward": ({"HAS_BIAS": True},),
    "backward": (
        {"NEEDS_X": False, "NEEDS_A": True, "NEEDS_B": True, "NEEDS_BIAS": True},
        {"NEEDS_X": True, "NEEDS_A": True, "NEEDS_B": True, "NEEDS_BIAS": True},
    ),
    "backward, large": (
        {"NEEDS_X": False, "NEEDS_A": True, "NEEDS_B": False, "NEEDS_BIAS": False},
        {"NEEDS_X": False, "NEEDS_A": False, "NEEDS_B": True, "NEEDS_BIAS": False},
    ),
}


def distances(P, Q, R, S):
    """Of contiguous tensors; the compiler is told, as at a launch, which are multiples of 16."""
    sizes = {"x_row": Q * S, "grad_row": P * R, "a_copy": P * Q, "b_copy": R * S}
    return {**sizes, "a_out": Q, "b_out": S, "n_rows": 65536}


def compile_one(kernel, constants, dtype, choice, capability):
    constants = {**constants, **choice.kwargs, "a_in": 1, "b_in": 1}
    known = distances(*(constants[name] for name in "PQRS"))
    constants = {name: value for name, value in constants.items() if name in kernel.arg_names}
    signature, attributes = {}, {}
    for index, name in enumerate(kernel.arg_names):
        if name in constants:
            signature[name] = "constexpr"
        elif name in POINTERS:
            signature[name] = "*fp32" if name == "partial" else f"*{dtype}"
            attributes[(index,)] = [["tt.divisibility", 16]]
        else:
            signature[name] = "i32"
            if name in known and known[name] % 16 == 0:
                attributes[(index,)] = [["tt.divisibility", 16]]
    source = ASTSource(kernel, signature, constants, attributes)
    options = {"num_warps": choice.num_warps, "num_stages": choice.num_stages}
    return triton.compile(source, target=GPUTarget("cuda", capability, 32), options=options)


def compile_sum(dtype, capability, rank, P, Q, R, S):
    sizes = {"A_SIZE": rank * P * Q, "B_SIZE": rank * R * S, "BIAS_SIZE": P * R}
    blocks = {"BLOCK": triton_launch._SUM_BLOCK, "ROWS": triton_launch._SUM_ROWS}
    constants = {"P": P, "Q": Q, "R": R, "S": S, **sizes, **blocks}
    choice = triton.Config({}, num_stages=3)
    return compile_one(triton_kernels.sum_kernel, constants, dtype, choice, capability)


def main(name, dtype, capability, rank, *sizes):
    sizes = dict(zip("PQRS", map(int, sizes), strict=True))
    if name == "sum":
        built = compile_sum(dtype, int(capability), int(rank), **sizes)
        found = {"stages": 3, "shared": built.metadata.shared, "tensor_core_products": 0}
        json.dump([found], sys.stdout)
        return
    tiles = {2 * name: padded(size) for name, size in sizes.items()}
    forward = name == "forward"
    kernel = triton_kernels.forward_kernel if forward else triton_kernels.backward_kernel
    choices = forward_choices if forward else backward_choices
    x = SimpleNamespace(dtype=TYPES[dtype])
    found = []
    for choice in choices({"x": x, **tiles}):
        for flags in FLAGS[name]:
            if flags.get("NEEDS_X") and int(rank) > 1:
                continue
            constants = {**sizes, **tiles, "RANK": int(rank), **flags}
            built = compile_one(kernel, constants, dtype, choice, int(capability))
            products = sum(built.asm["ptx"].count(name) for name in ("wgmma.mma_async", "mma.sync"))
            stages = choice.num_stages
            shared = built.metadata.shared
            found.append({"stages": stages, "shared": shared, "tensor_core_products": products})
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
