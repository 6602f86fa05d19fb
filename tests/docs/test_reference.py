"""Every public name stands in the reference, and every setting in its tables."""

import importlib
import re
from types import ModuleType

import pytest

import qimlp
from docs.internals.site.tables import fields_table, names_table, on_page_markdown
from qimlp.settings import GROUPS
from tests.docs.pages import ROOT

FOLDER = ROOT / "docs/reference"
TEXTS = {path.stem: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.md")}
DESCRIBED = {name for text in TEXTS.values() for name in re.findall(r"^::: ([\w.]+)$", text, re.M)}
FACES = {
    "qimlp.nn": "layers",
    "qimlp.models": "networks",
    "qimlp.functional": "functional",
    "qimlp.shapes": "shapes",
    "qimlp.compression": "compression",
    "qimlp.training": "training",
    "qimlp.settings": "settings",
    "qimlp.predictor": "predictor",
    "qimlp.estimators": "estimators",
    "qimlp.tasks": "tasks",
    "qimlp.data": "data",
    "qimlp.export": "export",
    "qimlp.correlation": "correlation",
    "qimlp.correlation.figures": "correlation",
    "qimlp.sweeps": "sweeps",
    "qimlp.sweeps.storage": "sweeps",
    "qimlp.statistics": "statistics",
}
"""Packages whose names are described, each with its page."""


def find(path):
    """The thing of a dotted path: the longest part of it that is a module, then attributes."""
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)


@pytest.fixture(scope="module")
def package():
    """The package as griffe reads it, without running it."""
    griffe = pytest.importorskip("griffe", reason='the site needs pip install -e ".[docs]"')
    return griffe.load("qimlp", search_paths=[ROOT / "src"], docstring_parser="google")


def test_what_is_described_says_what_it_is(package, caplog):
    assert len(DESCRIBED) > 150
    for name in sorted(DESCRIBED):
        module, _, own = name.rpartition(".")
        assert own in importlib.import_module(module).__all__
        thing = package[name.removeprefix("qimlp.")]
        assert not thing.is_module, f"{name}: a module and what it holds have one name"
        assert thing.docstring, name
        for part in (thing, *thing.members.values()):
            if not part.name.startswith("_") and part.docstring:
                assert part.docstring.parsed
    assert [record.getMessage() for record in caplog.records] == []


@pytest.mark.parametrize("name", qimlp.__all__)
def test_every_name_of_qimlp_is_described(name):
    thing = getattr(qimlp, name)
    assert f"`{name}`" in TEXTS["index"]
    if not isinstance(thing, ModuleType):
        assert any(path.endswith(f".{name}") and find(path) is thing for path in DESCRIBED)


@pytest.mark.parametrize("face", FACES)
def test_every_name_of_a_face_is_on_its_page(face):
    page = on_page_markdown(TEXTS[FACES[face]])
    for name in importlib.import_module(face).__all__:
        there = f"::: {face}.{name}\n" in page or f"::: qimlp.{name}\n" in page
        assert there or re.search(rf"^\| `{name}` \| .", page, re.MULTILINE), name


def test_every_page_is_linked_from_the_first_one():
    linked = set(re.findall(r"\]\((\w+)\.md", TEXTS["index"]))
    assert linked == set(TEXTS) - {"index"}


@pytest.mark.parametrize("group", GROUPS.values(), ids=lambda group: group.__name__)
def test_every_setting_has_a_row(group):
    page = on_page_markdown(TEXTS["settings"])
    table = fields_table(group.__name__)
    assert table in page
    assert table.count("\n") == len(group.model_fields) + 1
    for name, field in group.model_fields.items():
        assert re.search(rf"^\| `{name}` \| [^|]+ \| ", table, re.MULTILINE)
        assert field.description.replace("|", "\\|") in table


def test_a_table_of_names_leaves_out_what_the_page_describes():
    table = names_table("qimlp.functional", "::: qimlp.functional.kron_linear\n")
    assert "`kron_dense` | `W = sum_c kron(" in table
    assert "`kron_linear`" not in table
    assert "| `BiasForm` | A type. |" in names_table("qimlp.shapes", "")
