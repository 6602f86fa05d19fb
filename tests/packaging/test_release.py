"""The version stands in one place, and the changelog has its section."""

import datetime as dt
import re
from importlib.metadata import metadata
from pathlib import Path

import pytest
from setuptools.config.pyprojecttoml import apply_configuration
from setuptools.dist import Distribution

import qimlp
from qimlp.files import read_toml

ROOT = Path(__file__).parents[2]
SECTION = re.compile(r"^## \[(.+?)\](?: - (\d{4}-\d\d-\d\d))?$", re.MULTILINE)


@pytest.fixture(scope="module")
def settings():
    return read_toml(ROOT / "pyproject.toml", what="the settings of the project")


def sections():
    """Every release of the changelog with its day, in order."""
    return SECTION.findall((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))


def test_the_version_is_a_plain_release_number():
    assert re.fullmatch(r"\d+\.\d+\.\d+(\.dev\d+)?", qimlp.__version__)


def test_the_package_takes_its_version_from_the_code(settings, monkeypatch):
    assert "version" not in settings["project"]
    monkeypatch.chdir(ROOT)
    assert apply_configuration(Distribution(), "pyproject.toml").get_version() == qimlp.__version__


def test_a_release_has_its_section_with_a_day():
    released = qimlp.__version__.partition(".dev")[0]
    days = dict(sections())
    assert dt.date.fromisoformat(days[released])


def test_the_changelog_starts_with_what_is_unreleased_and_falls():
    names, days = zip(*sections(), strict=True)
    assert (names[0], days[0]) == ("Unreleased", "")
    numbers = [tuple(map(int, name.split("."))) for name in names[1:]]
    assert numbers == sorted(numbers, reverse=True)
    assert list(days[1:]) == sorted(days[1:], reverse=True)


def test_a_section_has_the_usual_headings():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    used = set(re.findall(r"^### (.+)$", text, re.MULTILINE))
    assert used <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_every_supported_python_is_named(settings):
    named = [name for name in settings["project"]["classifiers"] if ":: 3." in name]
    oldest = settings["project"]["requires-python"].removeprefix(">=")
    assert named[0].endswith(oldest)
    assert metadata("qimlp")["Requires-Python"] == f">={oldest}"
