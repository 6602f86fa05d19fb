"""Libraries of the command that are an extra, and what is said where one is not installed."""

from collections.abc import Iterator
from contextlib import contextmanager

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


@contextmanager
def says_what_is_missing() -> Iterator[None]:
    """Have a library that is not installed named together with the extra that brings it.

    Raises:
        ModuleNotFoundError: With one line for the user.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        library = (error.name or "").partition(".")[0]
        if library not in _LIBRARIES:
            raise
        raise ModuleNotFoundError(
            f'the command needs {library}, which is not installed; pip install "qimlp[train]"'
        ) from error
