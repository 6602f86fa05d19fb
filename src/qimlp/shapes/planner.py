"""Which factorisations of a layer are worth a look."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import log

from qimlp.shapes.cost import candidates, linear_seconds
from qimlp.shapes.factorize import Factorizations, is_prime, most_balanced
from qimlp.shapes.layer import KroneckerShape, as_size
from qimlp.shapes.paper import paper_layers
from qimlp.shapes.problem import Problem

PaperLayers = dict[tuple[tuple[int, ...], tuple[int, ...]], str]

_MOST_FACTORS = 64  # more than any width below has prime factors
_LARGEST = 2**40  # a row of so many features takes terabytes
_SEARCHED = 40  # factorisations of each width that are paired with each other


@dataclass(frozen=True)
class Plan:
    """One factorisation of a layer, with what it costs.

    Attributes:
        in_dims: Sizes of the input's bodies.
        out_dims: Sizes of the output's bodies.
        rank: Number of summed Kronecker products.
        matrix_rank: Largest rank that the weight can have as a matrix; below the smaller width it
            cannot be every weight's equal, however it is trained.
        parameters: Trainable numbers, with a Kronecker bias.
        dense_parameters: Those of `nn.Linear` of the same width, with its bias.
        compression: `dense_parameters / parameters`.
        multiply_adds: Of one forward pass of one sample, factor by factor.
        dense_multiply_adds: The same for the full weight.
        predicted_cost: Predicted time over that of `nn.Linear`, forward and backward at the
            plan's batch in float32 on a CPU core; below 1 is faster. A model, not a measurement.
        method: The method to compute it that is predicted to be the fastest.
        note: What to know of it: a dense layer in disguise, or a shape of the paper. May be empty.
        search: What the search left out, the same for all plans of one call, such as "searched the
            40 most balanced factorisations of 720720; there are more". Empty where it compared all.
    """

    in_dims: tuple[int, ...]
    out_dims: tuple[int, ...]
    rank: int
    matrix_rank: int
    parameters: int
    dense_parameters: int
    compression: float
    multiply_adds: int
    dense_multiply_adds: int
    predicted_cost: float
    method: str
    note: str
    search: str = ""

    @property
    def shape(self) -> KroneckerShape:
        """The layer's shape."""
        return KroneckerShape(self.in_dims, self.out_dims, self.rank)

    @property
    def way(self) -> str:
        """The older name of `method`."""
        return self.method

    def to_dict(self) -> dict[str, object]:
        """All fields, ready for JSON; `method` by its older name `way`, too."""
        return {**asdict(self), "way": self.method}


def plan(
    in_features: int,
    out_features: int,
    num_factors: int = 2,
    rank: int = 1,
    *,
    batch: int = 50,
    limit: int | None = 20,
) -> list[Plan]:
    """List the factorisations of a layer, the recommended one first.

    The paper's principle: factors as large and as equal as possible; before it comes that the
    weight can have full rank as a matrix, which `(24, 32) -> (32, 24)` cannot. Nothing is padded,
    and the
    number of factors is the one asked for: where a width has no useful factorisation (a prime has
    only `(1, p)`), the plan says so in its note. Shapes that the paper uses are always listed.

    Args:
        in_features: Width of the input.
        out_features: Width of the output.
        num_factors: Number of factors M, at least 1.
        rank: Number of summed Kronecker products.
        batch: Rows for which the cost is predicted.
        limit: How many plans to return at most; `None` for all that were compared (the 40 most
            balanced factorisations of each width, in every pairing; where there are more, each
            plan's `search` says so). Shapes of the paper come on top.

    Returns:
        Plans, those with factors of size 1 (a dense layer in disguise) last.

    Raises:
        TypeError: An argument is no integer.
        ValueError: An argument below 1, more than 64 factors, or a width, rank or batch above 2^40.
    """
    in_features = _at_most(_LARGEST, "in_features", in_features)
    out_features = _at_most(_LARGEST, "out_features", out_features)
    num_factors = _at_most(_MOST_FACTORS, "num_factors", num_factors)
    rank = _at_most(_LARGEST, "rank", rank)
    batch = _at_most(_LARGEST, "batch", batch)
    if limit is not None:
        limit = as_size("limit", limit)

    widths = {
        width: most_balanced(width, num_factors, _SEARCHED) for width in (in_features, out_features)
    }
    pairs: set[tuple[tuple[int, ...], tuple[int, ...]]] = set()
    for ins in widths[in_features].found:
        for outs in widths[out_features].found:
            pairs.add((ins, outs[::-1]))  # large meets small: fewest parameters, equal factors
            pairs.add((ins, outs))
    known = paper_layers()
    shapes = [KroneckerShape(ins, outs, rank) for ins, outs in sorted(pairs)]
    shapes.sort(key=_preference)
    shown = shapes[:limit]
    for ins, outs in known:
        of_paper = KroneckerShape(ins, outs, rank)
        size = (of_paper.in_features, of_paper.out_features, of_paper.num_factors)
        if size == (in_features, out_features, num_factors) and of_paper not in shown:
            shown.append(of_paper)
    search = _left_out(widths)
    return [_plan(shape, batch, known, search) for shape in shown]


def _left_out(widths: dict[int, Factorizations]) -> str:
    """Say which widths have more factorisations than were searched; empty for none."""
    cut = [str(width) for width, searched in widths.items() if not searched.complete]
    if not cut:
        return ""
    return (
        f"searched the {_SEARCHED} most balanced factorisations of {' and of '.join(cut)}; "
        "there are more"
    )


def _at_most(most: int, name: str, value: int) -> int:
    size = as_size(name, value)
    if size > most:
        raise ValueError(f"{name}: expected at most {most:,}, got {size}")
    return size


def _preference(shape: KroneckerShape) -> tuple[object, ...]:
    """Sort key: few disguised factors, full rank, bodies equal, factors equal, few parameters."""
    ones = sum(i == 1 for i in shape.in_dims) + sum(o == 1 for o in shape.out_dims)
    bodies = _unevenness(shape.in_dims) + _unevenness(shape.out_dims)
    sizes = _unevenness([o * i for _, o, i in shape.factor_shapes])
    missing = min(shape.in_features, shape.out_features) - shape.matrix_rank
    return (
        ones,
        missing,
        round(bodies + sizes, 9),
        shape.weight_parameters,
        shape.in_dims,
        shape.out_dims,
    )


def _unevenness(sizes: list[int] | tuple[int, ...]) -> float:
    logs = [log(size) for size in sizes]
    mean = sum(logs) / len(logs)
    return sum((x - mean) ** 2 for x in logs)


def _plan(shape: KroneckerShape, batch: int, known: PaperLayers, search: str) -> Plan:
    problem = Problem(shape, batch, needs_grad=True)
    best = candidates(problem)[0]
    return Plan(
        in_dims=shape.in_dims,
        out_dims=shape.out_dims,
        rank=shape.rank,
        matrix_rank=shape.matrix_rank,
        parameters=shape.parameters("kronecker"),
        dense_parameters=shape.dense_weight_parameters + shape.out_features,
        compression=shape.compression("kronecker"),
        multiply_adds=shape.multiply_adds(),
        dense_multiply_adds=shape.dense_multiply_adds(),
        predicted_cost=best.seconds / linear_seconds(problem),
        method=best.describe(shape),
        note="; ".join(_notes(shape, known)),
        search=search,
    )


def _notes(shape: KroneckerShape, known: PaperLayers) -> list[str]:
    notes = []
    for side, dims, width in (
        ("input", shape.in_dims, shape.in_features),
        ("output", shape.out_dims, shape.out_features),
    ):
        ones = sum(d == 1 for d in dims)
        if not ones or shape.num_factors == 1:
            continue
        if is_prime(width):
            notes.append(f"{side} width {width} is prime: no useful factorisation, only {dims}")
        elif width == 1:
            notes.append(f"{side} width 1 cannot be factorised")
        else:
            notes.append(f"{side} {dims} has {ones} factor{'s' * (ones > 1)} of size 1")
    if _is_dense(shape):
        notes.append("a dense layer in disguise: one factor is the whole weight")
    if shape.weight_parameters >= shape.dense_weight_parameters:
        notes.append("not smaller than the dense weight")
    if where := known.get((shape.in_dims, shape.out_dims)):
        notes.append(f"the paper's {where}")
    return notes


def _is_dense(shape: KroneckerShape) -> bool:
    return any(o * i == shape.dense_weight_parameters for _, o, i in shape.factor_shapes)
