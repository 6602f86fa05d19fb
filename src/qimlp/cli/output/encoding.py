"""How far the encoding of texts is: it takes minutes before the first step."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

from qimlp.data import listening
from qimlp.distributed import launched_rank

_SECONDS_BETWEEN = 5.0


@contextmanager
def show_encoding(console: Console) -> Iterator[None]:
    """Say within a `with` how many texts an encoder has read: a line now and then.

    Args:
        console: Where to.

    Yields:
        Nothing.
    """
    said = 0.0

    def say(done: int, count: int) -> None:
        nonlocal said
        now = time.monotonic()
        if done in (0, count) or now - said >= _SECONDS_BETWEEN:
            said = now
            text = (
                f"encoding {count:,} texts" if done == 0 else f"encoded {done:,} of {count:,} texts"
            )
            console.print(text, markup=False, soft_wrap=True)

    if launched_rank() == 0:
        with listening(say):
            yield
    else:
        yield
