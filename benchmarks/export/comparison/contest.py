"""A contest on one set: what is chosen on dev, and what comes out on test."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import torch
from safetensors.torch import load_file, save_file

from benchmarks.export.comparison import peers
from benchmarks.export.comparison.data import Data, Part
from benchmarks.export.comparison.exported import Exported, estimated, exported
from benchmarks.export.comparison.lineup import DEFAULT_RATES, LEARNING_RATES, LINEUPS
from benchmarks.export.comparison.networks import Candidate, Cnn, Trained, Training, scaling, train

_CHOOSING = 100  # seed of what is chosen from
_PEER_RATES = (1e-3, 1e-2)
_FACTORS = (1, 8)  # flash of forests over that of the QiMLP

_Maker: TypeAlias = Callable[[Part, int], peers.Peer]


@dataclass(frozen=True)
class Contest:
    """Everybody on one set.

    Attributes:
        data: The set.
        folder: Where trained networks are kept, to be read by a later run.
        seeds: Of the networks that are judged.
        left_out: Families that are not trained.
    """

    data: Data
    folder: Path
    seeds: tuple[int, ...]
    left_out: tuple[str, ...] = ()

    def rows(self) -> Iterator[dict[str, Any]]:
        """Give one row for every model: its name, its costs, its accuracy of every seed."""
        lineup = LINEUPS[self.data.name]
        limit = 0
        for family in lineup.families:
            if family in self.left_out:
                continue
            row = self._network(family)
            limit = limit or row["flash"]  # the first one's, the QiMLP's
            yield row
        yield from self._mlps(limit)
        for factor in _FACTORS:
            yield self._forest(factor, limit)

    def _network(self, family: str) -> dict[str, Any]:
        """Choose a family's network and judge it."""
        candidate, how = self._choice(family)
        whole = self.data.train.joined(self.data.dev)
        networks = [self._trained(candidate, whole, how, seed) for seed in self.seeds]
        as_float = [network.accuracy(self.data.test) for network in networks]
        measured = [self._measured(network) for network in networks]  # rounds their weights
        return {
            "family": family,
            "name": candidate.name,
            "parameters": candidate.parameters,
            "lr": how.lr,
            "flash": max(each.flash for each in measured),
            "ram": measured[0].ram,
            "estimated": measured[0].estimated,
            "accuracy": [each.accuracy for each in measured],
            "as_float": as_float,
        }

    def _choice(self, family: str) -> tuple[Candidate, Training]:
        """Which network of a family, with which learning rate: the best on dev."""
        lineup = LINEUPS[self.data.name]
        choices = [
            (candidate, Training(lineup.trial_epochs, lr, lineup.batch))
            for candidate in lineup.candidates
            if candidate.family == family
            for lr in LEARNING_RATES.get(family, DEFAULT_RATES)
        ]

        def dev(choice: tuple[Candidate, Training]) -> float:
            found = self._trained(choice[0], self.data.train, choice[1], _CHOOSING)
            found.round_()
            return found.accuracy(self.data.dev)

        candidate, how = max(choices, key=dev) if len(choices) > 1 else choices[0]
        return candidate, replace(how, epochs=lineup.epochs)

    def _measured(self, network: Trained) -> Exported:
        if isinstance(network.network, Cnn):
            return estimated(network, self.data)
        return exported(network, self.data)

    def _trained(self, candidate: Candidate, part: Part, how: Training, seed: int) -> Trained:
        """Train a network, or read the one that was trained before."""
        told = f"{self.data.name} {candidate.name} {len(part.rows)} {how.epochs} {how.lr:g} {seed}"
        path = self.folder / f"{candidate.family} {told}.safetensors".replace(" ", "_")
        if path.exists():
            torch.manual_seed(seed)
            network = candidate.make()
            network.load_state_dict(load_file(path))
            return Trained(network.eval(), *scaling(part))
        found = train(candidate, part, how, seed)
        self.folder.mkdir(parents=True, exist_ok=True)
        save_file(found.network.state_dict(), path)
        return found

    def _mlps(self, limit: int) -> Iterator[dict[str, Any]]:
        """Judge emlearn's MLP: the widest of the limit's flash, and one four times as wide."""
        epochs = LINEUPS[self.data.name].epochs
        one = peers.mlp(self.data.train, 1, _PEER_RATES[0], 1, _CHOOSING).size.flash
        two = peers.mlp(self.data.train, 2, _PEER_RATES[0], 1, _CHOOSING).size.flash
        fitting = max(1, (limit - one) // (two - one) + 1)
        for hidden in (fitting, 4 * fitting):
            makers = [partial(_mlp, hidden, lr, epochs) for lr in _PEER_RATES]
            yield self._chosen("emlearn MLP, float", makers)

    def _forest(self, factor: int, limit: int) -> dict[str, Any]:
        """Judge emlearn's forest that is best on dev of those within some times the limit."""
        found = list(peers.forests(self.data.train, factor * limit, _CHOOSING))
        best = max(found, key=lambda peer: peer.accuracy(self.data.dev))
        trees = (int(best.name.split()[0]),)
        family = "emlearn forest" + ("" if factor == 1 else f", {factor} times the flash")

        return self._chosen(family, [partial(_forest, factor * limit, trees)])

    def _chosen(self, family: str, makers: Sequence[_Maker]) -> dict[str, Any]:
        """Judge the one of several peers that is best on dev."""
        make = max(makers, key=self._dev) if len(makers) > 1 else makers[0]
        whole = self.data.train.joined(self.data.dev)
        found = [make(whole, seed) for seed in self.seeds]
        return {
            "family": family,
            "name": found[0].name,
            "parameters": None,
            "flash": max(peer.size.flash for peer in found),
            "ram": found[0].size.ram,
            "estimated": False,
            "accuracy": [peer.accuracy(self.data.test) for peer in found],
        }

    def _dev(self, make: _Maker) -> float:
        return make(self.data.train, _CHOOSING).accuracy(self.data.dev)


def _mlp(hidden: int, lr: float, epochs: int, part: Part, seed: int) -> peers.Peer:
    return peers.mlp(part, hidden, lr, epochs, seed)


def _forest(limit: int, trees: tuple[int, ...], part: Part, seed: int) -> peers.Peer:
    return next(peers.forests(part, limit, seed, trees))
