"""Whether the Hugging Face hub answers: its own libraries try again for most of a minute."""

from __future__ import annotations

import urllib.error
import urllib.request
from http.client import HTTPException

from qimlp.data.readers.error_messages import first_line

_PATIENCE_S = 10.0


def unreachable(address: str) -> str | None:
    """Ask once, briefly.

    Args:
        address: What to ask for.

    Returns:
        What went wrong; ``None`` where there is an answer, a refusal included.
    """
    try:
        with urllib.request.urlopen(address, timeout=_PATIENCE_S):  # noqa: S310 (the hub's own)
            return None
    except urllib.error.HTTPError:
        return None  # it answered: its library knows about log-ins and explains
    except (OSError, ValueError, HTTPException) as error:
        return first_line(error)
