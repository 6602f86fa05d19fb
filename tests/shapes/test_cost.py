from qimlp import KroneckerShape
from qimlp.shapes.cost import candidates
from qimlp.shapes.problem import Problem, merged_shape


def ways(problem):
    return {candidate.method: candidate for candidate in candidates(problem)}


def test_merging_keeps_the_widths():
    shape = KroneckerShape((4, 4, 7, 7), (7, 2, 3, 5), 3)
    merged = merged_shape(shape, (2, 1, 1))
    assert merged == KroneckerShape((16, 7, 7), (14, 3, 5), 3)


def test_small_factors_are_merged_into_two():
    best = candidates(Problem(KroneckerShape((4, 4, 7, 7), (4, 4, 7, 7)), 1024))[0]
    assert (best.method, best.groups) == ("two_gemm", (2, 2))


def test_dense_wins_at_high_rank_and_tiny_widths():
    for shape in (KroneckerShape((28, 28), (28, 28), 32), KroneckerShape((4, 4), (4, 4))):
        for needs_grad in (False, True):
            assert candidates(Problem(shape, 1024, needs_grad=needs_grad))[0].method == "dense"


def test_a_weight_too_large_to_build_is_not_built():
    problem = Problem(KroneckerShape((1024, 1024), (1024, 1024)), 16, needs_grad=True)
    assert candidates(problem)[0].method == "two_gemm"
    assert ways(problem)["dense"].extra_bytes > 2**42


def test_many_factors_are_searched_in_bounded_time():
    shape = KroneckerShape((2,) * 24, (2,) * 24)
    assert candidates(Problem(shape, 2))[0].method in {"two_gemm", "chain"}


def test_candidates_come_cheapest_first():
    found = candidates(Problem(KroneckerShape((7, 7, 16), (16, 7, 7), 2), 50))
    assert {c.method for c in found} == {"dense", "two_gemm", "chain"}
    assert [c.seconds for c in found] == sorted(c.seconds for c in found)


def test_products_of_bfloat16_in_hardware_win_on_large_work():
    def best(shape, batch, *, torch, kernel="upcast"):
        problem = Problem(shape, batch, "bfloat16", torch_bf16=torch, kernel_bf16=kernel)
        return candidates(problem, fused=True)[0].method

    small, large = KroneckerShape((28, 28), (28, 28)), KroneckerShape((64, 64), (64, 64), 4)
    assert best(small, 50, torch="pairs") == best(small, 50, torch="upcast") == "fused"
    assert best(large, 1024, torch="pairs") == "two_gemm"
    assert best(large, 1024, torch="upcast") == "fused"
    assert best(large, 1024, torch="pairs", kernel="pairs") == "fused"  # the kernel has them, too
    assert best(large, 1024, torch="tiles", kernel="tiles") == "fused"


def test_tiles_want_longer_factors():
    """One at a time (7, 7, 16) leaves tiles of 16 x 16 sums half empty."""
    shape = KroneckerShape((7, 7, 16), (7, 7, 16))
    for narrow, groups in (("upcast", (1, 1, 1)), ("tiles", (2, 1))):
        problem = Problem(shape, 1024, "bfloat16", kernel_bf16=narrow)
        fused = next(c for c in candidates(problem, fused=True) if c.method == "fused")
        assert fused.groups == groups


def test_torchs_products_of_few_columns_are_slow():
    """Measured: 83 us by the kernel, 518 by torch."""
    problem = Problem(KroneckerShape((256, 3), (256, 3), 4), 1)
    assert candidates(problem, fused=True)[0].method == "fused"


def test_few_elements_behind_an_axis_go_side_by_side():
    """Of (256, 3) vectors along the last axis would be filled by three lanes of sixteen."""
    shape = KroneckerShape((256, 3), (256, 3))
    alone, many = (candidates(Problem(shape, batch), fused=True) for batch in (1, 1024))
    seconds = [
        next(c.seconds for c in found if c.method == "fused") / rows
        for found, rows in ((alone, 1), (many, 1024))
    ]
    assert seconds[1] < seconds[0] / 3
    assert many[0].method == "fused"
