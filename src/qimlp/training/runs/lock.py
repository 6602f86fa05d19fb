"""One process at a time in a run folder.

The lock is the system's, so it ends with the process that holds it, however that ends.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from qimlp.files import remove_leftovers
from qimlp.training.engine.errors import RunInUseError


@contextmanager
def hold(file: Path) -> Iterator[None]:
    """Hold a run folder's lock; what a killed process left half-written there is removed.

    Args:
        file: The lock file in the run folder; it is made, and stays.

    Yields:
        Nothing; the lock is let go at the end.

    Raises:
        RunInUseError: If another process holds it.
        OSError: If the file cannot be made.
    """
    lock = FileLock(str(file))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise RunInUseError(
            f"run folder {file.parent} is in use by another process; wait until it ends, or stop it"
        ) from None
    try:
        remove_leftovers(file.parent)
        yield
    finally:
        lock.release()
