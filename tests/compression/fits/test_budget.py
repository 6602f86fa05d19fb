"""Properties that every allocation has, and the best one where it is known."""

import time
from itertools import product

import numpy as np
import pytest
import torch

from qimlp.compression import CompressionConfig
from qimlp.compression.fits import (
    Choice,
    Curve,
    Layout,
    allocate,
    candidate_layouts,
    parameter_budget,
)
from tests.compression.fits.examples import kronecker_curve, low_rank_curve

SIZES = [(48, 48), (48, 192), (192, 48), (64, 64), (36, 10)]


def curve(
    layout: Layout, decay: float, rng: np.random.Generator, *, has_bias: bool = True
) -> Curve:
    """Errors as of singular values that fall like `rank ** -decay`, with noise."""
    ranks = np.arange(1, layout.max_rank + 1)
    squares = ranks**-decay * rng.uniform(0.5, 1.5, len(ranks))
    tail = np.append(np.cumsum(np.sort(squares))[::-1], 0.0)
    return Curve(layout, tuple(np.sqrt(tail / tail[0]).tolist()), has_bias)


def layers(seed: int, count: int = 8, forms: str = "both") -> dict[str, list[Curve]]:
    rng = np.random.default_rng(seed)
    found = {}
    for i in range(count):
        ins, outs = SIZES[rng.integers(len(SIZES))]
        layouts = candidate_layouts(ins, outs, "low_rank") if forms != "kronecker" else []
        if forms != "low_rank":
            layouts = layouts + candidate_layouts(ins, outs, "kronecker")
        decay = float(rng.uniform(0.2, 3))
        has_bias = bool(rng.integers(2))
        found[f"layer.{i}"] = [curve(each, decay, rng, has_bias=has_bias) for each in layouts]
    return found


def cost(curves: dict[str, list[Curve]], chosen: dict[str, Choice | None]) -> int:
    return sum(
        curves[name][0].dense_parameters if each is None else each.parameters
        for name, each in chosen.items()
    )


def errors(chosen: dict[str, Choice | None]) -> float:
    return sum(each.error for each in chosen.values() if each is not None)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("forms", ["low_rank", "kronecker", "both"])
@pytest.mark.parametrize("allocation", ["greedy", "uniform"])
@pytest.mark.parametrize("ratio", [1.3, 2.0, 3.5, 5.0])
def test_the_budget_is_kept_and_nearly_used(
    seed: int, forms: str, allocation: str, ratio: float
) -> None:
    curves = layers(seed, forms=forms)
    config = CompressionConfig(ratio=ratio, allocation=allocation)
    budget = parameter_budget(curves, config)
    total = sum(each[0].dense_parameters for each in curves.values())
    assert budget == int(total / ratio)
    chosen = allocate(curves, budget, config)
    assert list(chosen) == list(curves)
    assert 0.97 * budget < cost(curves, chosen) <= budget
    for name, each in chosen.items():
        if each is None:
            continue
        of = next(one for one in curves[name] if one.layout == each.layout)
        assert each.parameters == of.parameters(each.rank) < of.dense_parameters
        assert each.error == of.errors[each.rank]


def test_parameters_are_those_of_the_layer_with_its_bias() -> None:
    low, high = candidate_layouts(64, 64, "low_rank")[0], Layout("kronecker", (8, 8), (8, 8))
    assert low.parameters(1) == 128 + 64  # a low rank's bias stays dense
    assert high.parameters(1) == 128 + 16  # 64 would be a third
    assert high.bias_form(1) == "kronecker"
    assert high.parameters(2) == 256 + 64  # 64 is a fifth
    assert high.bias_form(2) == "dense"
    assert high.parameters(2, has_bias=False) == 256
    assert high.bias_form(2, has_bias=False) is None
    assert Curve(high, (1.0, 0.5), True).dense_parameters == 64 * 64 + 64
    assert Curve(high, (1.0, 0.5), False).dense_parameters == 64 * 64


@pytest.mark.parametrize("seed", range(10))
def test_greedy_is_about_the_best_allocation_there_is(seed: int) -> None:
    """Without a floor, against a search through all choices of three layers."""
    curves = layers(seed, 3, "low_rank")
    for ratio in (2.0, 4.0):
        config = CompressionConfig(ratio=ratio, min_share=0.0)
        budget = parameter_budget(curves, config)
        found = errors(allocate(curves, budget, config))
        options = []
        for each in curves.values():
            ranks = range(1, len(each[0].errors))
            kept = [(each[0].parameters(rank), each[0].errors[rank]) for rank in ranks]
            kept = [one for one in kept if one[0] < each[0].dense_parameters]
            options.append([*kept, (each[0].dense_parameters, 0.0)])
        best = min(
            sum(one[1] for one in chosen)
            for chosen in product(*options)
            if sum(one[0] for one in chosen) <= budget
        )
        assert best <= found <= 1.07 * best + 1e-12


@pytest.mark.parametrize("ratio", [1.5, 3.0, 6.0, 12.0])
def test_no_budget_loses_to_truncated_svd_in_weight_error(ratio: float) -> None:
    """Low rank is among the layouts: real weights, some nearly of low rank, some of Kronecker."""
    generator = torch.Generator().manual_seed(0)

    def draw(*sizes: int) -> torch.Tensor:
        return torch.randn(*sizes, generator=generator)

    weights = {
        "any": draw(48, 48),
        "low": draw(48, 4) @ draw(4, 192) + 0.3 * draw(48, 192),
        "kron": torch.kron(draw(16, 8), draw(12, 6)) + 0.3 * draw(192, 48),
    }
    low, both = {}, {}
    for name, weight in weights.items():
        low[name] = [low_rank_curve(weight)]
        layouts = candidate_layouts(weight.shape[1], weight.shape[0], "kronecker")
        both[name] = low[name] + [kronecker_curve(weight, None, each) for each in layouts]
    config = CompressionConfig(ratio=ratio, min_share=0.0)
    budget = parameter_budget(low, config)
    svd, found = (allocate(each, budget, config) for each in (low, both))
    assert cost(both, found) <= budget
    assert errors(found) <= errors(svd)
    kron, low_kron = found["kron"], svd["kron"]
    if ratio > 2:  # below, the layer may stay dense
        assert kron is not None
        assert low_kron is not None
        assert kron.layout.form == "kronecker"
        assert kron.error < 0.5 * low_kron.error


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("min_share", [0.0, 0.5, 0.75, 1.0])
def test_every_layer_gets_its_floor(seed: int, min_share: float) -> None:
    curves = layers(seed, forms="low_rank")
    total = sum(each[0].dense_parameters for each in curves.values())
    for ratio in (1.5, 3.0):
        config = CompressionConfig(ratio=ratio, min_share=min_share)
        budget = parameter_budget(curves, config)
        for name, each in allocate(curves, budget, config).items():
            if each is None:
                continue
            share = budget * curves[name][0].dense_parameters / total
            step = each.layout.parameters_of_a_term  # no choice may lie between floor and share
            assert each.parameters >= min(min_share * share, share - step)


def test_without_a_floor_one_layer_starves() -> None:
    """What the floor is for: a layer whose error falls slowly, beside one that falls at once."""
    layout = candidate_layouts(64, 64, "low_rank")[0]
    slow = tuple(np.sqrt(np.linspace(1, 0, 65)).tolist())
    fast = tuple(np.sqrt(0.1 * np.linspace(1, 0, 65)).tolist())
    curves = {"slow": [Curve(layout, slow, True)], "fast": [Curve(layout, (1.0, *fast[1:]), True)]}
    config = CompressionConfig(ratio=3, min_share=0.0)
    ranks = {
        share: [
            0 if each is None else each.rank
            for each in allocate(
                curves,
                parameter_budget(curves, config),
                CompressionConfig(ratio=3, min_share=share),
            ).values()
        ]
        for share in (0.0, 0.75, 1.0)
    }
    assert ranks[0.0][1] == 1
    assert ranks[0.75][0] > ranks[0.75][1] >= 0.75 * 10 - 1
    assert ranks[1.0] == [10, 10]


def test_uniform_gives_layers_of_one_size_the_same() -> None:
    rng = np.random.default_rng(0)
    layout = candidate_layouts(96, 96, "low_rank")[0]
    curves = {f"{i}": [curve(layout, 0.2 + i, rng)] for i in range(6)}
    config = CompressionConfig(ratio=4, allocation="uniform")
    chosen = allocate(curves, parameter_budget(curves, config), config)
    ranks = [each.rank for each in chosen.values() if each is not None]
    assert len(ranks) == 6
    assert max(ranks) - min(ranks) <= 1
    assert ranks == sorted(ranks, reverse=True)  # the one more goes where errors are largest


@pytest.mark.parametrize("allocation", ["greedy", "uniform"])
def test_a_ratio_out_of_reach_names_the_largest_that_works(allocation: str) -> None:
    curves = layers(3, forms="low_rank")
    config = CompressionConfig(ratio=500, allocation=allocation)
    with pytest.raises(
        ValueError, match=r"ratio: expected at most (\d+\.\d+), .*, got 500"
    ) as said:
        allocate(curves, parameter_budget(curves, config), config)
    most = float(str(said.value).split("at most ")[1].split(",")[0])
    config = CompressionConfig(ratio=most, allocation=allocation)
    chosen = allocate(curves, parameter_budget(curves, config), config)
    assert all(each is not None and each.rank == 1 for each in chosen.values())
    config = CompressionConfig(ratio=most + 0.02, allocation=allocation)
    with pytest.raises(ValueError, match=r"ratio: expected at most"):
        allocate(curves, parameter_budget(curves, config), config)
    config = CompressionConfig(max_parameters=10)
    with pytest.raises(ValueError, match=r"max_parameters: expected 1,\d\d\d or more, .*, got 10"):
        allocate(curves, parameter_budget(curves, config), config)


def test_a_layer_that_gets_no_smaller_stays_dense() -> None:
    low = candidate_layouts(64, 2, "low_rank")[0]  # rank 1 has 68 parameters, dense 130
    tiny = candidate_layouts(2, 2, "low_rank")[0]  # rank 1 has as many as dense
    curves = {
        "low": [Curve(low, (1.0, 0.5, 0.0), True)],
        "tiny": [Curve(tiny, (1.0, 0.5, 0.0), True)],
    }
    config = CompressionConfig(max_parameters=74)
    chosen = allocate(curves, 74, config)
    assert chosen["tiny"] is None
    assert chosen["low"] == Choice(low, 1, 68, 0.5)


def test_only_what_is_allowed_is_chosen() -> None:
    curves = layers(1, forms="both")
    asked: list[tuple[str, Layout, int]] = []

    def allowed(name: str, layout: Layout, rank: int) -> bool:
        asked.append((name, layout, rank))
        return name != "layer.0" and layout.form == "low_rank" and rank <= 7

    config = CompressionConfig(ratio=1.5)
    chosen = allocate(curves, parameter_budget(curves, config), config, allowed=allowed)
    assert chosen["layer.0"] is None
    for each in chosen.values():
        assert each is None or (each.layout.form == "low_rank" and each.rank <= 7)
    assert any(each is not None and each.rank == 7 for each in chosen.values())
    assert len(asked) < 300  # found by halving
    config = CompressionConfig(ratio=50)
    with pytest.raises(ValueError, match="where every new layer is faster, got 50"):
        allocate(curves, parameter_budget(curves, config), config, allowed=allowed)


def test_two_hundred_layers_of_a_thousand_ranks_take_a_moment() -> None:
    rng = np.random.default_rng(0)
    layout = candidate_layouts(2048, 2048, "low_rank")[0]
    curves = {f"{i}": [curve(layout, rng.uniform(0.2, 3), rng)] for i in range(200)}
    config = CompressionConfig(ratio=4)
    began = time.process_time()
    chosen = allocate(curves, parameter_budget(curves, config), config)
    assert time.process_time() - began < 15
    assert cost(curves, chosen) > 0.999 * parameter_budget(curves, config)


def test_candidate_layouts() -> None:
    assert candidate_layouts(12, 35, "low_rank") == [Layout("low_rank", (1, 12), (35, 1))]
    found = candidate_layouts(784, 784, "kronecker")
    assert found[0] == Layout("kronecker", (28, 28), (28, 28))
    assert len(found) == 3
    three = candidate_layouts(784, 384, "kronecker", 3)
    assert all(len(each.in_dims) == 3 and min(*each.in_dims, *each.out_dims) > 1 for each in three)
    assert candidate_layouts(784, 10, "kronecker")[0].out_dims in {(2, 5), (5, 2)}
    for widths in ((383, 384), (384, 383)):
        with pytest.raises(ValueError, match='got 38. inputs and 38. outputs; the form "low_rank"'):
            candidate_layouts(*widths, "kronecker")
    with pytest.raises(ValueError, match="products of 3 sizes above 1"):
        candidate_layouts(784, 10, "kronecker", 3)
