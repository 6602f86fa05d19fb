"""What a user may want to know before a run trains, one line each."""

from collections.abc import Sequence
from itertools import count
from math import ceil, prod

from qimlp.settings import FIELDS, NetworkSettings, TrainSettings
from qimlp.shapes import factorizations, format_dims, plan

_FEW_STEPS, _ENOUGH_STEPS = 400, 2000


def advice(
    settings: TrainSettings,
    sizes: Sequence[tuple[int, ...]],
    *,
    train_rows: int,
    steps_per_epoch: int,
) -> tuple[str, ...]:
    """Look for what makes a run less than it seems.

    Args:
        settings: The run's settings.
        sizes: Sizes of the network's bodies, from `layer_sizes`.
        train_rows: Examples of one epoch.
        steps_per_epoch: Steps of one epoch.

    Returns:
        One line each on bodies of size 1 and on few steps; none where there is nothing to say.
    """
    lines = (
        _on_bodies(settings.network, settings.label, sizes),
        None
        if settings.optimisation.steps
        else _on_steps(settings.optimisation.epochs, train_rows, steps_per_epoch),
    )
    return tuple(line for line in lines if line is not None)


def _on_bodies(
    network: NetworkSettings, label: str, sizes: Sequence[tuple[int, ...]]
) -> str | None:
    """What the planner says of the first layer, and the nearest width that is better."""
    first = sizes[0]
    if network.kind != "qimlp" or network.dims is not None or 1 not in first:
        return None
    width, bodies = prod(first), len(first)
    note = plan(width, prod(sizes[1]), bodies, network.rank, limit=1)[0].note
    better = next(
        dims
        for distance in count(1)
        for near in (width - distance, width + distance)
        if near > 1 and 1 not in (dims := factorizations(near, bodies, 1)[0])
    )
    return (
        f"{label}: {note}; drop or add features: {prod(better):,} of them make "
        f"{format_dims(better)}"
    )


def _on_steps(epochs: int, train_rows: int, steps_per_epoch: int) -> str | None:
    """A small table and the default number of epochs are soon through."""
    is_default = epochs == FIELDS["epochs"].default
    if not is_default or epochs * steps_per_epoch >= _FEW_STEPS:
        return None
    enough = ceil(_ENOUGH_STEPS / steps_per_epoch)
    return (
        f"{train_rows:,} training rows make {steps_per_epoch} steps an epoch: {epochs} epochs are "
        f"few; --epochs {enough} makes about {_ENOUGH_STEPS:,} steps"
    )
