"""Where the data of a run lies, named such that every folder finds it; and the data itself."""

from pathlib import Path

from qimlp.data import (
    absolute_folder,
    absolute_path,
    absolute_source,
    load,
    load_table,
    load_texts,
)
from qimlp.predictor import Loaded
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


def load_data(settings: TrainSettings) -> Loaded:
    """Read, or open for streaming, the data that settings name.

    Args:
        settings: Source, folder, label column, whether it is texts, whether to stream.

    Returns:
        The data set.

    Raises:
        FileNotFoundError: If the data is not there.
        ValueError: If the data is not usable.
    """
    data = settings.dataset
    if settings.network.kind == "table":
        return _load_table(settings)
    if data.categorical:
        raise ValueError("categorical: only model table has categories; leave it out")
    if data.resize is not None and settings.features.text is not None:
        raise ValueError("resize: expected images, got texts; leave it out")
    if settings.features.text is not None:
        if data.task == "regression" or len(data.label_columns) > 1:
            raise ValueError("texts are classified: expected one label column, no regression")
        label = next(iter(data.label_columns), None)
        return load_texts(data.data, data_dir=data.data_dir, label_column=label)
    return load(
        data.data,
        data_dir=data.data_dir,
        label_column=data.label_columns or None,
        drop_columns=data.drop_columns,
        task=data.task,
        resize=data.resize,
        streaming=data.streaming,
    )


def _load_table(settings: TrainSettings) -> Loaded:
    data = settings.dataset
    if settings.features.text is not None or data.streaming:
        given = "streaming" if data.streaming else f"text {settings.features.text}"
        raise ValueError(f"{given}: model table reads tables whole, with their texts; leave it out")
    return load_table(
        data.data,
        data_dir=data.data_dir,
        target=data.label_columns,
        drop=data.drop_columns,
        categorical=data.categorical,
        task=data.task,
    )
