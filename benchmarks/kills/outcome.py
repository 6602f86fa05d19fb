"""What a training leaves on disk, without what a clock decides."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import safetensors

from qimlp.models import checksum

_BY_THE_CLOCK = frozenset({"seconds_per_step", "window_seconds", "step_seconds"})
_TIME = re.compile(r"[\d.,]+ (?:[mµn]?s)\b")
_COMPARES_TIMES = "as long"
_UNFINISHED = ".qimlp-tmp"


def outcome(out: Path) -> dict[str, str]:
    """Read all files that runs have left.

    Args:
        out: Their folder.

    Returns:
        By the path of a file, a digest of what it holds; of files that a clock decides (pictures,
        locks, the state before the last) only that they are there, or nothing.

    Raises:
        ValueError: If something in a run folder is half-written.
    """
    found = {}
    for path in sorted(out.rglob("*")):
        name = path.relative_to(out).as_posix()
        parts = path.relative_to(out).parts
        # What was about to become a run folder is no part of one; the next start removes it.
        in_run = len(parts) > 2 and not parts[1].endswith(_UNFINISHED)
        if in_run and path.name.endswith(_UNFINISHED):
            raise ValueError(f"{path} is half-written")
        if path.is_dir() or _UNFINISHED in name or path.name in {".lock", "previous.safetensors"}:
            continue
        if "tfevents" in path.name:
            found[f"{path.parent.relative_to(out).as_posix()}/events"] = _digest(_scalars(path))
        elif path.suffix == ".png":
            found[name] = ""
        else:
            found[name] = _content(path)
    return found


def _content(path: Path) -> str:
    if path.suffix == ".safetensors":
        return _weights(path)
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".json":
        return _digest(_timeless(json.loads(text)))
    if path.suffix == ".md":  # times of the result stand in it
        lines = [line for line in text.splitlines() if _COMPARES_TIMES not in line]
        text = _TIME.sub("a time", "\n".join(lines))
    return _digest(text)


def _weights(path: Path) -> str:
    """Tensors, and what stands beside them."""
    with safetensors.safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        info = json.loads((file.metadata() or {}).get("info", "null"))
    return checksum(tensors, json.dumps(_timeless(info), sort_keys=True))


def _scalars(path: Path) -> list[Any]:
    """Steps, names and values of a file of curves."""
    from tensorboard.backend.event_processing.event_file_loader import (  # noqa: PLC0415 - slow
        EventFileLoader,
    )

    return [
        (event.step, value.tag, value.tensor.float_val[0])
        for event in EventFileLoader(str(path)).Load()
        for value in event.summary.value
    ]


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        kept = value.keys() - _BY_THE_CLOCK
        return {key: _timeless(value[key]) for key in sorted(kept)}
    if isinstance(value, list):
        return [_timeless(item) for item in value if _COMPARES_TIMES not in str(item)]
    return value


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
