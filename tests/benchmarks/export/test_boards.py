"""The harness of emulated microcontrollers, on code whose costs are known."""

import numpy as np
import pytest

from benchmarks.export import boards

pytestmark = pytest.mark.skipif(boards.missing() is not None, reason=str(boards.missing()))

SOURCE = """\
#include "toy.h"
static const int8_t weights[6] = {1, -2, 3, 100, -128, 7};
static volatile int32_t sums[2];
int toy_predict(const uint8_t *x, int32_t *y)
{
    volatile uint8_t held[200];
    held[0] = x[0];
    for (int o = 0; o < 2; o++) {
        sums[o] = held[0] - x[0];
        for (int i = 0; i < 3; i++)
            sums[o] += weights[o * 3 + i] * x[i];
        y[o] = sums[o];
    }
    int loops = LOOPS;
    __asm__ volatile(".syntax unified\\n1: subs %0, #1\\n bne 1b" : "+l"(loops) : : "cc");
    return 0;
}
"""
HEADER = "#include <stdint.h>\nint toy_predict(const uint8_t *x, int32_t *y);\n"
TEST = """\
#include "toy.h"
int main(void)
{
    static const uint8_t x[3] = {1, 2, 3};
    int32_t y[2];
    return toy_predict(x, y) || y[0] != 6 || y[1] != %d;
}
"""


def toy(folder, loops=1, second=-135):
    folder.mkdir(exist_ok=True)
    (folder / "toy.c").write_text(SOURCE.replace("LOOPS", str(loops)), encoding="ascii")
    (folder / "toy.h").write_text(HEADER, encoding="ascii")
    (folder / "toy_test.c").write_text(TEST % second, encoding="ascii")
    return boards.Network(folder, "toy", "uint8", "int32", 3, 2)


@pytest.fixture(params=boards.BOARDS, ids=lambda board: board.name)
def board(request):
    return request.param


def test_outputs_are_those_of_every_example(tmp_path, board):
    x = np.random.default_rng(0).integers(0, 256, (7, 3))
    weights = np.array([[1, -2, 3], [100, -128, 7]])
    run = boards.run(toy(tmp_path), x, board)
    np.testing.assert_array_equal(run.outputs, x @ weights.T)


def test_instructions_are_counted(tmp_path, board):
    x = np.zeros((2, 3))
    short = boards.run(toy(tmp_path / "short"), x, board, "-O2").instructions
    long = boards.run(toy(tmp_path / "long", 100_001), x, board, "-O2").instructions
    np.testing.assert_allclose(long - short, 200_000, atol=3 * board.tick)


def test_stack_holds_the_local_array_and_little_else(tmp_path, board):
    assert 200 <= boards.run(toy(tmp_path), np.zeros((1, 3)), board).stack <= 300


def test_sections_are_added_up(tmp_path, board):
    size = boards.size(toy(tmp_path), board)
    assert size.ram == 8
    assert 60 < size.flash < 200


@pytest.mark.parametrize(("second", "code"), [(-135, 0), (-134, 1)])
def test_the_exit_code_is_that_of_the_self_test(tmp_path, board, second, code):
    assert boards.self_test(toy(tmp_path, second=second), board) == code


def test_code_that_does_not_compile_is_refused_with_the_compilers_words(tmp_path):
    network = toy(tmp_path)
    (tmp_path / "toy.c").write_text("int toy_predict(void) { return nothing; }", encoding="ascii")
    with pytest.raises(RuntimeError, match="'nothing' undeclared"):
        boards.size(network, boards.BOARDS[0])
