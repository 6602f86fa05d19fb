"""An adapted layer in every way that is compared, all prepared for one case and checked."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from qimlp.nn import KroneckerAdapter

FROZEN, OURS, PEFT = "frozen layer", "qimlp", "PEFT"
LYCORIS, BYPASS = "LyCORIS", "LyCORIS bypass"
NAMES = (OURS, PEFT, LYCORIS, BYPASS)
ROWS = 4096
_SMALL = 1e-4  # relative, of results in float32; the factors' gradients sum over all rows


@dataclass(frozen=True)
class Case:
    """A frozen layer and the two factors that are put on it.

    Attributes:
        in_dims: Sizes of the input's bodies.
        out_dims: Sizes of the output's bodies, as the peers choose them.
        low_rank: Rank of the pair that the second factor is kept as; None for a whole one.
        rows: Of the input.
    """

    in_dims: tuple[int, int]
    out_dims: tuple[int, int]
    low_rank: int | None = None
    rows: int = ROWS

    @property
    def widths(self) -> tuple[int, int]:
        """Width of input and output."""
        return self.in_dims[0] * self.in_dims[1], self.out_dims[0] * self.out_dims[1]

    @property
    def label(self) -> str:
        """Name of the case in tables."""
        pair = "" if self.low_rank is None else f", second factor of rank {self.low_rank}"
        return f"{self.widths[0]}x{self.widths[1]}{pair}, {self.rows:,} rows"


@dataclass(frozen=True)
class Contestant:
    """One way to compute an adapted layer.

    Attributes:
        layer: Maps inputs to outputs.
        factors: The parameters that learn, in the order of the adapter's.
    """

    layer: Callable[[Tensor], Tensor]
    factors: tuple[Tensor, ...] = ()

    def step(self, x: Tensor, grad: Tensor) -> tuple[Tensor, ...]:
        """Forward and backward: the gradients of the input and of the factors."""
        return torch.autograd.grad(self.layer(x), (x, *self.factors), grad)


def ours(case: Case, base: nn.Module, factors: Sequence[Tensor]) -> Contestant:
    """`KroneckerAdapter` on the base."""
    adapter = KroneckerAdapter(
        base, in_dims=case.in_dims, out_dims=case.out_dims, factor_ranks=(None, case.low_rank)
    )
    parameters = tuple(adapter.parameters(recurse=False))
    return _holding(adapter, parameters, factors)


def peft(case: Case, base: nn.Module, factors: Sequence[Tensor]) -> Contestant:
    """The LoKr layer of PEFT, which builds the weight of the adapter in every call."""
    config: Any = importlib.import_module("peft").LoKrConfig
    kind: Any = importlib.import_module("peft.tuners.lokr.layer").Linear
    rank = case.low_rank or max(case.widths)
    layer = kind(base, "own", config(r=rank, alpha=rank), r=rank, alpha=float(rank))
    second = ("w2",) if case.low_rank is None else ("w2_a", "w2_b")
    parameters = tuple(getattr(layer, f"lokr_{name}")["own"] for name in ("w1", *second))
    return _holding(layer, parameters, factors)


def lycoris(
    case: Case, base: nn.Module, factors: Sequence[Tensor], *, bypass: bool = False
) -> Contestant:
    """The LoKr module of LyCORIS, which builds the weight, or with `bypass` does not."""
    kind: Any = importlib.import_module("lycoris.modules.lokr").LokrModule
    rank = case.low_rank or 1
    layer = kind(
        "own",
        base,
        lora_dim=rank,
        alpha=rank,
        full_matrix=case.low_rank is None,
        bypass_mode=bypass,
    )
    second = ("w2",) if case.low_rank is None else ("w2_a", "w2_b")
    parameters = tuple(getattr(layer, f"lokr_{name}") for name in ("w1", *second))
    return _holding(layer, parameters, factors)


def _bypass(case: Case, base: nn.Module, factors: Sequence[Tensor]) -> Contestant:
    return lycoris(case, base, factors, bypass=True)


def _holding(
    layer: Callable[[Tensor], Tensor], parameters: tuple[Tensor, ...], factors: Sequence[Tensor]
) -> Contestant:
    with torch.no_grad():
        for parameter, factor in zip(parameters, factors, strict=True):
            parameter.copy_(factor.view(parameter.shape))
    return Contestant(layer, parameters)


Builder = Callable[[Case, nn.Module, Sequence[Tensor]], Contestant]
BUILD: dict[str, Builder] = {OURS: ours, PEFT: peft, LYCORIS: lycoris, BYPASS: _bypass}


@dataclass(frozen=True)
class Prepared:
    """A case with all that is timed of it.

    Attributes:
        taken: The contestants by name, the frozen layer alone among them.
        left_out: For each peer left out the reason.
        base: The frozen layer.
        x: The input.
        grad: The gradient of the output.
    """

    taken: dict[str, Contestant]
    left_out: dict[str, str]
    base: nn.Linear
    x: Tensor
    grad: Tensor


def prepare(case: Case) -> Prepared:
    """Prepare and check the frozen layer, qimlp and every peer.

    Raises:
        ArithmeticError: If qimlp itself is wrong; a wrong peer is only left out.
    """
    torch.manual_seed(0)
    ins, outs = case.widths
    base = nn.Linear(ins, outs).requires_grad_(False)
    x, grad = torch.randn(case.rows, ins, requires_grad=True), torch.randn(case.rows, outs)
    factors = _drawn(case)
    truth = _truth(base, factors, x, grad)
    taken, left_out = {FROZEN: Contestant(base)}, {}
    for name, build in BUILD.items():
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # other projects' deprecations
                contestant = build(case, base, factors)
        except ImportError as error:
            left_out[name] = f"not installed ({error})"
            continue
        off = _error([contestant.layer(x), *contestant.step(x, grad)], truth)
        if off <= _SMALL:
            taken[name] = contestant
        elif name == OURS:
            raise ArithmeticError(f"{case.label}: qimlp is off by {off:.1e}")
        else:
            left_out[name] = f"its results are off by {off:.1e}"
    return Prepared(taken, left_out, base, x, grad)


def _drawn(case: Case) -> list[Tensor]:
    sizes = [(case.out_dims[0], case.in_dims[0])]
    if case.low_rank is None:
        sizes.append((case.out_dims[1], case.in_dims[1]))
    else:
        sizes += [(case.out_dims[1], case.low_rank), (case.low_rank, case.in_dims[1])]
    return [torch.randn(rows, columns) / columns**0.5 for rows, columns in sizes]


def _truth(base: nn.Linear, factors: Sequence[Tensor], x: Tensor, grad: Tensor) -> list[Tensor]:
    """Output and gradients in float64, from the weight built by `torch.kron`."""
    first, *second = [factor.double().requires_grad_() for factor in factors]
    whole = torch.kron(first, second[0] if len(second) == 1 else second[0] @ second[1])
    weight, bias = base.weight.double() + whole, base.bias.double()
    wide = x.detach().double().requires_grad_()
    y = nn.functional.linear(wide, weight, bias)
    return [y, *torch.autograd.grad(y, (wide, first, *second), grad.double())]


def _error(found: Sequence[Tensor], truth: Sequence[Tensor]) -> float:
    """The largest relative error of any of the tensors."""
    with torch.no_grad():
        return max(
            float((a.double().view(b.shape) - b).norm() / b.norm())
            for a, b in zip(found, truth, strict=True)
        )


def kept_bytes(prepared: Prepared, name: str) -> int:
    """What a forward pass keeps for the backward, beside the input and all parameters."""
    contestant = prepared.taken[name]
    there = (prepared.x, *prepared.base.parameters(), *contestant.factors)
    known = {tensor.untyped_storage().data_ptr() for tensor in there}
    kept: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in known:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        y = contestant.layer(prepared.x)
    del y
    return sum(kept.values())
