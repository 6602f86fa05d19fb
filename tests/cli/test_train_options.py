"""The options of `qimlp train`: made from the settings, and spelled as they always were."""

import json
import re
from typing import get_args

import pytest
import typer

from qimlp.cli.app import make_app
from qimlp.cli.options import spelled
from qimlp.settings import FIELDS, GROUPS, OLD_NAMES

SPELLINGS = """
--text --terms --terms-by --encoder --pooling --max-tokens --finetune --frozen --encoder-lr --order
--model --seeds --dims --depth --rank --bias --activation --init --start --start-penalty --starts
--start-epochs --dropout --recipe --config --epochs --batch-size --lr --factor-lr-scale --optimizer
--betas --schedule --weight-decay --ema-decay --label-smoothing --scaling --dev-fraction --dev-split
--data-dir --label-column --streaming --in-memory --device --dtype --mixed-precision --threads
--log-every --captured-step --checkpoints --no-checkpoints --out --overwrite --resume --help
--drop-column --warm-start --warm-start-penalty --restarts --restart-epochs
"""
"""All that the first version understood, and what came after."""

ALSO_SPELLED = {"label_column": ["--target"], "drop_columns": ["--drop"]}
"""Further spellings, by parameter."""

PANELS = {
    "dataset": "Data",
    "features": "Features",
    "network": "Network",
    "optimisation": "Optimisation",
    "compute": "Computing",
}
COMMON = "model rank epochs batch_size lr label_column task seeds device out help"


@pytest.fixture(scope="module")
def parameters():
    command = typer.main.get_command(make_app()).commands["train"]
    return {parameter.name: parameter for parameter in command.params}


@pytest.fixture
def help_lines(qimlp, monkeypatch):
    def call(width):
        monkeypatch.setenv("COLUMNS", str(width))
        done = qimlp("train", "--help")
        assert (done.code, done.err) == (0, "")
        return done.out.splitlines()

    return call


def option_of(name):
    """The parameter that stands for a field."""
    return {"seed": "seeds"}.get(name, name)


def test_every_spelling_of_the_first_version_is_understood(parameters):
    understood = [
        spelling
        for parameter in parameters.values()
        for spelling in [*parameter.opts, *parameter.secondary_opts]
    ]
    assert set(SPELLINGS.split()) <= set(understood)
    assert len(set(understood)) == len(understood)


def test_every_field_has_an_option_that_says_what_the_field_says(parameters):
    for name, field in FIELDS.items():
        parameter = parameters[option_of(name)]
        if name == "data":
            assert parameter.opts == ["data"]
        else:
            assert parameter.opts[0] == spelled(option_of(name))
            also = ALSO_SPELLED.get(name, [])
            assert parameter.opts[1:] == also
        assert not getattr(parameter, "hidden", False)
        if name != "seed":
            assert parameter.help.replace("\\[", "[").startswith(field.description)


def test_each_option_stands_in_the_panel_of_its_group(parameters):
    for group, model in GROUPS.items():
        for name in model.model_fields:
            if name == "data":
                continue
            wanted = "Common options" if option_of(name) in COMMON.split() else PANELS[group]
            assert parameters[option_of(name)].rich_help_panel == wanted, name


def test_choices_are_named_in_the_help():
    for name, field in FIELDS.items():
        arms = [arm for arm in (field.annotation, *get_args(field.annotation)) if get_args(arm)]
        words = [word for arm in arms for word in get_args(arm) if isinstance(word, str)]
        missing = [word for word in words if word not in field.description]
        assert not missing, name


def test_old_names_are_hidden(parameters):
    for old in OLD_NAMES.values():
        assert parameters[old].hidden


def test_the_common_options_fit_one_screen(help_lines):
    lines = help_lines(100)
    assert max(map(len, lines)) <= 100
    screen = "\n".join(lines[:50])
    last = screen.index("─ Common options ─")
    for name in COMMON.split():
        found = re.search(rf" --{name.replace('_', '-')}[ ,]", screen[last:]).start() + last
        assert found > last, name
        last = found
    assert "Usage: qimlp train [OPTIONS] [data]".lower() in screen.lower()
    assert "a .csv," in screen
    after = "\n".join(lines)[last:]
    places = [after.index(f"─ {panel} ─") for panel in ["Runs and files", *PANELS.values()]]
    assert places == sorted(places)


@pytest.mark.parametrize("width", [80, 100])
def test_no_help_text_is_cut(help_lines, width):
    text = " ".join(" ".join(line.strip("│ ").split()) for line in help_lines(width))
    assert "to [0, 1]; symmetric, to [-1, 1]" in text
    assert "…" not in text
    assert "\x1b" not in text


def test_what_an_option_takes(qimlp, tiny, tmp_path):
    done = qimlp(
        "train", tiny, "--out", tmp_path, "--epochs", 1, "--betas", "0.8,0.9", "--ema-decay", "off",
        "--dims", "4x4,3x1", "--restarts", 2, "--start-epochs", 1, "--checkpoints", "--batch-size",
        16, "--watch-test", "--threads", 1,
    )  # fmt: skip
    assert done.code == 0, done.err
    stored = json.loads(next(tmp_path.glob("*/seed-0/settings.json")).read_text())
    chosen = {
        "epochs": 1,
        "betas": [0.8, 0.9],
        "ema_decay": None,
        "dims": [[4, 4], [3, 1]],
        "model": "2b",
        "restarts": 2,
        "restart_epochs": 1,
        "checkpoints": True,
        "watch_test": True,
        "batch_size": 16,
    }
    assert {name: stored[name] for name in chosen} == chosen
    assert set(stored) == set(FIELDS)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--starts", 2, "--restarts", 3], "starts is the old name of restarts"),
        (["--rank", "many"], "--rank: expected a whole number, got 'many'"),
        (["--label-column", "a", "--label-column", "a"], "expected different columns, got a, a"),
        (["--drop-column", "a", "--label-column", "a"], "'a' is a label_column"),
        (["--restart", 2], "--restarts"),
        (["--dims", "4x" * 10**5], "(200,000 characters): expected sizes joined by"),
        (["--seeds", "s" * 10**5], "(100,000 characters): expected whole numbers"),
        (["--optimizer", "sgd"], "optimizer: expected 'adamw' or 'full-matrix', got 'sgd'"),
    ],
)
def test_mistakes(qimlp, options, words):
    done = qimlp("train", "digits", *options)
    assert done.code == 2
    assert done.err.count("\n") == 1
    assert words in done.err


def test_a_resumed_run_names_what_to_leave_out(qimlp, tmp_path):
    done = qimlp(
        "train", "digits", "--resume", tmp_path, "--starts", 2, "--frozen", "--drop-column", "y"
    )
    assert done.code == 2
    assert "leave out --drop-column, --finetune, --starts, DATA" in done.err
