"""Faces of packages whose parts are imported on first use."""

from collections.abc import Callable, Collection, Mapping
from importlib import import_module
from typing import Any


def lazy_face(
    package: str, homes: Mapping[str, tuple[str, ...]], *, packages: Collection[str] = ()
) -> Callable[[str], Any]:
    """Make the `__getattr__` of a package that imports its public names on first use.

    For packages of which a part needs optional libraries, or libraries that are slow to load.

    Args:
        package: Name of the package.
        homes: Public names by the module that defines them: an inner one's name relative to the
            package, or the whole name of another package of qimlp.
        packages: Packages inside that package that are public themselves.

    Returns:
        The package's `__getattr__`; it raises AttributeError for a name that is not among them.
    """
    home = {name: module for module, names in homes.items() for name in names}

    def load(name: str) -> Any:
        if name in packages:
            return import_module(f"{package}.{name}")
        if name not in home:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module = home[name]
        inner = module if module.startswith("qimlp.") else f"{package}.{module}"
        value = getattr(import_module(inner), name)
        setattr(import_module(package), name, value)
        return value

    return load
