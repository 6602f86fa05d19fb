"""Widths of ordinary networks at the parameters of a QiMLP: the controls that the paper lacks."""

from itertools import pairwise


def dense_count(widths: tuple[int, ...]) -> int:
    """Parameters of a classic MLP.

    Args:
        widths: Of the input and of every layer's output.

    Returns:
        Weights and biases.
    """
    return sum(a * b + b for a, b in pairwise(widths))


def low_rank_count(widths: tuple[int, ...], rank: int) -> int:
    """Parameters of a `qimlp.models.LowRankMLP`.

    Args:
        widths: Of the input and of every layer's output.
        rank: Inner width; a layer that it would not make smaller is dense.

    Returns:
        Weights and biases.
    """
    return sum((rank * (a + b) if rank < min(a, b) else a * b) + b for a, b in pairwise(widths))


def narrow_widths(budget: int, widths: tuple[int, ...]) -> tuple[int, ...] | None:
    """The widest classic MLP of the same depth within a number of parameters.

    Args:
        budget: Parameters allowed.
        widths: Of the full network; its input, output and depth are kept.

    Returns:
        The widths; None where even one unit per hidden layer is too much.
    """
    depth, best = len(widths) - 2, None
    for hidden in range(1, max(widths) + 1):
        candidate = (widths[0], *[hidden] * depth, widths[-1])
        if dense_count(candidate) > budget:
            break
        best = candidate
    return best


def low_rank_widths(budget: int, widths: tuple[int, ...]) -> tuple[tuple[int, ...], int] | None:
    """A low-rank MLP of the same depth within a number of parameters.

    Of all ranks for which the hidden layers are at least twice as wide as the rank, the largest is
    taken, and then the widest network, up to the full network's width.

    Args:
        budget: Parameters allowed.
        widths: Of the full network; its input, output and depth are kept.

    Returns:
        Widths and rank; None where none fits.
    """
    depth, best = len(widths) - 2, None
    for rank in range(1, max(widths) // 2):
        hidden = 2 * rank
        if low_rank_count((widths[0], *[hidden] * depth, widths[-1]), rank) > budget:
            break
        while hidden < max(widths[1:-1]):
            wider = (widths[0], *[hidden + 1] * depth, widths[-1])
            if low_rank_count(wider, rank) > budget:
                break
            hidden += 1
        best = ((widths[0], *[hidden] * depth, widths[-1]), rank)
    return best
