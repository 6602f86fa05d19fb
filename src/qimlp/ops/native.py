"""The fused C++ kernel: loaded if it was built for this torch, explained if it was not.

Loading it registers the operators `torch.ops.qimlp.kron_layer`, `kron_layer_gelu` (its GELU in one
pass), `kron_linear` (a layer with a whole bias; Triton's kernels add CUDA to it) and their backward
passes, with derivatives, shapes for tracing and rules for `vmap`; all of that is C++.
"""

from __future__ import annotations

import re
import struct
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from qimlp.ops._torch_private import shortest_call
from qimlp.shapes import Bf16Product, Problem

MOST_FACTORS = 16
_DTYPES = ("float32", "float64", "bfloat16", "float16")  # the last one by casts


def available() -> bool:
    """Whether the kernel is loaded."""
    return _ABSENT is None


def reason() -> str:
    """One line: which instructions the kernel runs on, or why there is no kernel."""
    if _ABSENT is not None:
        return _ABSENT
    return f"the C++ kernel runs on {torch.ops.qimlp.kernel_instructions()} instructions"


def supports(problem: Problem) -> str | None:
    """Why the kernel cannot compute a call, in words; `None` if it can."""
    if _ABSENT is not None:
        return _ABSENT
    if problem.device != "cpu":
        return f"the C++ kernel computes on the CPU and this call is on {problem.device}"
    if problem.dtype not in _DTYPES:
        return (
            f"the C++ kernel computes in {' or '.join(_DTYPES)} and this call is in {problem.dtype}"
        )
    return None


def torch_bf16() -> Bf16Product:
    """How torch's own products take bfloat16 on this chip."""
    ask = getattr(torch.cpu, "get_capabilities", None)  # older releases of torch cannot say
    capabilities = {} if ask is None else ask()
    if capabilities.get("amx_bf16", False):
        return "tiles"
    return "pairs" if capabilities.get("avx512_bf16", False) else "upcast"


def kernel_bf16() -> Bf16Product:
    """How the kernel's products take bfloat16 on this chip, if it is loaded."""
    if _ABSENT is not None:
        return "upcast"
    products: dict[str, Bf16Product] = {"amx": "tiles", "avx512_bf16": "pairs"}
    return products.get(torch.ops.qimlp.kernel_instructions(), "upcast")


def linear(
    x: Tensor,
    factors: Sequence[Tensor],
    bias: Sequence[Tensor],
    groups: Sequence[int],
    *,
    gelu: bool = False,
) -> Tensor:
    """`x W^T + bias` by the kernel, or the exact GELU of that; differentiable to any order.

    Args:
        x: Shape `(batch, prod in_i)`, float32, float64 or bfloat16 on the CPU;
            sums are in float32 where they are bfloat16, whose products the kernel takes in
            hardware where the chip can, and what lies between two factors is then rounded.
        factors: M tensors of shape `(rank, out_i, in_i)`.
        bias: Nothing, one vector `(prod out_i,)`, or M vectors `(out_i,)` of a Kronecker bias.
        groups: How many neighbouring factors the kernel multiplies out into each one it uses; they
            sum to M. One group is the whole weight.
        gelu: Return GELU of the result, computed while it is in cache.

    Returns:
        Shape `(batch, prod out_i)`.

    Raises:
        TypeError: Another dtype or device.
        ValueError: Shapes that do not fit, or groups that do not sum to M.
    """
    y: Tensor = (_kron_layer_gelu if gelu else _kron_layer)(x, factors, bias, groups)
    return y


def linear_now(
    x: Tensor,
    factors: Sequence[Tensor],
    bias: Sequence[Tensor],
    groups: Sequence[int],
    *,
    gelu: bool = False,
) -> Tensor:
    """`linear` for a call that `torch.compile` does not trace, in fewer of torch's steps."""
    y: Tensor = (_kron_layer_gelu_now if gelu else _kron_layer_now)(x, factors, bias, groups)
    return y


def factor_gradients(
    grad: Tensor, x: Tensor, factors: Sequence[Tensor], groups: Sequence[int]
) -> list[Tensor]:
    """The gradients of `linear` by its factors alone; differentiable.

    Args:
        grad: Gradient of the output, shape `(batch, prod out_i)`.
        x: As of `linear`, like the rest.
        factors: M tensors of shape `(rank, out_i, in_i)`.
        groups: How many neighbours go together.

    Returns:
        M tensors of the factors' shapes.
    """
    operator = torch.ops.qimlp.kron_linear_backward
    found: list[Tensor] = operator(grad, x, factors, groups, False, True, False)
    return found


def _load(folder: Path) -> str | None:
    """Load the library for this torch from `folder`; why there is none, or `None`."""
    found = re.match(r"(\d+)\.(\d+)", torch.__version__)
    version = f"{found[1]}_{found[2]}" if found else "unknown"
    suffix = ".dll" if sys.platform == "win32" else ".so"
    library = folder / f"_kernel_torch{version}{suffix}"
    if not library.is_file():
        return _why_absent(folder, suffix)
    if _is_cut_short(library):
        return f"the C++ kernel's file is cut short ({library.name}); {_REBUILD}"
    try:
        torch.ops.load_library(str(library))
    except OSError as error:
        first = str(error.__cause__ or error).splitlines()[0]
        return f"the C++ kernel does not load with torch {torch.__version__} ({first}); {_REBUILD}"
    return None


def _is_cut_short(library: Path) -> bool:
    """Whether an ELF file ends before its last table, where loading it would end the process."""
    with library.open("rb") as file:
        header = file.read(_ELF_HEADER.size)
    if not header.startswith(b"\x7fELF\x02\x01"):  # 64 bits, little-endian
        return False
    if len(header) < _ELF_HEADER.size:
        return True
    start, entry_bytes, entries = _ELF_HEADER.unpack(header)
    end: int = start + entry_bytes * entries
    return library.stat().st_size < end


def _registered_elsewhere() -> str | None:
    """Why the library must not be loaded: an operator of its name is there, which would abort."""
    if hasattr(torch.ops.qimlp, "kron_linear"):
        return (
            "the C++ kernel is not loaded: the operator qimlp::kron_linear was registered before it"
        )
    return None


def _why_absent(folder: Path, suffix: str) -> str:
    others = sorted(
        path.name.removeprefix("_kernel_torch").removesuffix(suffix).replace("_", ".")
        for path in folder.glob(f"_kernel_torch*{suffix}")
    )
    if others:
        return (
            f"the C++ kernel was built for torch {' and '.join(others)} and this is torch "
            f"{torch.__version__}; {_REBUILD}"
        )
    note = folder / "_kernel_absent.txt"
    if note.is_file():
        return f"there is no C++ kernel: {note.read_text(encoding='utf-8').strip()}; {_REBUILD}"
    return f"there is no C++ kernel in this installation; {_REBUILD}"


_ELF_HEADER = struct.Struct("<40xQ10xHH2x")  # where the table of sections is, and its size
_REBUILD = (
    "to build it: QIMLP_BUILD_KERNEL=1 pip install --force-reinstall --no-deps --no-cache-dir qimlp"
)
_ABSENT = _registered_elsewhere() or _load(Path(__file__).parent)
# Looked up once: the name alone takes a twentieth of a short call.
_kron_layer: Any = None if _ABSENT else torch.ops.qimlp.kron_layer.default
_kron_layer_gelu: Any = None if _ABSENT else torch.ops.qimlp.kron_layer_gelu.default
_kron_layer_now: Any = shortest_call(_kron_layer)
_kron_layer_gelu_now: Any = shortest_call(_kron_layer_gelu)
