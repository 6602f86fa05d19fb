"""Who stands beside whom on each set, at the bytes of the largest QiMLP there."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.export.comparison.networks import (
    Candidate,
    classic,
    cnn,
    kronecker,
    low_rank,
    narrow,
    same_flash,
)


@dataclass(frozen=True)
class Lineup:
    """Networks of a set, and how long they learn.

    Attributes:
        candidates: Of each family one is chosen on dev.
        epochs: Of the networks that are judged.
        trial_epochs: Of those that are chosen from.
        batch: Examples of a step.
    """

    candidates: tuple[Candidate, ...]
    epochs: int
    trial_epochs: int
    batch: int = 64

    @property
    def families(self) -> list[str]:
        """Each once, in order."""
        return list(dict.fromkeys(candidate.family for candidate in self.candidates))


LEARNING_RATES = {"classic MLP": (1e-3,), "narrow MLP, same flash": (1e-2,)}
DEFAULT_RATES = (3e-3, 1e-2)

LINEUPS = {
    "mnist": Lineup(
        (
            kronecker([(28, 28), (28, 28), (28, 28), (2, 5)]),
            narrow(784, 4, 10),
            narrow(784, 4, 16, 10),
            same_flash(784, 5, 10),
            low_rank(3, 784, 64, 64, 10),
            low_rank(4, 784, 32, 10),
            cnn((1, 28, 28), (4, 12, 11), (2, 2, 1), 10, "CNN, half the bytes"),
            cnn((1, 28, 28), (8, 8, 12), (2, 2, 1), 10, "CNN, half the bytes"),
            cnn((1, 28, 28), (8, 16, 12), (2, 2, 1), 10),
            cnn((1, 28, 28), (8, 16, 12), (2, 2, 2), 10),
            classic(784, 784, 784, 784, 10),
        ),
        epochs=8,
        trial_epochs=2,
        batch=128,
    ),
    "watch": Lineup(
        (
            kronecker([(6, 64), (8, 8), (7, 1)], 3),
            kronecker([(6, 64), (8, 8), (8, 8), (7, 1)], 2),
            kronecker([(6, 64), (16, 8), (7, 1)], 2),
            narrow(384, 4, 7),
            narrow(384, 4, 16, 7),
            same_flash(384, 5, 16, 7),
            low_rank(4, 384, 32, 7),
            low_rank(4, 384, 16, 7),
            cnn((6, 64), (8, 16, 16), (1, 2, 2), 7),
            cnn((6, 64), (12, 16, 16), (2, 2, 2), 7),
            classic(384, 384, 384, 7),
        ),
        epochs=30,
        trial_epochs=30,
    ),
    "texture": Lineup(
        (
            kronecker([(4, 10), (8, 10), (11, 1)], 2),
            kronecker([(4, 10), (6, 8), (11, 1)], 2),
            kronecker([(4, 10), (8, 8), (8, 8), (11, 1)]),
            narrow(40, 9, 11),
            same_flash(40, 20, 11),
            low_rank(4, 40, 24, 11),
            low_rank(5, 40, 16, 11),
            classic(40, 40, 40, 40, 11),
        ),
        epochs=40,
        trial_epochs=40,
    ),
    "satimage": Lineup(
        (
            kronecker([(9, 4), (8, 6), (6, 1)], 2),
            kronecker([(9, 4), (6, 8), (6, 6), (6, 1)]),
            kronecker([(9, 4), (6, 8), (6, 1)], 2),
            narrow(36, 7, 6),
            same_flash(36, 20, 6),
            low_rank(3, 36, 20, 6),
            low_rank(2, 36, 36, 6),
            classic(36, 36, 36, 36, 6),
        ),
        epochs=40,
        trial_epochs=40,
    ),
    "letter": Lineup(
        (
            kronecker([(4, 4), (12, 12), (12, 12), (26, 1)], 2),
            kronecker([(4, 4), (12, 12), (26, 1)], 3),
            narrow(16, 34, 26),
            same_flash(16, 48, 26),
            low_rank(8, 16, 64, 26),
            low_rank(10, 16, 40, 26),
            classic(16, 256, 256, 26),
        ),
        epochs=20,
        trial_epochs=10,
    ),
}

FAMILIES = tuple(
    dict.fromkeys(
        family
        for lineup in LINEUPS.values()
        for family in lineup.families
        if family != "QiMLP"  # its flash is everybody's limit
    )
)
