"""Files are written whole or not at all, through no link, and onto the disk."""

import os
import stat

import pytest

from qimlp.files import (
    remove_leftovers,
    temporary_beside,
    whole_folder,
    write_bytes,
    write_json,
    write_json_lines,
)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def fail_halfway(path, **options):
    with whole_folder(path, **options) as folder:
        write_json(folder / "a.json", {})
        raise RuntimeError


def test_a_file_is_replaced_whole_and_nothing_else_stays(tmp_path):
    file = tmp_path / "a"
    write_bytes(file, b"one")
    write_bytes(file, b"two")
    assert file.read_bytes() == b"two"
    assert names(tmp_path) == ["a"]


def test_permissions_are_those_of_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        write_bytes(tmp_path / "a", b"")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640


def test_a_link_is_replaced_and_what_it_names_is_left_alone(tmp_path):
    other = tmp_path / "other"
    other.write_text("mine")
    (tmp_path / "a").symlink_to(other)
    write_bytes(tmp_path / "a", b"new")
    assert other.read_text() == "mine"
    assert not (tmp_path / "a").is_symlink()


def test_a_link_that_waits_under_the_temporary_name_is_not_followed(tmp_path, monkeypatch):
    other = tmp_path / "other"
    other.write_text("mine")
    trap = tmp_path / ".a.0123456789abcdef.qimlp-tmp"
    trap.symlink_to(other)
    monkeypatch.setattr("qimlp.files.write.temporary_beside", lambda path: trap)
    with pytest.raises(OSError, match="cannot write: File exists"):
        write_bytes(tmp_path / "a", b"new")
    assert other.read_text() == "mine"


def test_temporary_names_cannot_be_guessed(tmp_path):
    found = {temporary_beside(tmp_path / "a").name for _ in range(100)}
    assert len(found) == 100
    assert str(os.getpid()) not in {name.split(".")[2] for name in found}
    assert len(os.fsencode(temporary_beside(tmp_path / ("é" * 120)).name)) < 255


def test_a_failed_write_leaves_the_earlier_file(tmp_path, monkeypatch):
    file = tmp_path / "a"
    write_bytes(file, b"one")

    def full(_number):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="cannot write: No space left on device") as caught:
        write_bytes(file, b"two")
    assert caught.value.filename == str(file)
    assert file.read_bytes() == b"one"
    assert names(tmp_path) == ["a"]


def test_the_file_is_on_the_disk_before_it_has_its_name_and_the_name_after(tmp_path, monkeypatch):
    calls = []
    real = os.fsync

    def fsync(number):
        kind = "folder" if stat.S_ISDIR(os.fstat(number).st_mode) else "file"
        calls.append((kind, (tmp_path / "a").exists()))
        real(number)

    monkeypatch.setattr(os, "fsync", fsync)
    write_bytes(tmp_path / "a", b"one")
    assert calls == [("file", False), ("folder", True)]
    write_bytes(tmp_path / "a", b"two", durable=False)
    assert len(calls) == 2


def test_a_folder_is_there_whole_or_not_at_all(tmp_path):
    with pytest.raises(RuntimeError):
        fail_halfway(tmp_path / "run")
    assert names(tmp_path) == []
    with whole_folder(tmp_path / "run") as folder:
        write_json(folder / "a.json", {})
        assert not (tmp_path / "run").exists()
    assert names(tmp_path) == ["run"]
    with pytest.raises(FileExistsError), whole_folder(tmp_path / "run"):
        pass


def test_a_replaced_folder_stays_until_the_next_is_whole(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "old").touch()
    with pytest.raises(RuntimeError):
        fail_halfway(tmp_path / "run", replace=True)
    assert names(tmp_path / "run") == ["old"]
    with whole_folder(tmp_path / "run", replace=True) as folder:
        (folder / "new").touch()
    assert names(tmp_path / "run") == ["new"]
    assert names(tmp_path) == ["run"]


def test_leftovers_of_a_kill_are_removed_and_nothing_else(tmp_path):
    deep = tmp_path / "last"
    deep.mkdir()
    temporary_beside(deep / "state").write_text("half")
    half = temporary_beside(tmp_path / "best")
    half.mkdir()
    (half / "model").touch()
    outside = tmp_path.parent / f"{tmp_path.name}-kept"
    outside.mkdir()
    temporary_beside(tmp_path / "link").symlink_to(outside)
    kept = [tmp_path / ".a.qimlp-tmp", tmp_path / "a.0123456789abcdef.qimlp-tmp", deep / "state"]
    for file in kept:
        file.touch()
    assert len(remove_leftovers(tmp_path)) == 3
    assert all(file.exists() for file in [*kept, outside])
    assert names(tmp_path) == sorted([".a.qimlp-tmp", kept[1].name, "last"])
    assert names(deep) == ["state"]


def test_json_holds_no_number_that_is_not_finite(tmp_path):
    with pytest.raises(ValueError, match="a: expected finite numbers"):
        write_json(tmp_path / "a", float("nan"))
    with pytest.raises(ValueError, match="a: expected finite numbers"):
        write_json_lines(tmp_path / "a", [{"x": float("inf")}])
    assert not (tmp_path / "a").exists()
