"""A PostgreSQL server that refuses, is silent, or goes away for a while."""

import socket
import time
from importlib import import_module
from pathlib import Path
from threading import Thread

import pytest

from benchmarks.sweeps.workers import Job, finished, start, told
from qimlp.sweeps.storage import Claims, open_storage, open_study, postgres
from qimlp.sweeps.storage.errors import LockLostError
from qimlp.sweeps.storage.place import place_of
from tests.sweeps.storage.server import PASSWORD, QUOTED, Server

_WRONG = "wrong-secret"


def test_a_server_says_in_a_line_why_it_refuses(server: Server) -> None:
    with pytest.raises(PermissionError, match="password authentication failed.*PGPASSWORD") as one:
        open_storage(server.url("postgres", password=_WRONG))
    assert _WRONG not in str(one.value)
    with pytest.raises(PermissionError, match=r"no password supplied.*~/\.pgpass"):
        open_storage(server.url("postgres", password=""))
    with pytest.raises(ValueError, match='database "missing" does not exist'):
        open_storage(server.url("missing"))


def test_the_password_is_neither_shown_nor_stored(server: Server) -> None:
    where = server.database()
    storage = open_storage(where)
    study = open_study(storage, "s", directions=["minimize"], about={"format": 1})
    Claims(storage, study)
    for text in (repr(storage), storage.shown, repr(study)):
        assert PASSWORD not in text
        assert QUOTED not in text
    assert storage.shown == where.replace(f":{QUOTED}", "")


def test_a_password_from_the_environment(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    assert open_storage(place_of(server.database()).shown).optuna.get_all_studies() == []


def test_no_server_and_no_such_host() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(ConnectionError, match="cannot be reached.*Connection refused"):
            open_storage(f"postgresql://ann:secret@127.0.0.1:{port}/x")
    with pytest.raises(ConnectionError, match="cannot be reached.*no-such-host.invalid"):
        open_storage("postgresql://ann:secret@no-such-host.invalid/x")


def test_a_host_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    assert postgres._CONNECT["connect_timeout"] <= 10
    monkeypatch.setitem(postgres._CONNECT, "connect_timeout", 2)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        begun = time.monotonic()
        with pytest.raises(ConnectionError, match="cannot be reached.*timeout"):
            open_storage(f"postgresql://ann@127.0.0.1:{silent.getsockname()[1]}/x")
        assert time.monotonic() - begun < 6


def test_a_missing_driver_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(postgres, "import_module", absent)
    assert import_module("psycopg")
    with pytest.raises(ImportError, match=r'psycopg.*pip install "qimlp\[postgres\]"'):
        open_storage("postgresql://ann@127.0.0.1/x")


def test_a_server_that_is_away_for_a_while_costs_no_trial(server: Server, tmp_path: Path) -> None:
    job = Job(server.database(), 30, "random", tmp_path / "told.txt", seconds=0.2, beat_s=0.1)
    workers = [start(job) for _ in range(2)]
    for _ in range(3):
        before = len(told(job.log))
        while len(told(job.log)) < before + 3:
            time.sleep(0.02)
        server.stop()
        time.sleep(0.7)
        server.start()
    for worker in workers:
        worker.join(120)
        assert worker.exitcode == 0
    trials = finished(job.where)
    assert sorted(trials) == list(range(30))
    assert {state for state, _, _ in trials.values()} == {"COMPLETE"}
    assert sorted(told(job.log)) == list(range(30))


def test_a_server_that_stays_away_ends_a_worker_in_a_line(server: Server) -> None:
    place = place_of(server.database())
    storage = postgres.open_postgres(place.url, place.shown, patience_s=1.0)
    study = open_study(storage, "s", directions=["minimize"], about={})
    server.stop()
    try:
        with pytest.raises(ConnectionError, match=r"not reached for \d s .*start again") as lost:
            study.set_user_attr("a", 1)
        assert QUOTED not in str(lost.value)
        with pytest.raises(ConnectionError, match="not reached"), storage.exclusive():
            pass
    finally:
        server.start()
    with storage.exclusive():
        study.set_user_attr("a", 1)


def test_a_lock_that_ended_with_its_server_is_noticed(server: Server) -> None:
    storage = open_storage(server.database())

    def restart() -> None:
        server.stop()
        server.start()

    with pytest.raises(LockLostError, match="storage postgresql://"), storage.exclusive():
        restart()


def test_the_lock_is_one_processes_at_a_time(server: Server) -> None:
    where = server.database()
    first, second = open_storage(where), open_storage(where)
    order: list[str] = []

    def wait() -> None:
        with second.exclusive():
            order.append("second")

    with first.exclusive():
        waiting = Thread(target=wait)
        waiting.start()
        waiting.join(0.3)
        order.append("first")
    waiting.join(10)
    assert order == ["first", "second"]
