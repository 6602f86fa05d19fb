"""Settings that mean the same in every folder."""

from qimlp.training import resolve_settings
from qimlp.training.opening.source import located


def test_local_paths_become_absolute_once(tmp_path, monkeypatch):
    for name in ("sets", "tiny-bert", "reviews"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path)
    given = {"data": "reviews", "data_dir": "sets", "text": "encoder", "encoder": "./tiny-bert"}
    found = located(resolve_settings(given))
    assert (found.data, found.data_dir, found.encoder) == tuple(
        str(tmp_path / name) for name in ("reviews", "sets", "tiny-bert")
    )
    assert found.data_name == "reviews"
    monkeypatch.chdir(tmp_path / "sets")
    assert located(found) == found


def test_names_stay_as_they_are(tmp_path, monkeypatch):
    (tmp_path / "sets" / "reviews").mkdir(parents=True)
    (tmp_path / "reviews").mkdir()
    (tmp_path / "bert-base-uncased").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QIMLP_DATA", str(tmp_path / "sets"))
    settings = resolve_settings({"data": "reviews"})
    assert located(settings) == settings
