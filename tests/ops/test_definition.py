import torch

from qimlp.ops.definition import kron_dense
from qimlp.ops.merge import merge_factors
from qimlp.ops.methods.dense import build_weight
from tests.problems import LAYERS, make_factors
from tests.tolerances import assert_close


def test_the_definition_entry_by_entry():
    a, b = make_factors((3, 2), (2, 4), 2)
    weight = kron_dense([a, b])
    for i in range(2):
        for j in range(3):
            for k in range(4):
                for m in range(2):
                    expected = sum(a[c, i, j] * b[c, k, m] for c in range(2))
                    torch.testing.assert_close(weight[i * 4 + k, j * 2 + m], expected)


def test_the_built_weight_is_the_definition():
    for ins, outs, rank in LAYERS:
        factors = make_factors(ins, outs, rank)
        assert_close(build_weight(factors), kron_dense(factors))


def test_merging_neighbours_keeps_the_weight():
    factors = make_factors((2, 3, 2, 2), (3, 1, 2, 4), 3)
    for groups in [(4,), (1, 3), (2, 2), (1, 2, 1), (1, 1, 1, 1)]:
        merged = merge_factors(factors, groups)
        assert len(merged) == len(groups)
        assert_close(kron_dense(merged), kron_dense(factors))
