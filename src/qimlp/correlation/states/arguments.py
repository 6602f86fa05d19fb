"""Which other arguments the functions accept; every refusal is one line."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, isfinite, log
from typing import SupportsFloat

import torch

from qimlp.files import shown
from qimlp.shapes import as_dims, as_size


def check_bodies(dims: Sequence[int]) -> tuple[int, ...]:
    """Check the sizes of the bodies.

    Args:
        dims: What was given.

    Returns:
        The sizes as a tuple.

    Raises:
        TypeError: If an entry is no integer.
        ValueError: If there are fewer than two bodies, or a size is below 1.
    """
    sizes = as_dims("dims", dims)
    if len(sizes) < 2:
        raise ValueError(
            f"dims: expected two or more bodies, got {sizes}; "
            "one body has no other to correlate with"
        )
    return sizes


def check_two_bodies(dims: Sequence[int], what: str) -> tuple[int, int]:
    """Check that there are exactly two bodies.

    Args:
        dims: What was given.
        what: What two bodies are needed for, for the message.

    Returns:
        The two sizes.

    Raises:
        TypeError: If an entry is no integer.
        ValueError: If there is another number of bodies, or a size is below 1.
    """
    sizes = check_bodies(dims)
    if len(sizes) != 2:
        raise ValueError(f"dims: expected two bodies for {what}, got {sizes}")
    return sizes[0], sizes[1]


def check_part(name: str, bodies: int | Sequence[int], count: int) -> tuple[int, ...]:
    """Check indices of bodies and return them as a sorted tuple.

    Args:
        name: What to call them in a message.
        bodies: One index or several, from 0.
        count: Number of bodies.

    Raises:
        TypeError: If an index is no integer.
        ValueError: If an index is out of range or named twice, or none or all are named.
    """
    if not isinstance(bodies, (int, Sequence)) or isinstance(bodies, (bool, str)):
        raise TypeError(
            f"{name}: expected the index of a body or a sequence of them, got {shown(bodies)}"
        )
    given = (bodies,) if isinstance(bodies, int) else tuple(bodies)
    part = tuple(sorted(as_size(f"{name}[{i}]", body + 1) - 1 for i, body in enumerate(given)))
    if not part or len(set(part)) != len(part) or part[-1] >= count or len(part) == count:
        raise ValueError(
            f"{name}: expected some, but not all, of the bodies 0 to {count - 1}, each once, "
            f"got {given}"
        )
    return part


def check_base(base: float | None) -> float:
    """Check the base of a logarithm.

    Args:
        base: What was given; None for nats.

    Returns:
        Nats in one unit of entropies to that base: 1 without one, log(2) for bits.

    Raises:
        ValueError: If it is no finite number above 1.
    """
    if base is None:
        return 1.0
    if not isinstance(base, (int, float)) or isinstance(base, bool) or not isfinite(base):
        raise ValueError(
            f"base: expected a finite number above 1, or None for nats, got {shown(base)}"
        )
    if base <= 1:
        raise ValueError(
            f"base: expected a finite number above 1, or None for nats, got {shown(base)}"
        )
    return log(base)


def check_real(
    name: str, value: SupportsFloat, *, least: float = 0.0, above: bool = False
) -> float:
    """Check a finite number.

    Args:
        name: What to call it in a message.
        value: What was given.
        least: The least value allowed.
        above: Whether `least` itself is not allowed.

    Returns:
        The number.

    Raises:
        TypeError: If it is no number.
        ValueError: If it is too small, NaN or infinite.
    """
    limit = "" if least == -inf else f" {'above' if above else 'of at least'} {least:g}"
    what = f"{name}: expected a finite number{limit}"
    if isinstance(value, bool) or not isinstance(value, SupportsFloat):
        raise TypeError(f"{what}, got {shown(value)}")
    number = float(value)
    if not isfinite(number) or number < least or (above and number == least):
        raise ValueError(f"{what}, got {number!r}")
    return number


def check_seed(seed: int) -> int:
    """Check a seed.

    Args:
        seed: What was given.

    Returns:
        The seed.

    Raises:
        TypeError: If it is no integer.
        ValueError: If it does not fit into 64 bits.
    """
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise TypeError(f"seed: expected an integer, got {shown(seed)}")
    if not -(2**63) <= seed < 2**64:
        raise ValueError("seed: expected an integer of at most 64 bits, got a larger one")
    return seed


def check_generator(generator: torch.Generator | None) -> None:
    """Check that something is a random generator, or None for torch's own.

    Args:
        generator: What was given.

    Raises:
        TypeError: If it is something else.
    """
    if generator is not None and not isinstance(generator, torch.Generator):
        raise TypeError(
            f"generator: expected a torch.Generator, got {type(generator).__name__}; "
            "make one with torch.Generator().manual_seed(0)"
        )
