"""The Hugging Face hub: which names are meant for it, and whether it may and can be asked.

Its own libraries try again for most of a minute where it does not answer, and take a mistyped path
for a name.
"""

import os
import re
import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path

OFFLINE_VARIABLES = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE")
"""Any of them set to `1`, `on`, `yes` or `true` forbids every request."""

_PATIENCE_S = 10.0
_NAME = re.compile(r"[A-Za-z0-9_][\w.-]*(/[A-Za-z0-9_][\w.-]*)?", re.ASCII)
_LONGEST_NAME = 96
# Endings of files. Names on the hub hold dots too, as in `bge-small-en-v1.5` or `whisper-tiny.en`.
_FILE = re.compile(
    r"\.(csv|tsv|txt|jsonl?|ya?ml|toml|parquet|arrow|feather|np[yz]|mat|h5|hdf5|xlsx?|ods|arff|dat|"
    r"pkl|pickle|pth?|bin|ckpt|safetensors|onnx|gguf|zip|gz|bz2|xz|7z|tar|tgz|zst|rar|db|sqlite|"
    r"bmp|dib|gif|jpe|jpe?g|p[bgpn]m|png|tiff?|webp|avif|hei[cf]|svg|pdf|md|html?|xml|py|ipynb|sh)",
    re.IGNORECASE,
)


def is_hub_name(name: str) -> bool:
    """Tell a name on the hub from a path, which may be mistyped.

    Args:
        name: What the user named; nothing of that name is here.

    Returns:
        Whether it has the form `name` or `owner/name`, without the ending of a file, and
        `owner` is no folder here.
    """
    if _NAME.fullmatch(name) is None or len(name) > _LONGEST_NAME:
        return False
    if ".." in name or "--" in name or name.endswith((".", "-")):  # the hub has no such names
        return False
    owner = name.rpartition("/")[0]
    return _FILE.fullmatch(Path(name).suffix) is None and not (owner and Path(owner).exists())


def offline() -> str | None:
    """Whether the user forbids requests.

    Returns:
        The environment variable that says so; None where there is none.
    """
    for name in OFFLINE_VARIABLES:
        if os.environ.get(name, "").strip().upper() in {"1", "ON", "YES", "TRUE"}:
            return name
    return None


def unreachable(address: str) -> str | None:
    """Ask the hub once, briefly, unless the user forbids it.

    Args:
        address: What to ask for.

    Returns:
        What is in the way, in a few words; None where there is an answer, a refusal included.
    """
    forbidden = offline()
    if forbidden is not None:
        return f"{forbidden} is set"
    try:
        with urllib.request.urlopen(address, timeout=_PATIENCE_S):  # noqa: S310 (the hub's own)
            return None
    except urllib.error.HTTPError:
        return None  # it answered: its library knows about log-ins and explains
    except urllib.error.URLError as error:
        reason = getattr(error.reason, "strerror", None) or str(error.reason)
        return f"no answer: {' '.join(reason.split())[:100]}"
    except (OSError, ValueError, HTTPException):
        return "no answer"
