"""A journal file: half lines, and files that are replaced."""

from pathlib import Path

import optuna
import pytest

from qimlp.sweeps.storage import load_study, open_storage, open_study
from qimlp.sweeps.storage.journal import JournalFile

_LOGS = [{"op_code": 5, "text": "ä" * length} for length in (1, 100, 70_000)]


@pytest.mark.parametrize("torn", [b'{"op', b'{"op_code":5}', b"x" * 200_000])
def test_a_half_line_is_cut_off_before_the_next_one(tmp_path: Path, torn: bytes) -> None:
    path = tmp_path / "a.journal"
    JournalFile(path).append_logs(_LOGS)
    whole = path.read_bytes()
    path.write_bytes(whole + torn)
    journal = JournalFile(path)
    assert list(journal.read_logs(0)) == _LOGS
    journal.append_logs(_LOGS[:1])
    assert list(journal.read_logs(len(_LOGS))) == _LOGS[:1]
    assert path.read_bytes().startswith(whole + b'{"op_code":5,')
    assert list(JournalFile(path).read_logs(0)) == [*_LOGS, _LOGS[0]]


def test_a_half_first_line_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "a.journal"
    path.write_bytes(b'{"op_co')
    open_study(open_storage(path), "s", directions=["minimize"], about={"format": 1})
    assert load_study(open_storage(path), "s").user_attrs == {"qimlp": {"format": 1}}


def test_lines_are_read_from_any_number(tmp_path: Path) -> None:
    journal = JournalFile(tmp_path / "a.journal")
    journal.append_logs(_LOGS)
    assert list(journal.read_logs(2)) == _LOGS[2:]
    assert list(journal.read_logs(1)) == _LOGS[1:]
    reading = journal.read_logs(0)
    assert next(reading) == _LOGS[0]
    assert list(journal.read_logs(1)) == _LOGS[1:]


def test_a_file_that_was_replaced_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.journal"
    storage = open_storage(path)
    open_study(storage, "s", directions=["minimize"], about={})
    path.write_bytes(b"")
    with pytest.raises(OSError, match=r"a\.journal has become shorter"):
        load_study(storage, "s")


def test_a_full_disk_is_told_and_leaves_no_half_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.journal"
    journal = JournalFile(path)
    journal.append_logs(_LOGS)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as change:
        change.setattr("os.fsync", full)
        with pytest.raises(OSError, match=r"a\.journal cannot be written \(No space left"):
            journal.append_logs([{"op_code": 6, "state": 1}])
    assert not path.with_name("a.journal.lock").exists()


def test_optuna_itself_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "a.journal"
    open_study(open_storage(path), "s", directions=["minimize"], about={"format": 1})
    theirs = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(path)))
    assert optuna.load_study(study_name="s", storage=theirs).user_attrs == {"qimlp": {"format": 1}}
