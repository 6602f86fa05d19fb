"""The result of an analysis as plain values."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from math import log
from typing import Any

from qimlp.correlation.networks.layers import Place
from qimlp.correlation.networks.measure import LayerStep
from qimlp.correlation.networks.meter import Measured
from qimlp.shapes import format_dims
from qimlp.statistics import Estimate

BASELINES = {
    "untrained": "the same network untrained",
    "shuffled": "its features shuffled between samples",
    "permuted": "its features permuted across bodies",
    "random": "a random vector",
    "mlp": "the classic MLP of the same widths",
    "untrained_mlp": "the classic MLP of the same widths, untrained",
    "control": "the network given as control",
}
"""Baselines in the order of reports, with what each is in words."""


@dataclass(frozen=True)
class Baseline:
    """What something else than the network gives at a place.

    Attributes:
        name: One of `BASELINES`.
        strong: C.
        total: I, or the total correlation.
        mixture: `S(rho_(A+B))`.
        bodies: `S(rho_m)` of every body.
        effective_rank: `exp(S(rho_m))`, mean over the bodies.
        share_above: Share of samples with C > 0.
        samples: Vectors measured, in all draws together.
        draws: Networks drawn; the intervals are then over these. 0: intervals over samples.
        page: Page's entropy of every body, for `random` only.
    """

    name: str
    strong: Estimate
    total: Estimate
    mixture: Estimate
    bodies: list[Estimate]
    effective_rank: Estimate
    share_above: Estimate
    samples: int
    draws: int = 0
    page: list[float] | None = None


@dataclass(frozen=True)
class Comparison:
    """The network against one baseline, in C.

    Attributes:
        against: Name of the baseline.
        difference: Mean C of the network minus that of the baseline.
        low: Lower end of its 95 % interval.
        high: Upper end.
        verdict: `"more"`, `"less"` or `"no clear difference"`.
    """

    against: str
    difference: float
    low: float
    high: float
    verdict: str


@dataclass(frozen=True)
class LayerReport:
    """Everything about one place.

    Attributes:
        place: Layer, stage, bodies.
        measured: The network itself.
        baselines: What to compare with.
        comparisons: One per baseline.
    """

    place: Place
    measured: Measured
    baselines: list[Baseline]
    comparisons: list[Comparison]

    def baseline(self, name: str) -> Baseline | None:
        """Find a baseline.

        Args:
            name: One of `BASELINES`.

        Returns:
            The baseline; None where it was not computed.
        """
        return next((b for b in self.baselines if b.name == name), None)


@dataclass(frozen=True)
class CorrelationReport:
    """What `analyze` has found.

    Attributes:
        base: Of the logarithm, None for nats.
        subsystems: Which states the bodies were taken to be in.
        samples: Examples that went through the network.
        layers: One entry per layer and stage.
        steps: Paired differences between places.
        answers: In words: does a layer hold more than the one before, and more than chance?
        notes: What was left out, and why; what the intervals do not cover.
    """

    base: float | None
    subsystems: str
    samples: int
    layers: list[LayerReport]
    steps: list[LayerStep]
    answers: list[str]
    notes: list[str]

    @property
    def unit(self) -> str:
        """Name of the unit of entropies."""
        if self.base is None or abs(log(self.base) - 1) < 1e-12:
            return "nats"
        return "bits" if self.base == 2 else f"units of log {self.base:g}"

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON, everything included."""
        whole = asdict(self)
        whole["unit"] = self.unit
        return whole

    def rows(self) -> list[dict[str, Any]]:
        """One flat row per place for the network and for each baseline, for CSV and tables."""
        rows = []
        for layer in self.layers:
            measured = layer.measured
            head = {
                "layer": layer.place.layer,
                "stage": layer.place.stage,
                "dims": format_dims(layer.place.dims),
            }
            rows.append(
                head
                | {"of": "network", "samples": measured.samples}
                | {
                    "zero_vectors": measured.zero_vectors,
                    "schmidt_rank": measured.schmidt_rank.mean,
                }
                | {"strong_part": measured.strong_part}
                | _columns(measured)
            )
            rows += [
                head
                | {"of": baseline.name, "samples": baseline.samples}
                | {"zero_vectors": None, "schmidt_rank": None, "strong_part": None}
                | _columns(baseline)
                for baseline in layer.baselines
            ]
        return rows


def _columns(of: Measured | Baseline) -> dict[str, float]:
    return {
        **_estimate("C", of.strong),
        "I": of.total.mean,
        "S_mixture": of.mixture.mean,
        "S_body_mean": sum(body.mean for body in of.bodies) / len(of.bodies),
        "effective_rank": of.effective_rank.mean,
        **_estimate("share_above", of.share_above),
    }


def _estimate(name: str, estimate: Estimate) -> dict[str, float]:
    wanted = ("mean", "low", "high", "std")
    values = {f.name: getattr(estimate, f.name) for f in fields(estimate)}
    return {name if key == "mean" else f"{name}_{key}": values[key] for key in wanted}
