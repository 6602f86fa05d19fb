"""Settings: what wins over what, and what is said about mistakes."""

import pytest

from qimlp.settings import FIELDS, RECIPES, epochs_by_rows, resolve_settings
from qimlp.settings.settings_file import read_settings_file


def test_options_win_over_file_over_recipe_over_defaults():
    file = {"recipe": "paper", "epochs": 7, "batch_size": 9}
    settings = resolve_settings({"batch_size": 11}, file=file)
    assert settings.batch_size == 11
    assert settings.epochs == 7
    assert settings.schedule == RECIPES["paper"]["all"]["schedule"]
    assert settings.dev_fraction == FIELDS["dev_fraction"].default


def test_a_recipe_depends_on_the_kind_of_network_and_the_data():
    assert resolve_settings({"data": "cifar10", "recipe": "paper"}).scaling == "symmetric"
    assert resolve_settings({"data": "mnist", "recipe": "paper"}).scaling == "unit"
    dense, small = (resolve_settings({"data": "x", "model": name}) for name in ("mlp", "2b"))
    assert dense.lr < small.lr


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_is_valid(name):
    for model in ("mlp", "2b"):
        for data in ("mnist", "cifar10", "digits"):
            settings = resolve_settings({"recipe": name, "model": model, "data": data})
            assert settings.recipe == name


def test_resolved_settings_resolve_to_themselves():
    settings = resolve_settings({"recipe": "paper", "dims": "4x4,2x5", "lr": 0.3})
    assert resolve_settings(settings.model_dump(mode="json")) == settings


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"epoch": 3}, ["unknown setting 'epoch'", "'epochs'"]),
        ({"recipe": "tunde"}, ["unknown recipe 'tunde'", "'tuned'"]),
        ({"model": "2bb"}, ["unknown model '2bb'", "'2b'"]),
        ({"device": "gpu"}, ["unknown device 'gpu'"]),
        ({"width": 0}, ["width", "greater than or equal to 1", "got 0"]),
        ({"width": 64, "dims": "8x8,2x5"}, ["width 64", "leave out one of them"]),
        ({"rank": 0}, ["rank", "greater than or equal to 1", "got 0"]),
        ({"lr": -1.0}, ["lr", "greater than 0", "got -1.0"]),
        ({"lr": float("nan")}, ["lr"]),
        ({"epochs": 0}, ["epochs"]),
        ({"batch_size": "many"}, ["batch_size", "'many'"]),
        ({"bias": "croneker"}, ["bias", "kronecker", "'croneker'"]),
        ({"dims": "28,x"}, ["dims '28,x': expected", "28x28,28x28,2x5"]),
        ({"dims": "4x4,4x-1"}, ["dims"]),
        ({"dims": "4x4,2x2x2"}, ["same number of sizes"]),
        ({"dims": "4x4,2x5", "model": "3b"}, ["2 sizes per layer", "3 bodies"]),
        ({"ema_decay": 1.5}, ["ema_decay"]),
        ({"betas": ["0.9"]}, ["betas: expected two numbers", "got ['0.9']"]),
        ({"betas": "0.9,x"}, ["betas.1: expected a number, got 'x'"]),
        ({"quantiles": "0.9,0.1"}, ["quantiles: expected rising numbers", "got '0.9,0.1'"]),
        ({"quantiles": "low"}, ["quantiles: expected rising numbers", "got 'low'"]),
        ({"quantiles": []}, ["quantiles: expected rising numbers", "got []"]),
        ({"quantiles": 0.5}, ["quantiles: expected rising numbers", "got 0.5"]),
        ({"quantiles": "0,0.5"}, ["quantiles.0: expected a number greater than 0, got '0'"]),
        ({"quantiles": [0.5, 1]}, ["quantiles.1: expected a number less than 1, got 1"]),
        ({"label_column": [1, 2]}, ["label_column", "got [1, 2]"]),
        ({"epoch" * 10**5: 3}, ["unknown setting 'epochepoch", "(500,000 characters)"]),
        ({"device": "\x1b[31m" * 10**5}, ["unknown device '\\x1b[31m", "(500,000 characters)"]),
        ({"dims": [[4] * 999] * 2}, ["dims ((4, 4, 4", "have 999 sizes"]),
        ({"optimizer": "sgd"}, ["optimizer", "'adamw' or 'full-matrix'", "got 'sgd'"]),
        ({"optimizer": "full-matrix", "dtype": "bfloat16"}, ["expected dtype float32"]),
        ({"optimizer": "full-matrix", "captured_step": "on"}, ["captured_step off, got on"]),
        ({"depth": 10**8}, ["depth", "less than or equal to 1000", "got 100000000"]),
        ({"threads": 100_000}, ["threads", "1024"]),
        ({"starts": 10**9}, ["starts", "1000"]),
        ({"batch_size": 10**21}, ["batch_size", "less than 2147483648"]),
        ({"rank": 10**30}, ["rank", "less than or equal to"]),
        ({"train": {"epochs": 3}}, ["train is a table", "name = value", "[train]"]),
    ],
)
def test_a_mistake_is_one_clear_line(options, words):
    with pytest.raises(ValueError, match=r"^somewhere: ") as caught:
        resolve_settings(options, source="somewhere")
    message = str(caught.value)
    assert message.isprintable()
    assert len(message) < 700
    for word in words:
        assert word in message


@pytest.mark.parametrize(
    ("changes", "label"),
    [
        ({}, "2b"),
        ({"rank": 4, "bias": "dense"}, "2b-rank4-dense-bias"),
        ({"model": "mlp", "rank": 4}, "mlp"),
        ({"dims": "8x8,2x5"}, "2b-8x8-2x5"),
        ({"depth": 5}, "2b-depth5"),
        ({"width": 256, "rank": 4}, "2b-width256-rank4"),
        ({"width": 64, "model": "mlp"}, "mlp-width64"),
    ],
)
def test_the_label_tells_networks_apart(changes, label):
    assert resolve_settings(changes).label == label


def test_data_is_named_by_its_file():
    assert resolve_settings({"data": "some/folder/flowers.csv"}).data_name == "flowers"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.toml", 'epochs = 4\nema_decay = "off"\ndims = "4x4,2x5"\n'),
        ("a.json", '{"epochs": 4, "ema_decay": null, "dims": [[4, 4], [2, 5]]}'),
    ],
)
def test_settings_files(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text)
    settings = resolve_settings(file=read_settings_file(path))
    assert (settings.epochs, settings.ema_decay) == (4, None)
    assert settings.dims == ((4, 4), (2, 5))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.toml", b"epochs = ", "not valid TOML"),
        ("a.json", b'{"epochs": ', "not valid JSON"),
        ("a.json", b"[1]", "name = value"),
        ("a.toml", b"\xff\xfe", "not UTF-8 text: expected a settings file"),
        ("a.yaml", b"epochs: 3", "ending in .toml or .json"),
    ],
)
def test_damaged_settings_files(tmp_path, name, content, words):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ValueError, match=words) as caught:
        read_settings_file(path)
    assert name in str(caught.value)


def test_missing_settings_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="expected a settings file"):
        read_settings_file(tmp_path / "none.toml")


def test_copies_have_their_own_part_of_a_recipe_and_options_win():
    one = resolve_settings({"data": "mnist", "model": "2b"})
    copies = resolve_settings({"data": "mnist", "model": "2b", "rank": 4})
    assert (one.lr, one.weight_decay) == (0.015, 0.1)
    assert (copies.lr, copies.weight_decay) == (0.01, 0.3)
    assert copies.label_smoothing == one.label_smoothing
    assert resolve_settings({"data": "mnist", "model": "2b", "rank": 4, "lr": 0.5}).lr == 0.5
    with pytest.raises(ValueError, match="rank"):
        resolve_settings({"data": "mnist", "model": "2b", "rank": "many"})


def test_a_recipe_depends_on_the_task_that_is_named():
    for task in ("auto", "classification"):
        plain = resolve_settings({"data": "x", "task": task})
        assert (plain.network.width, plain.network.rank) == (None, 1)
        assert plain.replace(task="auto") == resolve_settings({"data": "x"})
    regression = RECIPES["tuned"]["tasks"]["regression"]
    settings = resolve_settings({"data": "x", "task": "regression"})
    assert settings.network.width == regression["width"] > 64
    assert settings.optimisation.batch_size == regression["batch_size"]
    assert settings.network.rank == RECIPES["tuned"]["tasks"]["regression/qimlp"]["rank"]
    mlp = resolve_settings({"data": "x", "task": "regression", "model": "mlp"})
    assert (mlp.network.dropout, mlp.network.rank) == (0.0, 1)
    chosen = resolve_settings({"task": "regression", "width": 32}, file={"rank": 2})
    assert (chosen.network.width, chosen.network.rank) == (32, 2)
    assert resolve_settings({"task": "regression", "dims": "4x4,2x5"}).network.width is None
    assert resolve_settings({"task": "regression", "recipe": "paper"}).network.width is None
    assert resolve_settings(settings.model_dump(mode="json")) == settings


@pytest.mark.parametrize(("rows", "epochs"), [(1, 400), (660, 400), (32 * 200, 60), (10**7, 1)])
def test_a_regression_takes_as_many_steps_on_any_table_but_the_smallest(rows, epochs):
    shared = {"train_rows": rows, "batch_size": 32}
    assert epochs_by_rows("tuned", task="regression", **shared) == epochs
    assert epochs_by_rows("tuned", task="classification", **shared) is None
    assert epochs_by_rows("paper", task="regression", **shared) is None


def test_quantiles_as_text():
    assert resolve_settings({"quantiles": "0.1,0.9"}).quantiles == (0.1, 0.9)


def test_betas_as_text():
    assert resolve_settings({"betas": "0.9,0.95"}).betas == (0.9, 0.95)
