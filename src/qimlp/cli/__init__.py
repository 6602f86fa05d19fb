"""The `qimlp` command."""

import os
import signal
import sys
from types import FrameType
from typing import NoReturn

_LIBRARIES = (
    "accelerate",
    "datasets",
    "filelock",
    "matplotlib",
    "PIL",
    "pyarrow",
    "pydantic",
    "rich",
    "sklearn",
    "tensorboard",
    "tomli",
    "typer",
)


def main() -> None:
    """Run the command line of this process and exit with its code."""
    handler = signal.getsignal(signal.SIGINT)
    if handler is signal.default_int_handler:  # else it is ignored, or a caller's
        signal.signal(signal.SIGINT, _stop_at_once)
    try:
        from qimlp.cli.app import run  # noqa: PLC0415 - the libraries it needs may be missing
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _LIBRARIES:
            raise
        sys.stderr.write(
            f"qimlp: error: the command needs {error.name}, which is not installed; "
            'pip install "qimlp[train]"\n'
        )
        sys.exit(2)
    finally:
        signal.signal(signal.SIGINT, handler)
    sys.exit(run(sys.argv[1:]))


def _stop_at_once(_number: int, _frame: FrameType | None) -> NoReturn:
    """End the process while libraries load: some print or swallow an exception raised then."""
    sys.stderr.write("qimlp: interrupted\n")
    sys.stderr.flush()
    os._exit(130)
