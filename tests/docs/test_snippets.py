"""The code in the documentation is run, and the options of its commands exist."""

import re

import pytest
import typer

from qimlp.cli.app import make_app
from qimlp.files import read_toml
from qimlp.settings import resolve_settings
from qimlp.training.runs.folder import RunFolder
from tests.docs.pages import PAGES, ROOT, blocks, commands
from tests.docs.running import run_page

RUN = [page for page in PAGES if blocks(page, "python", "shell")]


@pytest.mark.parametrize("page", RUN)
def test_the_code_of_a_page_runs(page, tmp_path):
    assert run_page(page, tmp_path) == ""


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("# Page\n\n```python\nx = 1\n```\n\n```python\nassert x == 2\n```\n", "line 8"),
        ("```shell\nqimlp plan 784 ten\n```\n", "qimlp plan 784 ten: exit code 2"),
        ("```python\nimport os\nos._exit(1)\n```\n", "exit code 1"),
    ],
)
def test_a_page_that_fails_says_where(page, said, tmp_path):
    (tmp_path / "page.md").write_text(page)
    assert said in run_page(str(tmp_path / "page.md"), tmp_path)


def test_pages_and_their_blocks_are_found():
    assert {"README.md", "docs/python.md", "docs/compression.md"} <= set(RUN)
    for page in PAGES:
        fences = re.findall(r"^ *```(\w+)", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE)
        assert set(fences) <= {
            "python",
            "shell",
            "bash",
            "c",
            "text",
            "html",
            "json",
            "toml",
            "yaml",
        }, page
        assert len(fences) == len(blocks(page, *fences)), page


def test_commands_and_options_are_there():
    known = typer.main.get_command(make_app())
    found = 0
    for page in PAGES:
        for words in [
            words for block in blocks(page, "bash", "shell") for words in commands(block)
        ]:
            assert words[1] in known.commands, (page, words)
            own = {name for param in known.commands[words[1]].params for name in param.opts}
            given = {word.partition("=")[0] for word in words if word.startswith("-")}
            assert given <= own | {"--help"}, (page, words)
            found += 1
    assert found >= 30


def test_links_lead_somewhere():
    found = 0
    for page in PAGES:
        text = (ROOT / page).read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
            assert (ROOT / page).parent.joinpath(target).exists(), (page, target)
            found += 1
    assert found >= 50


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
    text = (ROOT / "docs/internals/architecture.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `(qimlp\.\w+)` \|", text, re.MULTILINE)
    settings = read_toml(ROOT / "pyproject.toml", what="the settings of the project")
    layers = settings["tool"]["importlinter"]["contracts"][0]["layers"]
    assert listed == [layer for layer in layers if not layer.startswith("qimlp._")]


def test_source_files_that_are_named_exist():
    there = {
        path.relative_to(ROOT).as_posix()
        for folder in ("src", "tests", "csrc", "benchmarks", "examples")
        for ending in ("*.py", "*.h", "*.cpp")
        for path in (ROOT / folder).rglob(ending)
    }
    found = 0
    for page in PAGES:
        if page == "CHANGELOG.md":  # files of earlier versions
            continue
        text = (ROOT / page).read_text(encoding="utf-8")
        for name in re.findall(r"`((?:\w+/)+\w+\.py|(?:\w+/)*\w+\.(?:h|cpp))`", text):
            assert any(path.endswith(f"/{name}") or path == name for path in there), (page, name)
            found += 1
    assert found >= 15
