"""Files that other programs read: the citation, the hooks, the templates, the workflows."""

import re
from pathlib import Path

import pytest
import yaml

import qimlp
from qimlp.files import read_toml

ROOT = Path(__file__).parents[2]


def read(name):
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


def test_the_citation_names_this_release_and_the_method():
    citation = read("CITATION.cff")
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert citation["version"] == qimlp.__version__
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## [{citation['version']}] - {citation['date-released']}" in changelog
    (paper,) = citation["references"]
    assert paper["title"].startswith("QiMLP: Quantum-inspired Multilayer Perceptron")
    assert (paper["year"], paper["start"], paper["end"]) == (2025, "22452", "22459")


def test_the_hooks_run_what_is_installed_and_what_make_lint_runs():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    lint = re.search(r"^lint:.*\n((?:\t.+\n)+)", makefile, re.MULTILINE)[1]
    wanted = set(re.findall(r"\$\(BIN\)/([\w-]+)", lint))
    (repository,) = read(".pre-commit-config.yaml")["repos"]
    assert repository["repo"] == "local"
    commands = [hook["entry"].split()[0] for hook in repository["hooks"]]
    assert {command.removeprefix(".venv/bin/") for command in commands} == wanted
    assert {hook["language"] for hook in repository["hooks"]} == {"system"}


@pytest.mark.parametrize("name", ["bug", "feature"])
def test_a_form_asks_what_is_needed(name):
    form = read(f".github/ISSUE_TEMPLATE/{name}.yml")
    assert {"name", "description", "body"} <= set(form)
    ids = [part["id"] for part in form["body"]]
    assert len(ids) == len(set(ids))
    for part in form["body"]:
        assert part["type"] in {"textarea", "input", "dropdown", "checkboxes", "markdown"}
        assert part["attributes"]["label"]
    assert any(part.get("validations", {}).get("required") for part in form["body"])


def test_every_python_that_is_named_is_tested():
    settings = read_toml(ROOT / "pyproject.toml", what="the settings of the project")
    named = re.findall(r"Python :: (3\.\d+)", " ".join(settings["project"]["classifiers"]))
    matrix = read(".github/workflows/ci.yml")["jobs"]["checks"]["strategy"]["matrix"]["include"]
    assert {row["python"] for row in matrix if row["os"] == "ubuntu-latest"} == set(named)
