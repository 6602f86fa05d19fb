"""Standard output that nobody reads any more, and what it cannot write."""

import errno
import io
import os
import sys
from contextlib import suppress


def is_closed_output(error: BaseException) -> bool:
    """Tell whether an error came of writing to a closed pipe or to a terminal that is gone.

    Args:
        error: What was raised.

    Returns:
        Whether it did. Windows has no error of its own for it.
    """
    if isinstance(error, BrokenPipeError):
        return True
    if not isinstance(error, OSError) or error.filename is not None:
        return False
    return is_hung_up(error) or (os.name == "nt" and error.errno == errno.EINVAL)


def is_hung_up(error: OSError) -> bool:
    """Tell whether an error came of writing to a terminal that is gone.

    Args:
        error: What was raised.

    Returns:
        Whether it did, and not of a disk, which knows the same error.
    """
    if error.errno != errno.EIO or error.filename is not None:
        return False
    try:
        os.write(sys.stdout.fileno(), b"")
    except OSError as again:
        return again.errno == errno.EIO
    return False


def discard_output() -> None:
    """Send what is still to be written nowhere, or Python would complain of it at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def flush_or_discard() -> None:
    """Write what is left; where that fails (a full disk), Python need not try again at its end."""
    try:
        sys.stdout.flush()
    except OSError:
        discard_output()


def replace_unwritable() -> None:
    """Have characters that standard output's encoding lacks become question marks."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def say(line: str) -> None:
    """Write one line to standard error, if anybody is there.

    Args:
        line: The line, without its end.
    """
    with suppress(OSError):
        sys.stderr.write(f"qimlp: {line}\n")
        sys.stderr.flush()
