"""The networks of past epochs in a run folder: each whole, all of them or the newest few."""

import re
from pathlib import Path

from qimlp.files import discard, whole_folder
from qimlp.models import Pretrained

_NAME = re.compile(r"epoch-(\d{4,})")


def keep_checkpoint(folder: Path, model: Pretrained, epoch: int, *, newest: int | None) -> None:
    """Write a network to `epoch-<n>`, then remove those that are too old; each whole or not at all.

    Args:
        folder: Of the checkpoints; made if missing.
        model: The network.
        epoch: Epochs done; 0 for the start.
        newest: How many to keep, this one counted; None for all.

    Raises:
        OSError: If it cannot be written; those before it stay then.
    """
    # One is there where a run broke off before its state was written.
    with whole_folder(folder / f"epoch-{epoch:04d}", replace=True) as temporary:
        model.save_pretrained(temporary)
    if newest is None:
        return
    for path in folder.iterdir():
        found = _NAME.fullmatch(path.name)
        if found and int(found[1]) <= epoch - newest:
            discard(path)
