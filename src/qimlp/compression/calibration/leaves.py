"""Nested arguments and outputs of a module as flat values, and back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from torch import Tensor

Path = tuple[Any, ...]
"""Where a value stands in nested tuples, lists and mappings: its indices and keys."""


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Give every value in a nest, with where it stands.

    Args:
        value: Tuples, lists and mappings, nested, of anything else.
        path: Where the nest itself stands.

    Yields:
        Path and value, in order.
    """
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from leaves(each, (*path, key))
    elif isinstance(value, list | tuple):
        for index, each in enumerate(value):
            yield from leaves(each, (*path, index))
    else:
        yield path, value


def tensors(value: Any) -> dict[Path, Tensor]:
    """Give every tensor in a nest.

    Args:
        value: As `leaves` takes it.

    Returns:
        The tensors by where they stand.
    """
    return {path: leaf for path, leaf in leaves(value) if isinstance(leaf, Tensor)}


def rebuilt(value: Any, replaced: Mapping[Path, Any], path: Path = ()) -> Any:
    """Make a nest again with other values in it.

    Args:
        value: As `leaves` takes it; mappings become dictionaries.
        replaced: The new values by where they stand; others stay.
        path: Where the nest itself stands.

    Returns:
        A new nest.
    """
    if isinstance(value, Mapping):
        return {key: rebuilt(each, replaced, (*path, key)) for key, each in value.items()}
    if isinstance(value, list | tuple):
        made = [rebuilt(each, replaced, (*path, index)) for index, each in enumerate(value)]
        if hasattr(value, "_fields"):
            return type(value)(*made)
        return made if isinstance(value, list) else tuple(made)
    return replaced.get(path, value)


def storage_bytes(values: Iterable[Any]) -> int:
    """Count the memory behind the tensors in nests; what several share counts once.

    Args:
        values: Each as `leaves` takes it.

    Returns:
        Bytes.
    """
    found = {}
    for value in values:
        for tensor in tensors(value).values():
            storage = tensor.untyped_storage()
            found[storage.data_ptr(), tensor.device] = storage.nbytes()
    return sum(found.values())


def version_of(tensor: Tensor) -> int:
    """Say how often a tensor was altered in place.

    Args:
        tensor: Any tensor.

    Returns:
        A count; -1 for an inference tensor, which keeps none.
    """
    return -1 if tensor.is_inference() else tensor._version
