"""Numbers, names and orders as C."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qimlp.data import column_order, patch_order
from qimlp.export.c.indices import indices, nested_loops
from qimlp.export.c.literals import c_string, real, table, wrapped


def run_index(code: str, length: int) -> list[int]:
    """Compute the C expression in Python, whose operators mean the same for such numbers."""
    expression = re.search(r"return (.*);", code)[1].replace("U", "").replace("/", "//")
    return [eval(expression, {"k": k}) for k in range(length)]  # noqa: S307 - our own text


@pytest.mark.parametrize(
    "order",
    [
        patch_order((28, 28), (7, 7, 16)),
        patch_order((28, 28), (28, 28)),
        patch_order((3, 32, 32), (48, 64)),
        column_order((28, 20)),
        column_order((3, 5, 7)),
    ],
)
def test_orders_of_images_are_arithmetic(order: object) -> None:
    found = indices(order.tolist(), "net")
    assert found is not None
    assert found.table_bytes == 0
    assert "net_order" not in found.code
    assert run_index(found.code, len(order)) == order.tolist()


def test_other_orders_are_tables_and_the_plain_one_nothing() -> None:
    assert indices(None, "net") is None
    assert indices(range(30), "net") is None
    order = np.random.default_rng(0).permutation(300).tolist()
    found = indices(order, "net")
    assert found.table_bytes == 600
    assert "static const uint16_t net_order[300]" in found.code
    numbers = found.code[found.code.index("{") : found.code.index("}")]
    assert [int(n) for n in re.findall(r"\d+", numbers)] == order
    assert indices([1, 0, 2], "net").table_bytes == 3


@given(st.lists(st.integers(2, 4), min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_every_transpose_has_loops(dims: list[int], random: object) -> None:
    axes = list(range(len(dims)))
    random.shuffle(axes)
    order = np.arange(np.prod(dims)).reshape(dims).transpose(axes).ravel()
    loops = nested_loops(order.tolist())
    assert loops is not None
    assert len(loops) <= len(dims)
    k, index = np.arange(order.size), 0
    for length, stride in loops:
        index, k = index + k % length * stride, k // length
    assert (index == order).all()


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_a_float_is_read_as_it_was(value: float) -> None:
    text = real(value)
    assert re.fullmatch(r"-?\d+(\.\d+)?(e[+-]\d+)?f", text)
    assert "." in text or "e" in text
    assert np.float32(text[:-1]) == np.float32(value)


def test_a_number_too_large_for_float_is_refused() -> None:
    with pytest.raises(ValueError, match="single precision can hold, got 1e\\+39"):
        real(1e39)


@given(st.text(max_size=80))
def test_a_string_of_c_holds_the_text_and_nothing_that_ends_it(text: str) -> None:
    written = c_string(text)
    inner = written[1:-1]
    assert written[0] == written[-1] == '"'
    assert not re.search(r'["?%*/\n]|[^ -~]', inner)
    data = re.sub(r"\\(\d{3})", lambda m: chr(int(m[1], 8)), inner).encode("latin-1")
    assert data.decode("utf-8", "surrogatepass") == text or "\\u" in data.decode()


def test_long_names_are_cut_between_characters() -> None:
    data = re.sub(r"\\(\d{3})", lambda m: chr(int(m[1], 8)), c_string("a" + "é" * 200)[1:-1])
    assert data.encode("latin-1").decode() == "a" + "é" * 127


def test_tables_are_wrapped() -> None:
    text = table("int8_t", "net_w", np.arange(-60, 60))
    assert max(map(len, text.splitlines())) <= 100
    assert [int(n) for n in re.findall(r"-?\d+", text[text.index("{") :])] == list(range(-60, 60))
    assert wrapped(["1"]) == ["    1"]
