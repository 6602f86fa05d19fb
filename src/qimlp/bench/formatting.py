"""Durations, sizes and ratios as tables show them."""

from __future__ import annotations


def seconds(value: float) -> str:
    """A duration with the unit that suits it, three digits."""
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if value >= scale:
            return f"{value / scale:.3g} {unit}"
    return f"{value * 1e9:.3g} ns"


def size(count: float) -> str:
    """A number of bytes with the unit that suits it, three digits."""
    for unit, scale in (("TiB", 2**40), ("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if count >= scale:
            return f"{count / scale:.3g} {unit}"
    return f"{count:.0f} bytes"


def times(ratio: float) -> str:
    """A ratio such as `6.53x`."""
    return f"{ratio:.2f}x" if ratio < 10 else f"{ratio:.1f}x"
