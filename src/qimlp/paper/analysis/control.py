"""A trained network to compare a run with: the classic MLP beside it, or any run the user names."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from qimlp.correlation import Bodies, choose_layers, control_layers
from qimlp.data import Scaling
from qimlp.paper.analysis.runs import find_control
from qimlp.training import TrainedRun, load_run


def load_control(
    run: Path, trained: TrainedRun, layers: Bodies | None, named: Path | None, device: str
) -> tuple[Path, nn.Module] | None:
    """Load the network to compare a run with.

    Args:
        run: The run folder.
        trained: The run.
        layers: Its layers with their bodies; None for its hidden Kronecker layers.
        named: The run folder that the user names; None to look beside the run, where a network
            that does not fit is passed over.
        device: As in `TrainSettings`.

    Returns:
        The control's run folder and its network, which takes inputs scaled as the run's; or None.

    Raises:
        FileNotFoundError: If there is no such run.
        ValueError: If the one that the user names does not fit.
    """
    found = named or find_control(run, trained.settings)
    if found is None:
        return None
    control = load_run(found, device=device)
    try:
        _require_fit(trained, layers, control, found)
    except ValueError:
        if named is not None:
            raise
        return None
    if control.predictor.scaling == trained.predictor.scaling:
        return found, control.model
    return found, _Rescaled(control.model, trained.predictor.scaling, control.predictor.scaling)


def _require_fit(
    trained: TrainedRun, layers: Bodies | None, control: TrainedRun, where: Path
) -> None:
    if control.fingerprint != trained.fingerprint:
        raise ValueError(
            f"control {where}: expected a run on the same data, {trained.settings.data_name}, "
            f"got one on {control.settings.data_name}, or on another version of it"
        )
    if control.predictor.features.to_dict() != trained.predictor.features.to_dict():
        raise ValueError(
            f"control {where}: expected a run on the same features in the same order, got others"
        )
    control_layers(control.model, choose_layers(trained.model, layers))


class _Rescaled(nn.Module):
    """A network that is given inputs in another scaling than it was trained with."""

    def __init__(self, network: nn.Module, given: Scaling, own: Scaling) -> None:
        super().__init__()
        self.network = network
        like = next(network.parameters())
        shift, scale = _per_feature(given, like.device)
        own_shift, own_scale = _per_feature(own, like.device)
        self._factor = scale / own_scale
        self._offset = (shift - own_shift) / own_scale

    def forward(self, x: Tensor) -> Tensor:
        """Map inputs `(n, features)`, in the given scaling, to the network's outputs."""
        outputs: Tensor = self.network((x * self._factor + self._offset).to(x.dtype))
        return outputs


def _per_feature(scaling: Scaling, device: torch.device) -> tuple[Tensor, Tensor]:
    repeats = scaling.in_features // len(scaling.shift)
    shift, scale = (
        torch.tensor(values, dtype=torch.float64).repeat_interleave(repeats).float().to(device)
        for values in (scaling.shift, scaling.scale)
    )
    return shift, scale
