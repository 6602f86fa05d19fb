"""Files that are no storage are refused in a line, and stay as they are."""

import sqlite3
from contextlib import closing
from pathlib import Path

import optuna
import pytest

from qimlp.sweeps.storage import load_study, open_storage, open_study

_JOURNAL = '{"op_code":0,"worker_id":"a","study_name":"s","directions":[1]}\n'


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.db", "hello", r"a\.db is no SQLite file of sweeps \(file is not a database\)"),
        ("a.log", "hello", r"a\.log is no journal of sweeps"),
        ("a.journal", '{"a": 1}\n', r"a\.journal is no journal of sweeps"),
        ("a.journal", '["op_code"]\n', r"a\.journal is no journal of sweeps"),
        ("a.journal", _JOURNAL + "{\n", r"a\.journal, line 2: is no line of a journal"),
        ("a.journal", _JOURNAL + '{"op_code":6}\n', r"a\.journal is a damaged journal"),
    ],
)
def test_a_file_of_another_kind_is_refused(
    tmp_path: Path, name: str, content: str, said: str
) -> None:
    file = tmp_path / name
    file.write_text(content)
    with pytest.raises(ValueError, match=said):
        open_storage(file)
    assert file.read_text() == content
    assert list(tmp_path.iterdir()) == [file]


def test_a_database_of_another_program_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "runs.db"
    with closing(sqlite3.connect(file)) as other:
        other.execute("CREATE TABLE runs (id)")
    content = file.read_bytes()
    with pytest.raises(ValueError, match=r"runs\.db is an SQLite file of another program"):
        open_storage(file)
    assert file.read_bytes() == content


def test_tables_of_another_version_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "sweep.db"
    open_storage(file)
    with closing(sqlite3.connect(file)) as other, other:
        other.execute("UPDATE alembic_version SET version_num = 'v2.6.0.a'")
    with pytest.raises(ValueError, match="made by a version of Optuna whose tables differ"):
        open_storage(file)


@pytest.mark.parametrize("name", ["sweep.db", "sweep.journal"])
def test_a_folder_must_exist(tmp_path: Path, name: str) -> None:
    with pytest.raises(FileNotFoundError, match="the folder .*missing does not exist"):
        open_storage(tmp_path / "missing" / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["sweep.db", "sweep.journal"])
def test_a_folder_must_be_one_to_write_to(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: False)  # root may write anywhere
    with pytest.raises(PermissionError, match="cannot be written to"):
        open_storage(tmp_path / name)


@pytest.mark.parametrize("name", ["sweep.db", "sweep.journal"])
def test_a_folder_is_no_storage(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(IsADirectoryError, match="is a folder"):
        open_storage(tmp_path / name)


@pytest.mark.parametrize("name", ["sweep.db", "sweep.journal"])
def test_an_empty_file_becomes_a_storage(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.touch()
    open_study(open_storage(file), "s", directions=["minimize"], about={})
    assert load_study(open_storage(file), "s").study_name == "s"


def test_relative_paths_and_names_that_an_address_would_quote(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a b?c%20{d}#.db", "a b?c%20{d}#.journal"):
        open_study(open_storage(name), "s", directions=["minimize"], about={})
        assert Path(name).stat().st_size > 0
        assert load_study(open_storage(tmp_path / name), "s").study_name == "s"


def test_another_programs_study_is_refused(where: str) -> None:
    storage = open_storage(where)
    study = optuna.create_study(storage=storage.optuna, study_name="theirs")
    study.set_user_attr("owner", "them")
    with pytest.raises(ValueError, match="the study 'theirs' was made by another program"):
        open_study(storage, "theirs", directions=["minimize"], about={})
    with pytest.raises(ValueError, match="the study 'theirs' was made by another program"):
        load_study(storage, "theirs")
    with pytest.raises(ValueError, match=r"holds no sweep 'mine': it holds \['theirs'\]"):
        load_study(storage, "mine")


def test_a_study_that_was_half_made_is_made_whole(where: str) -> None:
    storage = open_storage(where)
    optuna.create_study(storage=storage.optuna, study_name="s", directions=["maximize"])
    study = open_study(storage, "s", directions=["maximize"], about={"format": 1})
    assert study.user_attrs == {"qimlp": {"format": 1}}
    again = open_study(storage, "s", directions=["maximize"], about={"format": 2})
    assert again.user_attrs == {"qimlp": {"format": 1}}
