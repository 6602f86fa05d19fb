"""The `qimlp` command."""

import os
import sys

from qimlp._startup import end_of_loading, prepare_command

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
    prepare_command()
    os.environ["MPLBACKEND"] = "agg"  # pictures go to files; another one might not be there
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
        end_of_loading()
    try:
        code = run(sys.argv[1:])
    except KeyboardInterrupt:  # before or after the command itself
        sys.stderr.write("qimlp: interrupted\n")
        code = 130
    sys.exit(code)
