"""Networks by name: the paper's on its data sets, the planner's on any other."""

from __future__ import annotations

from qimlp.shapes import PAPER_NETWORKS, PAPER_WIDTHS, as_size, plan

#: Names of networks, each with its number of bodies; those of other kinds have none.
NAMED_NETWORKS = {"table": None, "mlp": None, "low-rank": None, "2b": 2, "3b": 3, "4b": 4}
DEFAULT_DEPTH = 3


def named_network(
    model: str,
    *,
    in_features: int,
    out_features: int,
    data_set: str | None = None,
    depth: int | None = None,
    width: int | None = None,
) -> list[tuple[int, ...]] | list[int]:
    """Choose the widths of an `mlp` or `low-rank` network, or dims of a `2b`, `3b` or `4b` one.

    On the paper's data sets (and without a `depth` or `width` of one's own) these are the paper's
    networks. Elsewhere every hidden layer has the `width`, in the planner's most equal bodies.

    Args:
        model: One of `NAMED_NETWORKS`, but for `table`, whose sizes are its own.
        in_features: Width of the input.
        out_features: Width of the output.
        data_set: Name of the data set, where it has one.
        depth: Number of layers; 3 where none is given.
        width: Width of the hidden layers; that of the input where none is given.

    Returns:
        A list of widths (`mlp`, `low-rank`) or of tuples, from the input to the output.

    Raises:
        TypeError: A width is no integer.
        ValueError: An unknown name, or a size below 1.
    """
    planned = [name for name in NAMED_NETWORKS if name != "table"]
    if model not in planned:
        raise ValueError(f"model: expected one of {', '.join(planned)}, got {model!r:.80}")
    in_features, out_features = (
        as_size("in_features", in_features),
        as_size("out_features", out_features),
    )
    layers = DEFAULT_DEPTH if depth is None else as_size("depth", depth)
    hidden_width = in_features if width is None else as_size("width", width)
    if layers == 1:
        hidden_width = in_features  # nothing is hidden
    widths = PAPER_WIDTHS.get(data_set or "", ())
    of_paper = (
        depth is None
        and width is None
        and widths
        and (widths[0], widths[-1]) == (in_features, out_features)
    )
    bodies = NAMED_NETWORKS[model]
    if bodies is None and of_paper:
        return list(widths)
    if bodies is None:
        return [in_features, *[hidden_width] * (layers - 1), out_features]
    if of_paper and bodies in PAPER_NETWORKS[str(data_set)]:
        return list(PAPER_NETWORKS[str(data_set)][bodies])
    first = plan(in_features, hidden_width, bodies, limit=1)[0].in_dims
    hidden = plan(hidden_width, hidden_width, bodies, limit=1)[0].in_dims
    last = plan(hidden_width, out_features, bodies, limit=1)[0].out_dims
    return [first, *[hidden] * (layers - 1), last]
