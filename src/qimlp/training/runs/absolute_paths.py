"""Settings that mean the same in every folder."""

from pathlib import Path

from qimlp.data import absolute_folder, absolute_path, absolute_source
from qimlp.settings import TrainSettings


def located(settings: TrainSettings) -> TrainSettings:
    """Make the local paths in settings absolute, so that a run can be used from another folder.

    Args:
        settings: Any.

    Returns:
        The same settings; names of data and encoders, and paths where nothing is, stay as they
        are.
    """
    data = settings.dataset
    changes: dict[str, str] = {"data": absolute_source(data.data, data.data_dir)}
    if data.data_dir is not None:
        changes["data_dir"] = absolute_path(Path(data.data_dir))
    if settings.features.text == "encoder":
        changes["encoder"] = absolute_folder(settings.features.encoder)
    return settings.replace(**changes)
