"""Which names are meant for the hub, and whether it may be asked."""

import urllib.error
import urllib.request

import pytest

from qimlp.hub import OFFLINE_VARIABLES, is_hub_name, offline, unreachable


@pytest.fixture(autouse=True)
def online(monkeypatch):
    for name in OFFLINE_VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    "name", ["gpt2", "BAAI/bge-small-en-v1.5", "openai/whisper-tiny.en", "uoft-cs/cifar10", "a/_b"]
)
def test_names(name):
    assert is_hub_name(name)


@pytest.mark.parametrize(
    "name",
    ["", ".", "./a", "../a", "~/a", "/a", "a/", "a/b/c", "a b/c", "a\\b", "C:/a", "a\n", "a/b.csv"],
)
def test_paths_are_no_names(name):
    assert not is_hub_name(name)


@pytest.mark.parametrize(
    "name", ["a.PT", "a..b", "-a/b", "a/b-", "a--b", "a\0b", "é/b", "a" * 97, "there/b"]
)
def test_what_is_no_name(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there").mkdir()
    assert not is_hub_name(name)


@pytest.mark.parametrize("value", ["1", "on", "YES", "true"])
@pytest.mark.parametrize("variable", OFFLINE_VARIABLES)
def test_forbidden(variable, value, monkeypatch):
    assert offline() is None
    monkeypatch.setenv(variable, value)
    assert offline() == variable


@pytest.mark.parametrize("value", ["", "0", "off"])
def test_not_forbidden(value, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", value)
    assert offline() is None


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (urllib.error.HTTPError("a", 404, "b", {}, None), None),
        (urllib.error.URLError(OSError(-2, "Name or\nservice")), "no answer: Name or service"),
        (TimeoutError("timed out"), "no answer"),
        (ValueError("unknown url type"), "no answer"),
    ],
)
def test_an_answer_or_none(error, answer, monkeypatch):
    def ask(*_, **__):
        raise error

    monkeypatch.setattr(urllib.request, "urlopen", ask)
    assert unreachable("https://hub/api") == answer
