"""The code in the documentation is run, and the options of its commands exist."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from qimlp.cli.app import app
from qimlp.files import read_toml
from qimlp.settings import resolve_settings
from qimlp.training.runs.folder import RunFolder

ROOT = Path(__file__).parents[2]
PAGES = {
    "README.md": 1,
    "docs/python.md": 6,
    "docs/correlation.md": 1,
    "docs/compression.md": 2,
    "docs/export.md": 2,
}
"""Pages whose code is run, each with the least number of its blocks."""

COMMANDS = [
    "README.md",
    "docs/command-line.md",
    "docs/compression.md",
    "docs/export.md",
    "docs/performance.md",
    "docs/results.md",
]
"""Pages whose commands are looked at."""


def blocks(page, language):
    """The code of one language on a page."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


SNIPPETS = [
    pytest.param(code, id=f"{page}-{number}")
    for page in PAGES
    for number, code in enumerate(blocks(page, "python"))
]


@pytest.mark.parametrize("page", PAGES)
def test_every_block_is_found(page):
    assert len(blocks(page, "python")) >= PAGES[page]
    assert (ROOT / page).read_text(encoding="utf-8").count("```python") == len(
        blocks(page, "python")
    )


@pytest.mark.parametrize("code", SNIPPETS)
def test_a_snippet_runs(code, tmp_path):
    ran = subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning:qimlp", "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]


def commands():
    """Every `qimlp ...` of the pages, as command and options."""
    for page in COMMANDS:
        for line in "".join(blocks(page, "bash")).splitlines():
            words = line.partition("#")[0].split()
            if words[:1] == ["qimlp"]:
                yield page, words[1], [word for word in words if word.startswith("--")]


def test_commands_and_options_are_there():
    known = typer.main.get_command(app)
    found = list(commands())
    assert len(found) >= 15
    for page, name, options in found:
        assert name in known.commands, (page, name)
        own = {option for param in known.commands[name].params for option in param.opts}
        assert set(options) <= own, (page, name, options)


def test_links_lead_somewhere():
    found = 0
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "benchmarks/README.md"]:
        text = page.read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
            assert (page.parent / target).exists(), (page.name, target)
            found += 1
    assert found >= 15


def test_the_front_page_names_the_run_folder_that_its_command_makes():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    ((data, options),) = re.findall(r"^qimlp train (\S+) ([^#\n]+)", text, re.MULTILINE)
    words = options.split()
    named = zip(words[::2], words[1::2], strict=True)
    given = {name.removeprefix("--").replace("-", "_"): value for name, value in named}
    given["label_column"] = given.pop("target")
    given["model"] = "table"  # of a .csv file where none is named
    folder = RunFolder.of("runs", resolve_settings({"data": data, **given})).path.as_posix()
    for command in ("eval", "predict"):
        assert f"qimlp {command} {folder}" in text


def test_the_front_page_is_short_and_its_picture_small():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.split()) < 600
    pictures = re.findall(r"!\[[^\]]+\]\((.+?)\)", text)
    assert len(pictures) == 1
    assert (ROOT / pictures[0]).stat().st_size < 80_000


def test_the_architecture_has_the_packages_in_the_order_of_imports():
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `(qimlp\.\w+)` \|", text, re.MULTILINE)
    settings = read_toml(ROOT / "pyproject.toml", what="the settings of the project")
    layers = settings["tool"]["importlinter"]["contracts"][0]["layers"]
    assert listed == [layer for layer in layers if not layer.startswith("qimlp._")]


def test_source_files_that_are_named_exist():
    there = {
        path.relative_to(ROOT).as_posix()
        for folder in ("src", "tests", "csrc", "benchmarks")
        for ending in ("*.py", "*.h", "*.cpp")
        for path in (ROOT / folder).rglob(ending)
    }
    found = 0
    for page in [*(ROOT / "docs").glob("*.md"), ROOT / "benchmarks/README.md"]:
        text = page.read_text(encoding="utf-8")
        for name in re.findall(r"`((?:\w+/)+\w+\.py|(?:\w+/)*\w+\.(?:h|cpp))`", text):
            assert any(path.endswith(f"/{name}") or path == name for path in there), (page, name)
            found += 1
    assert found >= 15
