"""Reading a settings file, TOML or JSON."""

import json
import sys
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def read_settings_file(path: Path) -> dict[str, Any]:
    """Read the fields of a settings file.

    Args:
        path: A ``.toml`` or ``.json`` file with `TrainSettings` fields at its top level.

    Returns:
        The fields, not yet checked.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the ending is another, or the content is not valid.
    """
    if path.suffix not in {".toml", ".json"}:
        raise ValueError(f"{path}: expected a settings file ending in .toml or .json")
    if not path.is_file():
        raise FileNotFoundError(f"{path} not found: expected a settings file")
    try:
        text = path.read_text(encoding="utf-8")
        value = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except ValueError as error:  # both parsers' errors and UnicodeDecodeError are ValueErrors
        raise ValueError(f"{path}: not valid {path.suffix[1:].upper()}: {error}") from error
    if not isinstance(value, dict):
        got = type(value).__name__
        raise ValueError(f"{path}: expected settings as name = value, got a {got}")  # noqa: TRY004
    return value
