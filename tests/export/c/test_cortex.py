"""Networks in integers on emulated Cortex-M0+, M4 and M7: the simulation's bits.

The code for the M4's two multipliers runs nowhere else.
"""

import numpy as np
import pytest

from benchmarks.export import boards
from benchmarks.export.limits import LIMITS
from qimlp.export.c.integers import integer_body
from qimlp.export.c.write import program_of
from tests.export.c.compiled import write
from tests.export.c.networks import described, random_layer, raw_rows

pytestmark = pytest.mark.skipif(boards.missing() is not None, reason=str(boards.missing()))

# Bodies with every rest of a division by 4, fewer than 4 too, odd and even numbers of outputs.
NETWORKS = {
    "two modes": ([(28, 9), (7, 6), (3, 1)], 1, "kronecker", "gelu"),
    "copies": ([(6, 11), (5, 10), (2, 5)], 3, "dense", "tanh"),
    "short": ([(3, 2), (1, 3), (3, 3)], 2, "none", "silu"),
    "three modes": ([(4, 5, 3), (3, 6, 2), (2, 1, 5)], 2, "kronecker", "gelu"),
    "four modes": ([(2, 3, 3, 2), (3, 2, 2, 3), (1, 2, 3, 1)], 1, "kronecker", "relu"),
    "dense": ([(23,), (10,), (3,)], 1, "dense", "gelu"),
}
MNIST = ([(28, 28), (28, 28), (28, 28), (2, 5)], 1, "kronecker", "gelu")


def network_of(folder, form, weights, activations, *, pixels=True):
    bodies, rank, bias, activation = NETWORKS.get(form, MNIST)
    random = np.random.default_rng(3)
    ends = [activation] * (len(bodies) - 2) + ["identity"]
    layers = tuple(
        random_layer(random, ins, outs, rank, bias, end)
        for ins, outs, end in zip(bodies[:-1], bodies[1:], ends, strict=True)
    )
    description = described(layers, shift=99.5, scale=60.0, pixels=pixels)
    rows = raw_rows(description, 12)
    body = integer_body(
        description,
        "net",
        weights=weights,
        activations=activations,
        input_type="uint8_t" if pixels else "float",
        calibration=rows,
    )
    write(program_of(description, "net", body, rows), folder)
    kind = "uint8" if pixels else "float32"
    sizes = (description.in_features, description.num_outputs)
    return boards.Network(folder, "net", kind, "int32", *sizes), rows, body


@pytest.mark.parametrize("board", boards.BOARDS, ids=lambda board: board.name)
@pytest.mark.parametrize("weights", ["i8", "i4"])
@pytest.mark.parametrize("form", NETWORKS)
def test_boards_give_the_bits_of_the_simulation(tmp_path, form, weights, board):
    network, rows, body = network_of(tmp_path, form, weights, "i8")
    run = boards.run(network, rows, board)
    np.testing.assert_array_equal(run.outputs, body.outputs(rows))
    assert boards.size(network, board).ram <= body.static_bytes * (2 if board.name == "M0+" else 1)
    assert run.stack <= body.stack_bytes


@pytest.mark.parametrize("board", boards.BOARDS[:2], ids=lambda board: board.name)
@pytest.mark.parametrize("weights", ["i8", "i4"])
@pytest.mark.parametrize("form", ["copies", "three modes", "dense"])
def test_so_they_do_of_16_bits_and_of_floats_that_come_in(tmp_path, form, weights, board):
    network, rows, body = network_of(tmp_path, form, weights, "i16", pixels=False)
    run = boards.run(network, rows, board, "-O2")
    np.testing.assert_array_equal(run.outputs, body.outputs(rows))
    assert boards.size(network, board).flash > 0  # every warning is an error there


def test_the_self_test_passes_on_the_m4(tmp_path):
    network, _, _ = network_of(tmp_path, "two modes", "i8", "i8")
    assert boards.self_test(network, boards.BOARDS[1]) == 0


@pytest.mark.parametrize("weights", ["i8", "i4"])
def test_the_network_for_mnist_takes_no_more_than_is_wanted(tmp_path, weights):
    network, rows, body = network_of(tmp_path, "MNIST", weights, "i8")
    for board in boards.BOARDS[:2]:
        wanted = LIMITS.get(("2b", weights, board.name, "-Os"), {})
        run, size = boards.run(network, rows[:2], board), boards.size(network, board)
        np.testing.assert_array_equal(run.outputs, body.outputs(rows[:2]))
        found = {"flash": size.flash, "ram": size.ram, "stack": run.stack}
        found["instructions"] = run.instructions.max()
        assert {f: n for f, n in found.items() if n > wanted.get(f, n)} == {}
