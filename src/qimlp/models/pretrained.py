"""Save a network to a folder and load it again: safetensors and JSON, nothing unpickled."""

from __future__ import annotations

from inspect import Parameter, signature
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import torch
from torch import nn

from qimlp.files import printable, read_json_object, shown, write_json
from qimlp.hub import is_hub_name, unreachable
from qimlp.models.weights import read_weights, write_weights

CONFIG_NAME = "config.json"
WEIGHTS_NAME = "model.safetensors"

#: No file holds a tensor with a longer side.
_LARGEST_SIZE = 2**48

Network = TypeVar("Network", bound="Pretrained")


class Pretrained(nn.Module):
    """A network that is made by its `config` and kept as `config.json` and `model.safetensors`.

    The layout is that of `huggingface_hub.PyTorchModelHubMixin`, so such a folder can be pushed to,
    and loaded from, the hub by it too.

    Attributes:
        kind: Name of the kind of network.
        keeps_dtype: Whether training leaves the parameters in the dtype that they have, as for
            layers that are not ours; else they are brought to the one that is asked for.
    """

    kind: ClassVar[str]
    keeps_dtype: ClassVar[bool] = False

    @property
    def in_features(self) -> int:
        """Width of the input."""
        raise TypeError(f"{type(self).__name__} does not say the width of its input")

    @property
    def members(self) -> int:
        """Networks that are trained side by side: a batch gives that many outputs a row."""
        return 1

    @property
    def config(self) -> dict[str, Any]:
        """What makes this network again: its `kind` and the constructor's arguments."""
        raise TypeError(f"{type(self).__name__} does not say its config")

    def save_pretrained(self, save_directory: str | Path, *, durable: bool = True) -> Path:
        """Write the network into a folder, which is made where it is missing.

        Each file is written whole or not at all; the weights come first.

        Args:
            save_directory: The folder; files of an earlier network are replaced.
            durable: Wait until the disk holds them, so that they outlive a power cut.

        Returns:
            The folder.

        Raises:
            OSError: The folder cannot be written.
        """
        folder = Path(save_directory)
        folder.mkdir(parents=True, exist_ok=True)
        write_weights(folder / WEIGHTS_NAME, self, durable=durable)
        write_json(folder / CONFIG_NAME, self.config, durable=durable)
        return folder

    @classmethod
    def from_pretrained(
        cls: type[Network], name_or_path: str | Path, *, revision: str | None = None
    ) -> Network:
        """Load a network from a folder, or by its name from the Hugging Face hub.

        Args:
            name_or_path: Folder that `save_pretrained` wrote, or `owner/name` on the hub.
            revision: Branch, tag or commit on the hub; pin a commit for what must not change.

        Returns:
            The network on the CPU, in training mode as every new module.

        Raises:
            FileNotFoundError: Neither a folder nor on the hub.
            ValueError: A file that is damaged or does not fit this class.
            ImportError: A hub name without `huggingface_hub`.
        """
        folder = _folder(name_or_path, revision)
        config = read_json_object(folder / CONFIG_NAME, what="network config")
        kind = config.pop("kind", None)
        if kind != cls.kind:
            source = printable(str(folder / CONFIG_NAME))
            raise ValueError(f"{source}: expected kind {cls.kind!r}, got {shown(kind)}")
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
        from huggingface_hub import constants, snapshot_download  # noqa: PLC0415
    except ImportError as error:
        raise ImportError(
            f'{name_or_path} is no folder; to look on the hub: pip install "qimlp[hub]"'
        ) from error
    problem = unreachable(f"{constants.ENDPOINT}/api/models/{name_or_path}")
    try:
        return Path(
            snapshot_download(
                str(name_or_path),
                revision=revision,
                allow_patterns=[CONFIG_NAME, WEIGHTS_NAME],
                local_files_only=problem is not None,
            )
        )
    except Exception as error:  # the hub client raises many kinds of its own
        found = problem or type(error).__name__
        raise FileNotFoundError(
            f"{name_or_path}: neither a folder here nor reachable on the hub ({found})"
        ) from error


def _load(cls: type[Network], config: dict[str, Any], folder: Path) -> Network:
    source = str(folder / CONFIG_NAME)
    with torch.device("meta"):  # it takes no memory: the config may ask for more than there is
        layout = build(cls, config, source)
    state = read_weights(folder / WEIGHTS_NAME, layout)
    network = build(cls, config, source)
    dtypes = {value.dtype for value in state.values() if value.is_floating_point()}
    if len(dtypes) == 1:
        network = network.to(dtypes.pop())
    network.load_state_dict(state)
    return network


def build(cls: type[Network], arguments: dict[str, Any], source: str) -> Network:
    """Make a network from stored arguments of its constructor.

    Args:
        cls: Its class.
        arguments: As read from JSON, without the `kind`.
        source: Where they come from, for the message.

    Returns:
        A new network.

    Raises:
        ValueError: Arguments that are unknown, missing or unfit, in one line.
        ImportError: A library that this kind of network needs is missing.
    """
    known = {
        name: parameter.default is Parameter.empty
        for name, parameter in signature(cls.__init__).parameters.items()
        if name not in {"self", "device", "dtype"}
    }
    source = printable(source)
    unknown = sorted(set(arguments) - known.keys())
    if unknown:
        raise ValueError(f"{source}: unknown keys {shown(unknown)}; expected {sorted(known)}")
    missing = [name for name, required in known.items() if required and name not in arguments]
    if missing:
        raise ValueError(f"{source}: expected keys {missing}, which are missing")
    too_large = f"{source}: expected a network that fits into memory"
    if _largest(arguments) > _LARGEST_SIZE:
        raise ValueError(too_large)
    try:
        return cls(**arguments)
    except (TypeError, ValueError) as error:  # the constructors' own lines
        raise ValueError(f"{source}: {printable(str(error))}") from None
    except (RuntimeError, OverflowError):  # torch's, of shapes that no tensor can have
        raise ValueError(too_large) from None


def _largest(value: Any) -> int:
    """The largest integer in a JSON value."""
    if isinstance(value, dict | list | tuple):
        inner = value.values() if isinstance(value, dict) else value
        return max(map(_largest, inner), default=0)
    return value if isinstance(value, int) else 0
