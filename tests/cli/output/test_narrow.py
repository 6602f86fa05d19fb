"""Terminals of 80 and 60 columns, and tables in files: no number is cut or folded."""

import re

import numpy as np
import pytest
from rich.text import Text

from qimlp.cli.output.console import make_table, open_console

CONTROLS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")


@pytest.fixture(params=[80, 60])
def terminal(request, monkeypatch):
    """Have the command write to a terminal of so many columns."""
    for name, value in {"COLUMNS": request.param, "FORCE_COLOR": 1, "TERM": "xterm"}.items():
        monkeypatch.setenv(name, str(value))
    return request.param


def lines_of(done, width):
    assert done.code == 0, done.err
    lines = [line.rstrip() for line in CONTROLS.sub("\n", done.out).split("\n")]
    return [line for line in lines if line]


@pytest.fixture
def data(tmp_path):
    x = np.random.default_rng(0).normal(size=(60, 16)).astype(np.float32)
    np.savez(tmp_path / "a-data-set-with-a-rather-long-name.npz", x=x, y=np.arange(60) % 2)
    return tmp_path / "a-data-set-with-a-rather-long-name.npz"


def test_train_and_eval(qimlp, data, tmp_path, terminal):
    out = tmp_path / "runs"
    done = qimlp(
        *("train", data, "--model", "2b", "--model", "mlp", "--rank", 4, "--bias", "dense"),
        *("--epochs", 200, "--seeds", "0,1", "--device", "cpu", "--out", out),
    )
    lines = lines_of(done, terminal)
    text = "\n".join(lines)
    for found in re.findall(r"parameters +([\d,]+)$", text, re.MULTILINE):
        assert int(found.replace(",", "")) > 100
    assert re.search(r"\d\.\d{4} ± \d\.\d{4}", text)
    assert re.search(r"\d\.\d{4}\.\.\d\.\d{4}", text)
    assert re.search(r"\d\.\dx", text)
    bars = [line for line in lines if "seed 0" in line and "loss" in line]
    assert bars
    for line in bars:
        assert len(line) <= terminal
        assert re.search(r"epoch \d+  loss \d\.\d{4}", line)
    (run,) = out.glob("*-2b-*/seed-0")
    lines = lines_of(qimlp("eval", run), terminal)
    assert max(map(len, lines)) <= terminal
    assert any(re.search(r"\b0 +\d+ +[\d.]+%", line) for line in lines)


@pytest.mark.parametrize("shape", [(784, 784), (10**6, 10**6)])
def test_plan(qimlp, terminal, shape):
    done = qimlp("plan", *shape, "--rank", 2)
    lines = lines_of(done, terminal)
    assert max(map(len, lines)) <= terminal
    rows = qimlp("plan", *shape, "--rank", 2, "--json").out
    for number in re.findall(r'"parameters": (\d+)', rows):
        assert any(re.search(rf"(?<![\d,]){int(number):,}(?![\d,])", line) for line in lines)


def test_bench(qimlp, terminal):
    done = qimlp("bench", "--dims", "4x4,4x4", "--rank", 2, "--quick")
    lines = lines_of(done, terminal)
    assert any(re.search(r"\d[\d.]* [µmn]?s\b", line) for line in lines)
    assert "…" not in done.out


def test_reproduce(qimlp, terminal):
    done = qimlp("reproduce", "--list")
    lines = lines_of(done, terminal)
    assert max(map(len, lines)) <= terminal
    assert "…" not in done.out


def test_a_table_becomes_a_list_where_it_does_not_fit(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("FORCE_COLOR", "1")
    table = make_table("numbers", ("name", "first one", "second", "third"))
    table.add_row("a", "1,234,567,890", "0.1234 ± 0.0001", "9,876,543,210")
    table.add_row("b", "1", "", "2")
    open_console().print(table)
    assert Text.from_ansi(capsys.readouterr().out).plain.splitlines() == [
        "numbers",
        "name a",
        "  first one  1,234,567,890",
        "  second     0.1234 ± 0.0001",
        "  third      9,876,543,210",
        "name b",
        "  first one  1",
        "  third      2",
    ]


def test_headings_and_texts_wrap_before_that(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("FORCE_COLOR", "1")
    table = make_table("", ("what it is", "number of parameters"))
    table.add_row("several words of text in here", "1,234,567")
    open_console().print(table)
    lines = Text.from_ansi(capsys.readouterr().out).plain.splitlines()
    assert max(map(len, lines)) <= 40
    assert any("1,234,567" in line for line in lines)
    assert "parameters" in "".join(lines)
