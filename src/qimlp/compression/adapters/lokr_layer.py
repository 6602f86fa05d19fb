"""One layer of a LoKr file: `scale * kron(w1, w2)`, each half a matrix or a product of two."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor

Half = tuple[Tensor] | tuple[Tensor, Tensor]
"""A matrix of shape (out, in), or a pair of shapes (out, r) and (r, in) whose product it is."""

HALVES = ("lokr_w1", "lokr_w2")
TENSORS = (*(half + ending for half in HALVES for ending in ("", "_a", "_b")), "lokr_t2")


@dataclass(frozen=True)
class LokrLayer:
    """What a LoKr file says of one layer.

    Attributes:
        w1: First half of the Kronecker product.
        w2: Second half; of a convolution its columns are channels times places of the kernel.
        scale: What the product is multiplied with; it follows from alpha by the file's own rules.
        kernel: Size of a convolution's kernel.
    """

    w1: Half
    w2: Half
    scale: float
    kernel: tuple[int, ...] = ()

    @property
    def out_dims(self) -> tuple[int, int]:
        """Outputs of the two halves."""
        return self.w1[0].shape[0], self.w2[0].shape[0]

    @property
    def in_dims(self) -> tuple[int, int]:
        """Inputs of the two halves; of a convolution, of its weight seen as a matrix."""
        return self.w1[-1].shape[1], self.w2[-1].shape[1]

    @property
    def in_channels(self) -> tuple[int, int]:
        """Inputs of the two halves at each place of the kernel."""
        return self.in_dims[0], self.in_dims[1] // prod(self.kernel)

    @property
    def ranks(self) -> tuple[int | None, int | None]:
        """Rank of each half that is a pair, and None for a matrix."""
        first, second = (half[0].shape[1] if len(half) == 2 else None for half in self.halves)
        return first, second

    @property
    def halves(self) -> tuple[Half, Half]:
        """Both halves."""
        return self.w1, self.w2

    def tensors(self) -> dict[str, Tensor]:
        """The tensors by the names, and in the shapes, that both formats give them."""
        found: dict[str, Tensor] = {}
        for name, half in zip(HALVES, self.halves, strict=True):
            endings = ("_a", "_b") if len(half) == 2 else ("",)
            found |= {name + end: each for end, each in zip(endings, half, strict=True)}
        if self.kernel and len(self.w2) == 1:
            found["lokr_w2"] = self.w2[0].unflatten(1, (-1, *self.kernel))
        return found


def read_halves(where: str, tensors: Mapping[str, Tensor]) -> tuple[Half, Half]:
    """Sort a layer's tensors into the two halves.

    Args:
        where: The file and the layer, for messages.
        tensors: By the ends of their names, `lokr_w1`, `lokr_w2_a` and so on.

    Returns:
        The two halves; the Tucker form of a convolution as the matrix that it makes.

    Raises:
        ValueError: A tensor that is missing, too many, or of another shape.
    """
    first = _half(where, "lokr_w1", _present(tensors, "lokr_w1"))
    parts = _present(tensors, "lokr_w2")
    if "lokr_t2" in tensors:
        return first, (_from_tucker(where, tensors["lokr_t2"], parts),)
    whole = parts.get("lokr_w2")
    if whole is not None and whole.dim() > 2:
        parts["lokr_w2"] = whole.flatten(1)
    return first, _half(where, "lokr_w2", parts)


def tucker_rank(tensors: Mapping[str, Tensor]) -> int | None:
    """Rank of the Tucker form of a convolution, once `read_halves` has taken it; else None."""
    return tensors["lokr_t2"].shape[0] if "lokr_t2" in tensors else None


def _present(tensors: Mapping[str, Tensor], half: str) -> dict[str, Tensor]:
    names = (half, f"{half}_a", f"{half}_b")
    return {name: tensors[name] for name in names if name in tensors}


def _half(where: str, name: str, parts: Mapping[str, Tensor]) -> Half:
    if list(parts) not in ([name], [f"{name}_a", f"{name}_b"]):
        found = ", ".join(parts) or "none of them"
        raise ValueError(f"{where}: expected {name}, or {name}_a and {name}_b, got {found}")
    for key, part in parts.items():
        if part.dim() != 2 or part.numel() == 0:
            raise ValueError(f"{where}: {key}: expected a matrix, got shape {tuple(part.shape)}")
    first, *rest = parts.values()
    if not rest:
        return (first,)
    if first.shape[1] != rest[0].shape[0]:
        raise ValueError(
            f"{where}: {name}: expected shapes (out, r) and (r, in), got {tuple(first.shape)} "
            f"and {tuple(rest[0].shape)}"
        )
    return first, rest[0]


def _from_tucker(where: str, core: Tensor, parts: Mapping[str, Tensor]) -> Tensor:
    """The matrix (out, in * places of the kernel) of a core and its two sides."""
    out, inside = parts.get("lokr_w2_a"), parts.get("lokr_w2_b")
    if (
        len(parts) != 2
        or out is None
        or inside is None
        or core.dim() < 3
        or (out.dim(), inside.dim()) != (2, 2)
        or core.shape[:2] != (out.shape[0], inside.shape[0])
    ):
        shapes = {key: tuple(part.shape) for key, part in {"lokr_t2": core, **parts}.items()}
        raise ValueError(
            f"{where}: expected lokr_t2 (r, r, kernel), lokr_w2_a (r, out) and lokr_w2_b (r, in), "
            f"got {shapes}"
        )
    wide = torch.promote_types(core.dtype, torch.float32)
    sides = (each.to(wide) for each in (core, out, inside))
    return torch.einsum("ij...,ip,jr->pr...", *sides).flatten(1)
