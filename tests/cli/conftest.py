"""Run the command in this process, as `main` would."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from qimlp.cli.app import run


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str


@pytest.fixture
def qimlp(capsys) -> Callable[..., Done]:
    def call(*arguments: object) -> Done:
        code = run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Done(code, captured.out, captured.err)

    return call
