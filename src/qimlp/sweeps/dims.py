"""Sizes of the bodies that a sweep chooses from, by the planner."""

from math import prod

from qimlp.settings import TrainSettings
from qimlp.shapes import factorizations, format_dims, plan

_FIRSTS = 2
_HIDDEN = (0.25, 0.5, 2.0)
"""Widths of the hidden layers beside the usual one, as parts of it."""

_FEW_LAYERS = 2


def dims_choices(settings: TrainSettings, sizes: list[tuple[int, ...]]) -> tuple[str, ...]:
    """List networks of several widths and depths, the usual one first.

    The input is split as usual and in the planner's next balanced way. Hidden layers have the
    usual width, and where no `width` is set about a quarter, a half and twice of it, always in
    equal bodies. The usual depth comes with two layers as well, where no `depth` is set.

    Args:
        settings: Of the sweep; `width` and `depth` are kept where they are set.
        sizes: Of the usual network.

    Returns:
        Each network as text, as the setting `dims` takes it.
    """
    first, *hidden, last = sizes
    bodies, outputs = len(first), prod(last)
    if not hidden:
        return (_text(sizes),)
    usual = hidden[0]
    depths = [len(hidden)]
    if settings.network.depth is None and len(hidden) > _FEW_LAYERS - 1:
        depths.append(_FEW_LAYERS - 1)
    grids = [usual]
    if settings.network.width is None:
        grids += [_equal(prod(usual) * part, bodies) for part in _HIDDEN]
    chosen = [sizes]
    for split in _splits(first):
        for grid in grids:
            end = last if grid == usual else plan(prod(grid), outputs, bodies, limit=1)[0].out_dims
            chosen += [[split, *[grid] * depth, end] for depth in depths]
    return tuple(dict.fromkeys(_text(network) for network in chosen))


def _splits(first: tuple[int, ...]) -> list[tuple[int, ...]]:
    """The usual split of the input, and the most balanced other one without a size of 1."""
    found = factorizations(prod(first), len(first), _FIRSTS + 1)
    others = [dims for dims in found if 1 not in dims and sorted(dims) != sorted(first)]
    return [first, *others[: _FIRSTS - 1]]


def _equal(width: float, bodies: int) -> tuple[int, ...]:
    """Equal bodies of about this width."""
    return (max(round(width ** (1 / bodies)), 2),) * bodies


def _text(sizes: list[tuple[int, ...]]) -> str:
    return ",".join(format_dims(layer) for layer in sizes)
