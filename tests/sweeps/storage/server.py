"""A PostgreSQL server of the tests' own."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg
import pytest

PASSWORD = "of the tests: @/%{0}"  # noqa: S105 - what needs quoting in an address, and no secret
QUOTED = "of%20the%20tests%3A%20%40%2F%25%7B0%7D"


def binaries() -> Path | None:
    """Folder of the server's programs, if it is installed."""
    if found := shutil.which("postgres"):
        return Path(found).resolve().parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    return folders[-1].parent if folders else None


class Server:
    """Started and stopped at will; refuses to run as root, and therefore runs as somebody else."""

    def __init__(self) -> None:
        found = binaries()
        if found is None:
            pytest.skip("no PostgreSQL server is installed")
        self._bin = found
        self._user = _somebody()
        self._folder = Path(tempfile.mkdtemp(prefix="qimlp-pg-"))
        password = self._folder / "password"
        password.write_text(PASSWORD)
        if self._user is not None:
            for path in (self._folder, password):
                shutil.chown(path, self._user)
        options = ["-A", "scram-sha-256", "-U", "tester", "--no-sync", "-E", "UTF8", "--no-locale"]
        self._run(self._bin / "initdb", "-D", "data", *options, "--pwfile=password")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None
        self._databases = 0

    def url(self, database: str, *, password: str = QUOTED, user: str = "tester") -> str:
        secret = f":{password}" if password else ""
        return f"postgresql://{user}{secret}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        options = ("listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off")
        settings = [part for option in options for part in ("-c", option)]
        self._process = subprocess.Popen(
            [self._bin / "postgres", "-D", "data", "-p", str(self.port), *settings],
            cwd=self._folder,
            user=self._user,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        begun = time.monotonic()
        while not self._answers():
            assert time.monotonic() - begun < 60, "the server did not start"
            time.sleep(0.05)

    def stop(self) -> None:
        """At once, as if it had crashed."""
        if self._process is not None:
            self._process.send_signal(3)
            self._process.wait()
            self._process = None

    def database(self) -> str:
        """Address of a new database."""
        self._databases += 1
        name = f"test{self._databases}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self._folder)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url("postgres")).close()
        except psycopg.OperationalError:
            return False
        return True

    def _run(self, *command: str | Path) -> None:
        subprocess.run(command, cwd=self._folder, user=self._user, check=True, capture_output=True)


def _somebody() -> str | None:
    if os.getuid() != 0:
        return None
    names = {line.partition(":")[0] for line in Path("/etc/passwd").read_text().splitlines()}
    return next((name for name in ("postgres", "nobody") if name in names), None)
