"""The `qimlp` command."""

import sys

_LIBRARIES = (
    "accelerate",
    "datasets",
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
    except KeyboardInterrupt:
        sys.stderr.write("qimlp: interrupted\n")
        sys.exit(130)
    sys.exit(run(sys.argv[1:]))
