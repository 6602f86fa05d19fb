"""Reading a settings file, TOML or JSON."""

from pathlib import Path
from typing import Any

from qimlp.files import printable, read_json_object, read_toml

_WHAT = "a settings file of entries name = value"


def read_settings_file(path: Path) -> dict[str, Any]:
    """Read the fields of a settings file.

    Args:
        path: A `.toml` or `.json` file with `TrainSettings` fields at its top level.

    Returns:
        The fields, not yet checked.

    Raises:
        FileNotFoundError: If there is no such file.
        OSError: If it is no regular file or cannot be read.
        ValueError: If the ending is another, or the content is not valid.
    """
    if path.suffix == ".toml":
        return read_toml(path, what=_WHAT)
    if path.suffix == ".json":
        return read_json_object(path, what=_WHAT)
    raise ValueError(f"{printable(str(path))}: expected a settings file ending in .toml or .json")
