"""Several runs in a table and in words, from numbers that are known."""

import pytest

from qimlp.correlation import relate
from qimlp.paper.analysis.run_answers import (
    LayerOverRuns,
    layer_answer,
    layer_table,
    relation_answer,
)
from qimlp.statistics import Estimate


def about(mean, half=0.1, count=3):
    return Estimate(mean, mean - half, mean + half, half, count)


FIRST = LayerOverRuns(
    1, {"2b": about(1.5)}, {}, {"2b": {"random": about(-1), "untrained": about(0.3)}}, None, None
)
SECOND = LayerOverRuns(
    2,
    {"2b": about(1.7)},
    {"2b": about(0.2)},
    {"2b": {"random": about(-0.9), "shuffled": about(0.02), "mlp": about(0.4)}},
    None,
    None,
)
THIRD = LayerOverRuns(3, {"2b": about(1)}, {"2b": about(-0.7)}, {"2b": {}}, None, None)


def test_a_table_has_a_column_per_layer_and_marks_what_is_clear():
    table = layer_table("2b", [FIRST, SECOND], "nats")
    assert (table.network, table.runs) == ("2b", 3)
    assert table.columns == ("", "layer 1", "layer 2")
    assert table.rows == (
        ("C (nats)", "1.50 [1.40, 1.60]", "1.70 [1.60, 1.80]"),
        ("C minus that of the layer before", "", "▲ +0.20 [+0.10, +0.30]"),
        ("C minus that of the same network untrained", "▲ +0.30 [+0.20, +0.40]", ""),
        (
            "C minus that of its features shuffled between samples",
            "",
            "≈ +0.02 [-0.08, +0.12]",
        ),
        (
            "C minus that of a random vector",
            "▼ -1.00 [-1.10, -0.90]",
            "▼ -0.90 [-1.00, -0.80]",
        ),
        (
            "C minus that of the classic MLP of the same widths",
            "",
            "▲ +0.40 [+0.30, +0.50]",
        ),
    )


def test_the_question_is_answered_about_the_second_layer():
    question = "Does the second layer hold more than the first, and more than chance (2b, 3 runs)?"
    answer = (
        f"{question} It holds more than the first (+0.20), less than chance: a random vector "
        "(-0.90) and about as much as its own features shuffled between samples (+0.02). It holds "
        "more than the classic MLP of the same widths (+0.40)."
    )
    assert layer_answer("2b", [FIRST, SECOND]) == answer
    steps = "Of the 2 steps from layer to layer C clearly rises in 1 and clearly falls in 1."
    assert layer_answer("2b", [FIRST, SECOND, THIRD]) == f"{answer} {steps}"


def test_a_network_with_one_hidden_layer():
    assert layer_answer("2b", [FIRST]) == (
        "Does the layer hold more than chance (2b, 3 runs)? It holds less than chance: a random "
        "vector (-1.00). It holds more than the same network untrained (+0.30)."
    )


@pytest.mark.parametrize(
    ("accuracy", "words"),
    [
        ([1, 2, 3, 4, 5], "it rises with C (+1.00 [+1.00, +1.00], p = 0.02)"),
        ([5, 4, 3, 2, 1], "it falls with C (-1.00 [-1.00, -1.00], p = 0.02)"),
        ([2, 1, 5, 1, 2], "there is no clear relation (+0.00"),
    ],
)
def test_whether_accuracy_goes_with_c(accuracy, words):
    related = LayerOverRuns(1, {}, {}, {}, relate([1, 2, 3, 4, 5], accuracy), None)
    answer = relation_answer([related], {"2b": 3, "2b-rank2": 2})
    assert answer.startswith("Does accuracy go with C? Over 5 runs (3 of 2b, 2 of 2b-rank2) in ")
    assert words in answer
    assert answer.endswith("may go with their size. There are too few runs of one kind to tell.")
    assert relation_answer([related], {"2b": 5}).endswith("permutation test).")
    few = relation_answer([FIRST], {"2b": 3})
    assert few == "Whether accuracy goes with C cannot be said from 3 runs: four are needed."


def test_what_separates_networks_of_several_kinds_is_told_apart():
    pooled = relate([1, 2, 3, 4, 5], [1, 2, 3, 4, 5])
    within = relate([1, 2, 3, 4, 5], [2, 1, 5, 1, 2])
    answer = relation_answer(
        [LayerOverRuns(1, {}, {}, {}, pooled, within)], {"2b": 3, "2b-rank2": 2}
    )
    assert "Over 5 runs (3 of 2b, 2 of 2b-rank2) in layer 1 it rises with C" in answer
    assert "With each kind's means taken out in layer 1 there is no clear relation" in answer
