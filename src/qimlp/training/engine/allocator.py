"""The C library's allocator, told to keep what a training step frees for the next step."""

import ctypes
import sys
from contextlib import suppress

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4  # malloc.h of the GNU C library
_NEVER = 2**31 - 1


def keep_freed_memory() -> bool:
    """Let this process keep freed memory instead of giving it back to the system.

    A step frees what it has allocated, and the next one asks for the same again. The GNU C library
    gives blocks of more than 32 MiB (at first 128 KiB) back at once, and the system hands out
    zeroed pages one by one: for the gradients of a classic MLP of 3,072 features that takes as
    long as the step's arithmetic. For programs of one's own, such as the command; a library has
    no business doing so to the process that it is loaded into.

    Returns:
        Whether there is such an allocator here, and it has agreed.
    """
    if not sys.platform.startswith("linux"):
        return False
    with suppress(OSError, AttributeError):  # no such C library, or no such function in it
        mallopt = ctypes.CDLL("libc.so.6").mallopt
        return bool(mallopt(_M_MMAP_MAX, 0)) and bool(mallopt(_M_TRIM_THRESHOLD, _NEVER))
    return False
