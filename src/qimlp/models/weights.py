"""The weights of a network on disk: one safetensors file with a checksum, checked when read."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from qimlp.files import printable, require_regular, write_bytes
from qimlp.nn import current_name

_CHECKSUM = "sha256"
_DTYPES = (torch.float32, torch.float64, torch.float16, torch.bfloat16)


def checksum(tensors: Mapping[str, Tensor], text: str = "") -> str:
    """Compute a checksum of tensors with their names, types and shapes.

    Args:
        tensors: By name, on the CPU.
        text: What else it covers.

    Returns:
        SHA-256, as 64 hexadecimal digits.
    """
    found = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        found.update(f"\0{name}\0{tensor.dtype}\0{tuple(tensor.shape)}\0".encode())
        if tensor.numel():
            flat = tensor.detach().contiguous().reshape(-1)
            found.update(flat.view(torch.uint8).numpy().data)
    return found.hexdigest()


def write_weights(path: Path, network: nn.Module, *, durable: bool = True) -> None:
    """Write a network's weights, whole or not at all.

    Args:
        path: The file; an existing one is replaced.
        network: On any device.
        durable: Wait until the disk holds them.

    Raises:
        OSError: It cannot be written.
    """
    write_tensors(path, network.state_dict(), durable=durable)


def write_tensors(path: Path, tensors: Mapping[str, Tensor], *, durable: bool = True) -> str:
    """Write tensors with their checksum, whole or not at all.

    Args:
        path: The file; an existing one is replaced.
        tensors: By name, on any device, none of which share memory.
        durable: Wait until the disk holds them.

    Returns:
        Their `checksum`.

    Raises:
        OSError: It cannot be written.
    """
    state = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    found = checksum(state)
    metadata = {"format": "pt", _CHECKSUM: found}
    write_bytes(path, safetensors.torch.save(state, metadata), durable=durable)
    return found


def read_weights(path: Path, network: nn.Module) -> dict[str, Tensor]:
    """Read the weights of a network and check them before they are anywhere.

    Files without a checksum (of earlier versions, or of others) are read too.

    Args:
        path: The file.
        network: One of the same shapes, on any device, such as the meta device.

    Returns:
        Tensors on the CPU, by the names that the network gives them.

    Raises:
        FileNotFoundError: There is none.
        OSError: It is no regular file.
        ValueError: It is damaged, holds other weights than the network's, or numbers that are not
            finite.
    """
    return read_expected(path, network.state_dict())


def read_expected(path: Path, expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Read tensors and check them before they are anywhere; see `read_weights`.

    Args:
        path: The file.
        expected: Tensors of the names and shapes that it should hold, on any device.

    Returns:
        Tensors on the CPU, by name.

    Raises:
        FileNotFoundError: There is none.
        OSError: It is no regular file.
        ValueError: It is damaged, holds other tensors, or numbers that are not finite.
    """
    name = printable(str(path))
    tensors = _read(
        path, "the network's weights", lambda shapes: _check_shapes(name, shapes, expected)
    )
    for key, tensor in tensors.items():
        if expected[current_name(key)].is_floating_point():
            _check_numbers(f"{name}: {printable(key, 80)}", tensor)
    return {current_name(key): tensor for key, tensor in tensors.items()}


def read_tensors(path: Path, *, what: str) -> dict[str, Tensor]:
    """Read a safetensors file of floating-point tensors, of ours or of others.

    A scalar may be an integer.

    Args:
        path: The file.
        what: What was expected, such as `"the weights of an adapter"`.

    Returns:
        Tensors on the CPU, by name.

    Raises:
        FileNotFoundError: There is none.
        OSError: It is no regular file.
        ValueError: It is damaged, no safetensors file, or holds numbers that are not finite.
    """
    tensors = _read(path, what, lambda _: None)
    for key, tensor in tensors.items():
        if tensor.is_floating_point() or tensor.dim():
            _check_numbers(f"{printable(str(path))}: {printable(key, 80)}", tensor)
    return tensors


def _read(
    path: Path, what: str, check: Callable[[Mapping[str, list[int]]], None]
) -> dict[str, Tensor]:
    """The tensors of a file, once their shapes are checked and before their numbers are."""
    name = printable(str(path))
    require_regular(path, what=what)
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            stored = file.metadata() or {}
            keys = list(file.keys())
            check({key: file.get_slice(key).get_shape() for key in keys})
            tensors = {key: file.get_tensor(key) for key in keys}
    except SafetensorError:
        raise ValueError(f"{name}: not a whole safetensors file; save it again") from None
    if _CHECKSUM in stored and stored[_CHECKSUM] != checksum(tensors):
        raise ValueError(f"{name}: the weights are damaged (another checksum); save them again")
    return tensors


def _check_shapes(
    name: str, found: Mapping[str, list[int]], expected: Mapping[str, Tensor]
) -> None:
    shapes = {current_name(key): tuple(shape) for key, shape in found.items()}
    right = {key: tuple(value.shape) for key, value in expected.items()}
    for key in sorted(right.keys() | shapes.keys()):
        wanted, got = right.get(key), shapes.get(key)
        if wanted != got:
            want = "no such tensor" if wanted is None else f"shape {wanted}"
            raise ValueError(
                f"{name}: {printable(key, 80)}: expected {want}, got "
                f"{'none' if got is None else got}; the weights are not those of the config"
            )


def _check_numbers(name: str, tensor: Tensor) -> None:
    if tensor.dtype not in _DTYPES:
        raise ValueError(
            f"{name}: expected float32, float64, float16 or bfloat16, got {tensor.dtype}"
        )
    if not bool(torch.isfinite(tensor).all()):
        raise ValueError(f"{name}: expected finite numbers, got NaN or infinity")
