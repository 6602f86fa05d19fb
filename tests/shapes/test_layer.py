import pytest

from qimlp import KroneckerShape


def test_counts_of_a_rectangular_layer():
    shape = KroneckerShape((3, 4), (5, 2), rank=2)
    assert (shape.in_features, shape.out_features, shape.num_factors) == (12, 10, 2)
    assert shape.factor_shapes == ((2, 5, 3), (2, 2, 4))
    assert shape.weight_parameters == 2 * (15 + 8)
    assert shape.parameters("kronecker") == 46 + 7
    assert shape.parameters("dense") == 46 + 10
    assert shape.parameters(True) == shape.parameters("dense")
    assert shape.parameters(False) == 46
    assert shape.dense_weight_parameters == 120
    assert shape.compression(False) == 120 / 46


def test_multiply_adds_are_those_of_the_cheapest_order_by_trial():
    from itertools import permutations

    def count(shape, order):
        dims, total = list(shape.in_dims), 0
        for mode in order:
            dims[mode] = shape.out_dims[mode]
            width = 1
            for d in dims:
                width *= d
            total += width * shape.in_dims[mode]
        return shape.rank * total

    shapes = [
        KroneckerShape((3, 4), (5, 2), 2),
        KroneckerShape((2, 7, 3), (5, 2, 3)),
        KroneckerShape((4, 2, 3, 5), (1, 6, 3, 2), 3),
    ]
    for shape in shapes:
        best = min(count(shape, order) for order in permutations(range(shape.num_factors)))
        assert shape.multiply_adds() == best == count(shape, shape.cheapest_order)
        assert shape.multiply_adds(7) == 7 * best


def test_activation_elements():
    assert KroneckerShape((28, 28), (28, 28)).activation_elements(50) == 50 * 2 * 784
    assert KroneckerShape((28, 28), (28, 28), 3).activation_elements() == (1 + 3) * 784


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((28, 0), (28, 28)), "in_dims\\[1\\]: expected an integer of at least 1, got 0"),
        (((28, -1), (28, 28)), "got -1"),
        (((), ()), "at least one size"),
        (((28,), (28, 28)), "as many in_dims as out_dims"),
        (((2, 2), (2, 2), 0), "rank: expected an integer of at least 1, got 0"),
    ],
)
def test_bad_sizes(arguments, message):
    with pytest.raises(ValueError, match=message):
        KroneckerShape(*arguments)


@pytest.mark.parametrize("dims", [(2.0, 2), (True, 2), ("2", 2), "22", 4])
def test_sizes_that_are_no_integers(dims):
    with pytest.raises(TypeError, match="in_dims"):
        KroneckerShape(dims, (2, 2))


def test_unknown_bias():
    with pytest.raises(ValueError, match="bias: expected"):
        KroneckerShape((2, 2), (2, 2)).parameters("kron")
