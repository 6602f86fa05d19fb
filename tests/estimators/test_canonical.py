import numpy as np
import torch

from qimlp.estimators.canonical import MOST_NUMBERS, Examples, canonical


def examples(rows, weights=None):
    table = torch.tensor(rows, dtype=torch.float32)
    targets = torch.tensor([int(row[0] > 1) for row in rows])
    counted = None if weights is None else torch.tensor(weights, dtype=torch.float64)
    return Examples(table, targets, counted)


def content(found):
    weights = [1.0] * len(found) if found.weights is None else found.weights.tolist()
    return list(zip(found.inputs.tolist(), found.targets.tolist(), weights, strict=True))


def test_equal_rows_become_one_with_the_sum_of_their_weights():
    found = canonical(examples([[1, 2], [3, 4], [1, 2], [5, 6], [1, 2]]))
    assert sorted(content(found)) == [([1, 2], 0, 3), ([3, 4], 1, 1), ([5, 6], 1, 1)]
    weighted = canonical(examples([[1, 2], [3, 4], [1, 2]], [0.5, 2, 1]))
    assert sorted(content(weighted)) == [([1, 2], 0, 1.5), ([3, 4], 1, 2)]


def test_rows_that_differ_in_the_target_alone_stay_apart():
    inputs = torch.zeros(2, 3)
    assert len(canonical(Examples(inputs, torch.tensor([0, 1])))) == 2
    assert len(canonical(Examples(inputs, torch.tensor([[0.25], [0.5]]).double()))) == 2


def test_the_order_does_not_matter():
    random = np.random.default_rng(0)
    rows = random.integers(0, 4, (200, 3)).astype(float).tolist()
    other = [rows[place] for place in random.permutation(200)]
    assert content(canonical(examples(rows))) == content(canonical(examples(other)))


def test_zeros_of_both_signs_are_equal():
    assert len(canonical(examples([[0.0, 1.0], [-0.0, 1.0]]))) == 1


def test_few_of_many_rows_collide():
    random = np.random.default_rng(0)
    rows = torch.from_numpy(random.integers(0, 2, (300_000, 40)).astype(np.float32))
    found = canonical(Examples(rows, torch.zeros(len(rows), dtype=torch.int64)))
    assert len(found) == len(np.unique(rows.numpy(), axis=0))


def test_large_tables_stay_as_they_are():
    large = Examples(torch.empty(1, 1).expand(MOST_NUMBERS + 1, 1), torch.empty(1))
    assert canonical(large) is large


def test_whole_weights_count_as_rows():
    assert examples([[1, 2], [3, 4]], [3, 1]).count == 4
    assert examples([[1, 2], [3, 4]], [3, 0.5]).count == 2
    assert examples([[1, 2], [3, 4]]).count == 2


def test_whole_weights_become_rows():
    found = examples([[1, 2], [3, 4], [5, 6]], [2, 0, 1]).repeated()
    assert found.weights is None
    assert found.inputs.tolist() == [[1, 2], [1, 2], [5, 6]]
    assert found.targets.tolist() == [0, 0, 1]
    for weights in ([2, 0.5, 1], [2, MOST_NUMBERS, 1]):
        as_they_were = examples([[1, 2], [3, 4], [5, 6]], weights)
        assert as_they_were.repeated() is as_they_were
