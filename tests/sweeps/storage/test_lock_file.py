"""A lock that is a file: held alone, and broken when it was left behind."""

import json
import time
from pathlib import Path
from threading import Thread

import pytest

from qimlp.sweeps.storage.errors import LockLostError
from qimlp.sweeps.storage.lock_file import LockFile
from qimlp.sweeps.storage.process import this_process

_ELSEWHERE = {"lock": "a", "host": "b", "system": "another", "pid": 1, "start": "1"}


def test_threads_and_lock_objects_exclude_each_other(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    locks = [LockFile(path), LockFile(path)]
    inside: list[int] = []
    seen: list[int] = []

    def work(lock: LockFile) -> None:
        for _ in range(50):
            with lock.held():
                inside.append(1)
                seen.append(len(inside))
                inside.pop()

    threads = [Thread(target=work, args=(lock,)) for lock in locks * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert seen == [1] * 200
    assert list(tmp_path.iterdir()) == []


def test_a_lock_of_a_dead_process_is_broken_at_once(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.write_text(json.dumps({"lock": "a", **this_process(), "start": "1"}))
    with LockFile(path, grace_s=1000, patience_s=10).held():
        assert json.loads(path.read_bytes())["pid"] == this_process()["pid"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [json.dumps(_ELSEWHERE), "", "{", "[]"])
def test_a_lock_that_stays_the_same_is_broken_after_the_grace_period(
    tmp_path: Path, content: str
) -> None:
    path = tmp_path / "lock"
    path.write_text(content)
    begun = time.monotonic()
    with LockFile(path, grace_s=0.3, patience_s=10).held():
        assert 0.3 < time.monotonic() - begun < 5


def test_a_lock_that_changes_hands_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    over = time.monotonic() + 1.2

    def others() -> None:
        turn = 0
        while time.monotonic() < over:
            turn += 1
            path.write_text(json.dumps({**_ELSEWHERE, "lock": str(turn)}))
            time.sleep(0.02)
        path.unlink()

    path.write_text(json.dumps(_ELSEWHERE))
    thread = Thread(target=others)
    thread.start()
    with LockFile(path, grace_s=0.6).held():
        assert time.monotonic() >= over
    thread.join()


def test_waiting_has_an_end(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.write_text(json.dumps({"lock": "a", **this_process()}))
    waiting = LockFile(path, patience_s=0.2).held()
    with pytest.raises(TimeoutError, match=r"lock: others have held this lock for 0 s"), waiting:
        pass
    assert path.exists()


def test_one_whose_lock_was_broken_is_told_and_breaks_no_other(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    broken = pytest.raises(LockLostError, match="was broken by another process")
    with broken, LockFile(path).held():
        path.write_text(json.dumps(_ELSEWHERE))
    assert json.loads(path.read_bytes()) == _ELSEWHERE


def test_a_lock_made_in_the_moment_of_breaking_is_put_back(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.write_text(json.dumps(_ELSEWHERE))
    LockFile(path)._break(b"what was judged a moment ago")
    assert json.loads(path.read_bytes()) == _ELSEWHERE
    assert list(tmp_path.iterdir()) == [path]
