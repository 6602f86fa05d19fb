"""What a text encoder's configuration may say: nothing that runs code, and sane sizes."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from qimlp.files import printable, shown

_CODE_KEYS = ("auto_map", "custom_pipelines", "trust_remote_code")
_KERNEL_KEYS = ("attn_implementation", "experts_implementation")
_DEEPEST = 32
_SIZES = re.compile("size|vocab|position|embed|dim|heads|width|layer|length")
_LARGEST, _MOST_LAYERS = 2**24, 1000


def check_encoder_config(config: Mapping[str, Any], place: str) -> None:
    """Refuse a configuration that names code of its author, or sizes that no encoder has.

    `transformers` would ask on the terminal whether to run the code, and past versions of it
    fetched and ran some without asking.

    Args:
        config: The content of an encoder's `config.json`, or of another of its JSON files.
        place: The file, for the message.

    Raises:
        ValueError: It names Python code or compiled kernels, at any depth, has a size that would
            fill the memory, or is nested too deeply.
    """
    left: list[tuple[Any, int]] = [(config, 0)]
    while left:
        value, depth = left.pop()
        if depth > _DEEPEST:
            raise ValueError(f"{place}: expected an encoder's settings, got too deep a nesting")
        if isinstance(value, Mapping):
            _refuse_keys(value, place)
            _refuse_sizes(value, place)
            left += [(item, depth + 1) for item in value.values()]
        elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
            left += [(item, depth + 1) for item in value]


def _refuse_keys(table: Mapping[str, Any], place: str) -> None:
    for key in _CODE_KEYS:
        if table.get(key):
            raise ValueError(
                f"{place}: its {key} asks for Python code that came with the encoder, which is "
                "never run here: choose an encoder that transformers itself knows"
            )
    for key, value in table.items():
        kernel = isinstance(key, str) and any(name in key for name in _KERNEL_KEYS)
        if kernel and any(mark in repr(value)[:1000] for mark in "/:@"):
            raise ValueError(
                f"{place}: its {key[:60]} asks for compiled code from elsewhere, which is never "
                "loaded here: remove that key"
            )


def _refuse_sizes(table: Mapping[str, Any], place: str) -> None:
    for key, value in table.items():
        if not isinstance(key, str) or not isinstance(value, int) or not _SIZES.search(key):
            continue
        most = _MOST_LAYERS if "layers" in key or key == "n_layer" else _LARGEST
        if value > most and key != "model_max_length":  # which says that there is none
            raise ValueError(
                f"{place}: expected a {printable(key, 60)} of at most {most:,}, got {shown(value)}"
            )
