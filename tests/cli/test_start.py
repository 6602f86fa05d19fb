"""How the command starts: what its help loads, and what it says where a library is absent."""

import subprocess
import sys

import pytest
import typer

from qimlp.cli.app import COMMANDS, make_app

SLOW = """
torch numpy matplotlib tensorboard sklearn datasets transformers scipy pandas pyarrow PIL
accelerate optuna sqlalchemy
"""
SCRIPT = f"""
import atexit, sys
atexit.register(lambda: sys.stderr.write(" ".join(set({SLOW.split()}) & set(sys.modules))))
sys.argv = ["qimlp", *sys.argv[1:]]
from qimlp.cli import main
main()
"""


def command(*arguments, before=""):
    return subprocess.run(
        [sys.executable, "-c", before + SCRIPT, *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], [], ["plan", "784", "10"], ["train", "--help"]]
)
def test_help_and_arithmetic_load_no_slow_library(arguments):
    done = command(*arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


def test_a_misspelt_command_loads_none_either():
    done = command("trian", "digits")
    assert (done.returncode, done.stdout) == (2, "")
    line, loaded = done.stderr.split("\n")
    assert "'trian'" in line
    assert loaded == ""


def test_the_list_shows_what_the_commands_say_of_themselves():
    listed = typer.main.get_command(make_app([])).commands
    loaded = typer.main.get_command(make_app()).commands
    assert list(listed) == list(loaded) == list(COMMANDS)
    for name in COMMANDS:
        assert listed[name].help == loaded[name].help.partition("\n")[0], name
        assert loaded[name].params or name == "bench", name


def test_only_the_command_that_is_wanted_is_loaded():
    known = typer.main.get_command(make_app(["plan"])).commands
    assert {"--rank", "--batch"} <= {one for param in known["plan"].params for one in param.opts}
    assert known["train"].params == []


@pytest.mark.parametrize("library", ["pydantic", "rich"])
def test_a_library_that_a_command_needs_is_named_with_its_extra(library):
    done = command("train", "digits", before=f"import sys; sys.modules[{library!r}] = None")
    assert (done.returncode, done.stdout) == (2, "")
    line = done.stderr.split("\n")[0]
    assert line.startswith(f"qimlp: error: the command needs {library}, which is not installed")
    assert line.endswith('pip install "qimlp[train]"')
