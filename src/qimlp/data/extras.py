"""Import of the optional packages that only reading data needs."""

from __future__ import annotations

import importlib
from typing import Any


def import_extra(module: str, *, extra: str = "train") -> Any:
    """Import a module of an extra.

    Args:
        module: Full module name, such as `"pyarrow.parquet"`.
        extra: The extra that installs it.

    Returns:
        The module.

    Raises:
        ImportError: The package is not installed; the line says how to install it.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        package = module.partition(".")[0]
        raise ImportError(
            f"reading this data needs {package}, which is not installed: "
            f'pip install "qimlp[{extra}]"'
        ) from error
