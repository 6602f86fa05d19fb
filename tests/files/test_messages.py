"""Values in messages: short, on one line, without control characters."""

import numpy as np
import pytest

from qimlp.files import printable, shown


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", "'plain'"),
        ("\x1b[31mred\n", "'\\x1b[31mred\\n'"),
        ("turned \u202e round", "'turned \\u202e round'"),
        (b"\x00\xff", "b'\\x00\\xff'"),
        (1.5, "1.5"),
        (True, "True"),
        (None, "None"),
        ([1, "a"], "[1, 'a']"),
        ((1,), "(1)"),
        ({"a": [1]}, "{'a': [1]}"),
        (10**4400, "an integer of 14,617 bits"),
        ([10**4400], "[an integer of 14,617 bits]"),
        (np.zeros((2, 3)), "ndarray of shape (2, 3) and float64"),
        ([[[[[]]]], 1], "[[[[...]]], 1]"),
    ],
    ids=lambda _: "",
)
def test_is_shown_as(value, text):
    assert shown(value) == text


def nested(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    ["x" * 10**7, "\x1b" * 10**6, b"\xff" * 10**6, list(range(10**6)), [["a"] * 1000] * 1000,
     dict.fromkeys(range(1000), "y" * 1000), nested(100_000)],
)  # fmt: skip
def test_never_is_long_or_more_than_one_line(value):
    text = shown(value)
    assert len(text) <= 120
    assert text.isprintable()


def test_the_length_of_a_long_text_is_said():
    assert shown("x" * 10**7).endswith("... (10,000,000 characters)")
    assert shown(b"x" * 1000).endswith("... (1,000 bytes)")


def test_a_long_line_keeps_its_beginning_and_its_end():
    line = printable("model.json: " + "x" * 10**6 + "; choose another", limit=100)
    assert len(line) == 100
    assert line.startswith("model.json: xxx")
    assert line.endswith("xxx; choose another")


def test_a_path_is_shown_without_what_a_terminal_would_act_on():
    assert printable("runs/\x1b]0;title\x07\udc80/é") == "runs/\\x1b]0;title\\x07\\udc80/é"
