"""What the fused GPU kernels take, by arithmetic on the shape alone."""

from __future__ import annotations

from qimlp.shapes.layer import KroneckerShape
from qimlp.shapes.problem import Groups, merged_shape

SMALLEST_TILE = 16
"""A side of a tile is at least this long: tensor cores take no shorter one."""

LARGEST_FACTOR = {"float16": 128, "bfloat16": 128, "float32": 32}
"""The longest side of a factor that stays resident in a multiprocessor, by dtype.

Exact float32 products go without tensor cores and hold their operands in registers, which larger
tiles would overflow.
"""


def padded(size: int) -> int:
    """`size` rounded up to a power of two, at least `SMALLEST_TILE`."""
    return max(SMALLEST_TILE, 1 << (size - 1).bit_length())


def supports(shape: KroneckerShape, dtype: str) -> str | None:
    """Say why the fused kernels do not take a layer in a dtype, by its name; None where they do."""
    if shape.num_factors < 2:
        return f"it needs at least two factors and this layer has {shape.num_factors}"
    if dtype not in LARGEST_FACTOR:
        return f"it takes float16, bfloat16 and float32, not {dtype}"
    limit = LARGEST_FACTOR[dtype]
    longest = max(*shape.in_dims, *shape.out_dims)
    if longest > limit:
        return f"it keeps factors of at most {limit} in fast memory and this layer has {longest}"
    groups = _fewest_groups(shape, limit)
    if len(groups) > 2 and shape.rank > 1:
        return (
            f"its factors multiply out to {len(groups)} of at most {limit}, and more than two "
            f"are fused for rank 1 only, not for rank {shape.rank}"
        )
    return None


def fused_groups(shape: KroneckerShape, dtype: str) -> Groups:
    """How many neighbouring factors are multiplied out into each factor used.

    Two groups where two suffice, those with the least arithmetic on padded tiles; else the fewest.

    Args:
        shape: A layer that `supports` takes.
        dtype: Of its factors, by its name.
    """
    limit = LARGEST_FACTOR[dtype]
    pairs = [(cut, shape.num_factors - cut) for cut in range(1, shape.num_factors)]
    fitting = [pair for pair in pairs if _longest(shape, pair) <= limit]
    if fitting:
        return min(fitting, key=lambda pair: tile_multiply_adds(shape, pair))
    return _fewest_groups(shape, limit)


def _fewest_groups(shape: KroneckerShape, limit: int) -> Groups:
    """The fewest runs of neighbours whose sizes multiply to at most `limit`, from the last on."""
    groups: list[int] = []
    n_in = n_out = limit + 1  # no run is open
    for size_in, size_out in zip(reversed(shape.in_dims), reversed(shape.out_dims), strict=True):
        n_in, n_out = n_in * size_in, n_out * size_out
        if max(n_in, n_out) <= limit:
            groups[0] += 1
        else:
            groups.insert(0, 1)
            n_in, n_out = size_in, size_out
    return tuple(groups)


def _longest(shape: KroneckerShape, groups: Groups) -> int:
    merged = merged_shape(shape, groups)
    return max(*merged.in_dims, *merged.out_dims)


def tile_multiply_adds(shape: KroneckerShape, groups: Groups) -> int:
    """Multiply-adds that a row takes on padded tiles, one copy, in two groups."""
    merged = merged_shape(shape, groups)
    q, s = map(padded, merged.in_dims)
    p, r = map(padded, merged.out_dims)
    return q * r * (s + p)
