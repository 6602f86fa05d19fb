"""Save a network to a folder and load it again: safetensors and JSON, nothing unpickled."""

from __future__ import annotations

import json
from inspect import signature
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import safetensors.torch
from safetensors import SafetensorError
from torch import nn

from qimlp.files import read_json_object, write_bytes, write_json
from qimlp.hub import is_hub_name, offline
from qimlp.nn import current_name

CONFIG_NAME = "config.json"
WEIGHTS_NAME = "model.safetensors"

Network = TypeVar("Network", bound="Pretrained")


class Pretrained(nn.Module):
    """A network that is made by its `config` and kept as `config.json` and `model.safetensors`.

    The layout is that of `huggingface_hub.PyTorchModelHubMixin`, so such a folder can be pushed to,
    and loaded from, the hub by it too.
    """

    kind: ClassVar[str]

    @property
    def config(self) -> dict[str, Any]:
        """What makes this network again: its `kind` and the constructor's arguments."""
        raise TypeError(f"{type(self).__name__} does not say its config")

    def save_pretrained(self, save_directory: str | Path) -> Path:
        """Write the network into a folder, which is made where it is missing.

        Each file is written whole or not at all; the weights come first.

        Returns:
            The folder.

        Raises:
            OSError: the folder cannot be written.
        """
        folder = Path(save_directory)
        folder.mkdir(parents=True, exist_ok=True)
        state = {name: value.detach().contiguous() for name, value in self.state_dict().items()}
        metadata = {"format": "pt"}
        write_bytes(folder / WEIGHTS_NAME, safetensors.torch.save(state, metadata))
        write_json(folder / CONFIG_NAME, self.config)
        return folder

    @classmethod
    def from_pretrained(
        cls: type[Network], name_or_path: str | Path, *, revision: str | None = None
    ) -> Network:
        """Load a network from a folder, or by its name from the Hugging Face hub.

        Args:
            name_or_path: folder that `save_pretrained` wrote, or `owner/name` on the hub.
            revision: branch, tag or commit on the hub; pin a commit for what must not change.

        Returns:
            The network on the CPU, in training mode as every new module.

        Raises:
            FileNotFoundError: neither a folder nor on the hub.
            ValueError: a file that is damaged or does not fit this class.
            ImportError: a hub name without `huggingface_hub`.
        """
        folder = _folder(name_or_path, revision)
        config = read_json_object(folder / CONFIG_NAME, what="network config")
        kind = config.pop("kind", None)
        if kind != cls.kind:
            raise ValueError(f"{folder / CONFIG_NAME}: expected kind {cls.kind!r}, got {kind!r}")
        return _load(cls, config, folder)


def _folder(name_or_path: str | Path, revision: str | None) -> Path:
    folder = Path(name_or_path)
    if folder.is_dir():
        return folder
    is_name = isinstance(name_or_path, str) and "/" in name_or_path and is_hub_name(name_or_path)
    if not is_name or folder.exists():
        raise FileNotFoundError(
            f"{name_or_path}: expected a folder with {CONFIG_NAME} and {WEIGHTS_NAME}, found none"
        )
    try:
        from huggingface_hub import snapshot_download  # noqa: PLC0415
    except ImportError as error:
        raise ImportError(
            f'{name_or_path} is no folder; to look on the hub: pip install "qimlp[hub]"'
        ) from error
    forbidden = offline()
    try:
        return Path(
            snapshot_download(
                str(name_or_path),
                revision=revision,
                allow_patterns=[CONFIG_NAME, WEIGHTS_NAME],
                local_files_only=forbidden is not None,
            )
        )
    except Exception as error:  # the hub client raises many kinds of its own
        found = f"{forbidden} is set" if forbidden else type(error).__name__
        raise FileNotFoundError(
            f"{name_or_path}: neither a folder here nor reachable on the hub ({found})"
        ) from error


def _load(cls: type[Network], config: dict[str, Any], folder: Path) -> Network:
    known = set(signature(cls.__init__).parameters) - {"self", "device", "dtype"}
    unknown = sorted(set(config) - known)
    if unknown:
        raise ValueError(
            f"{folder / CONFIG_NAME}: unknown keys {unknown}; expected {sorted(known)}"
        )
    try:
        network = cls(**config)
    except TypeError as error:
        raise ValueError(f"{folder / CONFIG_NAME}: {error}") from error
    path = folder / WEIGHTS_NAME
    if not path.is_file():
        raise FileNotFoundError(f"{path}: expected the network's weights, found no file")
    try:
        stored = safetensors.torch.load_file(path)
    except (SafetensorError, json.JSONDecodeError) as error:
        raise ValueError(
            f"{path}: not a whole safetensors file ({error}); save it again"
        ) from error
    state = {current_name(name): value for name, value in stored.items()}
    expected = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    found = {name: tuple(value.shape) for name, value in state.items()}
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            raise ValueError(
                f"{path}: {name}: expected shape {expected.get(name)}, got {found.get(name)}; "
                f"the weights are not those of {CONFIG_NAME}"
            )
    dtypes = {value.dtype for value in state.values()}
    if len(dtypes) == 1:
        network = network.to(dtypes.pop())
    network.load_state_dict(state)
    return network
