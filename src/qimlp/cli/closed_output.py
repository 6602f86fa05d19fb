"""Standard output that nobody reads any more."""

import errno
import os
import sys


def is_closed_output(error: BaseException) -> bool:
    """Tell whether an error came of writing to a closed pipe.

    Args:
        error: What was raised.

    Returns:
        Whether it did. Windows has no error of its own for it.
    """
    if isinstance(error, BrokenPipeError):
        return True
    return (
        os.name == "nt"
        and isinstance(error, OSError)
        and error.errno == errno.EINVAL
        and error.filename is None
    )


def discard_output() -> None:
    """Send what is still to be written nowhere, or Python would complain of it at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
