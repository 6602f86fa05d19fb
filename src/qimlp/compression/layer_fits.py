"""Choices and fits for all layers of a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn

from qimlp.compression.config import CompressionConfig
from qimlp.compression.faster import Faster
from qimlp.compression.fits import (
    Choice,
    Fit,
    Kronecker,
    Layout,
    LowRank,
    Moments,
    allocate,
    candidate_layouts,
    parameter_budget,
)
from qimlp.compression.layer_moments import LayerMoments, NoMoments
from qimlp.compression.replacement import replacement
from qimlp.compression.report import LeftAlone
from qimlp.compression.targets import Target
from qimlp.files import printable


@dataclass(frozen=True)
class FittedLayer:
    """A layer that takes a dense one's place.

    Attributes:
        fit: What it was made of.
        module: The layer.
    """

    fit: Fit
    module: nn.Module


class LayerFits:
    """Smaller layers for those of a model.

    Args:
        targets: The layers, by name.
        layouts: By the name of a layer, what it may be replaced by.
        moments: The calibration data as the layers see them, or none.
        config: How far they are to be compressed, and by what means.
    """

    def __init__(
        self,
        targets: Mapping[str, Target],
        layouts: Mapping[str, Sequence[Layout]],
        moments: LayerMoments | NoMoments,
        config: CompressionConfig,
    ) -> None:
        self._targets = targets
        self._layouts = layouts
        self._moments = moments
        self._config = config

    def choices(self) -> dict[str, Choice | None]:
        """Choose layout and rank of every layer from the original model's data.

        Returns:
            By the name of a layer, in the order in which they run; None for one that stays dense.

        Raises:
            ValueError: A budget that cannot be reached, or data that cannot be used.
        """
        curves = {
            name: [self._fitter(name, layout, moments).curve for layout in self._layouts[name]]
            for stage, moments in self._moments.of_original()
            for name in stage.names
        }
        budget = parameter_budget(curves, self._config)
        if self._config.goal != "speed":
            return allocate(curves, budget, self._config)
        faster = Faster(self._targets, self._moments.rows)
        while True:
            chosen = allocate(curves, budget, self._config, allowed=faster)
            if faster.confirmed(chosen):
                return chosen

    def fitted(self, choices: Mapping[str, Choice | None]) -> dict[str, FittedLayer]:
        """Fit every layer that does not stay dense, in the order in which they run.

        Args:
            choices: Of `choices`.

        Returns:
            The new layers by the name of those whose place they take.
        """
        made: dict[str, FittedLayer] = {}
        answering: dict[str, Callable[..., Any]] = {}
        wanted = {name for name, choice in choices.items() if choice is not None}
        for stage, moments in self._moments.of_replaced(answering, wanted):
            for name in stage.names:
                choice = choices[name]
                if choice is None:
                    continue
                fit = self._fitter(name, choice.layout, moments[name]).fit(choice.rank)
                made[name] = FittedLayer(
                    fit, replacement(self._targets[name], fit.factors, fit.stored_bias)
                )
            if self._config.sequential:
                answering |= {n: made[n].module.forward for n in stage.names if n in made}
        return made

    def _fitter(self, name: str, layout: Layout, moments: Moments | None) -> LowRank | Kronecker:
        target = self._targets[name]
        how: dict[str, Any] = {"bias": target.bias, "damping": self._config.damping}
        if layout.form == "low_rank":
            return LowRank(target.weight, moments, **how)
        return Kronecker(target.weight, moments, layout, **how)


def possible_layouts(
    targets: Sequence[Target], config: CompressionConfig
) -> tuple[dict[str, list[Layout]], list[LeftAlone]]:
    """List what each layer may be replaced by.

    Args:
        targets: The layers.
        config: `form`, `num_factors`, `on_unsupported`.

    Returns:
        Layouts by the name of a layer, and the layers that no layout fits.

    Raises:
        ValueError: A layer that no layout fits, where that is to be refused, or no layer that one
            does.
    """
    layouts: dict[str, list[Layout]] = {}
    left: list[LeftAlone] = []
    for target in targets:
        found, why = _layouts_of(target, config)
        if found:
            layouts[target.name] = found
            continue
        left.append(LeftAlone(target.name, target.kind, why))
        if config.on_unsupported == "raise":
            raise ValueError(f"{printable(target.name)}: {why}")
    if not layouts:
        raise ValueError(f"form: no layer can have it: {printable(left[0].name)}: {left[0].reason}")
    return layouts, left


def _layouts_of(target: Target, config: CompressionConfig) -> tuple[list[Layout], str]:
    sizes = target.in_features, target.out_features
    found: list[Layout] = []
    why = ""
    if config.form != "kronecker":
        found += candidate_layouts(*sizes, "low_rank")
    if config.form != "low_rank":
        try:
            found += candidate_layouts(*sizes, "kronecker", config.num_factors)
        except ValueError as error:
            why = str(error)
    return found, why
