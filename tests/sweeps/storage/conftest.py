"""Storages of every kind."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sweeps.storage.server import Server


@pytest.fixture(scope="session")
def running() -> Iterator[Server]:
    server = Server()
    server.start()
    yield server
    server.remove()


@pytest.fixture
def server(running: Server) -> Server:
    return running


@pytest.fixture(params=["sqlite", "journal", "postgresql"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A storage that does not exist yet."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("server").database())
    return str(tmp_path / {"sqlite": "sweep.db", "journal": "sweep.journal"}[request.param])
