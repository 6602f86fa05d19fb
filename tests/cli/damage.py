"""Ways in which a stored file may be damaged, by chance or on purpose."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

Random = np.random.Generator
# What JSON text stands for a value; some of it no writer of ours gives.
_VALUES = [
    "null", "true", "false", "0", "-1", "1", "-0.0", "0.5", "1e30", "-1e308", "1e400", "-1e999",
    "NaN", "Infinity", "9" * 30, "-" + "9" * 400, "9" * 5000, '""', '"x"', '"../../etc/passwd"',
    '"\\u001b[2J\\u001b]0;x\\u0007"', '"\\ud800"', '"\\u0000"', f'"{"x" * 100_000}"', "[]", "{}",
    "[null]", "[[]]", '{"a": null}', "[0, 0, 0]", "[-1]", '["a", 1]', "[1e400]", "[99999999999]",
    "[" * 70 + "]" * 70, "[" * 50_000 + "]" * 50_000, '{"a":' * 5000 + "0" + "}" * 5000,
]  # fmt: skip
_DTYPES = ["F64", "F16", "BF16", "I64", "I8", "U8", "BOOL", "F8_E4M3", "F4", "C64", "", "f32", 7]


def damage(file: Path, random: Random) -> str:
    """Damage a file in one of the ways that fit it.

    Args:
        file: JSON, JSON lines, TOML or safetensors.
        random: Chooses.

    Returns:
        What was done, to find the case again.
    """
    kinds: list[Callable[[Path, Random], str]] = [_bytes, _bytes]
    if file.suffix in {".json", ".jsonl"}:
        kinds += [_json] * 6
    elif file.suffix == ".safetensors":
        kinds += [_header] * 5 + [_numbers]
    elif file.suffix == ".toml":
        kinds += [_toml] * 4
    kinds.append(_place)
    return kinds[random.integers(len(kinds))](file, random)


def _bytes(file: Path, random: Random) -> str:
    content = bytearray(file.read_bytes())
    kind = ["flip", "cut", "insert", "zeros", "empty", "twice", "utf-16"][random.integers(7)]
    at = int(random.integers(max(len(content), 1)))
    if kind == "flip" and content:
        content[at] ^= 1 << int(random.integers(8))
    elif kind == "cut":
        del content[at:]
    elif kind == "insert":
        content[at:at] = random.bytes(int(random.integers(1, 9)))
    elif kind == "zeros":
        content[at : at + 64] = bytes(len(content[at : at + 64]))
    elif kind == "empty":
        content.clear()
    elif kind == "twice":
        content += bytes(content)
    else:
        content[:] = content.decode("latin-1").encode("utf-16")
    file.write_bytes(content)
    return f"{kind} at {at}"


def _place(file: Path, random: Random) -> str:
    """Something else in place of the file."""
    kind = ["missing", "pipe", "device", "folder", "loop", "socket"][random.integers(6)]
    file.unlink()
    if kind == "pipe":
        os.mkfifo(file)
    elif kind == "device":
        file.symlink_to(["/dev/zero", "/dev/full", "/dev/urandom"][random.integers(3)])
    elif kind == "folder":
        file.mkdir()
    elif kind == "loop":
        file.symlink_to(file.name)
    elif kind == "socket":
        os.mknod(file, 0o140600)
    return kind


def _spots(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in nested lists and objects."""
    yield path
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _spots(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value[:5]):
            yield from _spots(item, (*path, index))


def _changed(value: Any, random: Random) -> tuple[Any, str, str]:
    """A copy with a mark at one place, what to write there, and what was done."""
    spots = list(_spots(value))
    path = spots[random.integers(len(spots))]
    mark = "\x7fmark\x7f"
    what = _VALUES[random.integers(len(_VALUES))]
    if not path:
        return mark, what, f"all = {what[:40]}"
    copy = json.loads(json.dumps(value))
    inner = copy
    for step in path[:-1]:
        inner = inner[step]
    kind = ["value", "value", "value", "value", "gone", "more", "other"][random.integers(7)]
    if kind == "gone":
        del inner[path[-1]]
    elif kind == "more" and isinstance(inner, dict):
        inner["\x1b[31mmore"] = mark
    elif kind == "more":
        inner += [mark] * int(random.integers(1, 50))
    elif kind == "other":
        other = spots[random.integers(len(spots))]
        found = value
        for step in other:
            found = found[step]
        inner[path[-1]] = found
    else:
        inner[path[-1]] = mark
    return copy, what, f"{kind} {'.'.join(map(str, path))} = {what[:40]}"


def _json(file: Path, random: Random) -> str:
    lines = file.read_text().splitlines() if file.suffix == ".jsonl" else [file.read_text()]
    number = int(random.integers(len(lines)))
    copy, what, done = _changed(json.loads(lines[number]), random)
    lines[number] = json.dumps(copy).replace(json.dumps("\x7fmark\x7f"), what)
    file.write_text("\n".join(lines))
    return done


def _toml(file: Path, random: Random) -> str:
    lines = file.read_text().splitlines()
    number = int(random.integers(len(lines)))
    what = _VALUES[random.integers(len(_VALUES))].replace("null", "inf")
    key = lines[number].partition("=")[0]
    more = [f"{key}= {what}", f"[{key}]", f"{key}.{'a.' * 5000}b = 1", f"{key}= {what}\n" * 2]
    lines[number] = more[random.integers(len(more))]
    file.write_text("\n".join(lines))
    return f"{key}: {lines[number][:40]}"


def _header(file: Path, random: Random) -> str:
    """A header that lies about the tensors, or metadata of another form."""
    content = file.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header, body = json.loads(content[8 : 8 + length]), content[8 + length :]
    names = [name for name in header if name != "__metadata__"]
    name = names[random.integers(len(names))]
    entry = header[name]
    kind = ["dtype", "shape", "offsets", "gone", "renamed", "metadata", "length", "any"][
        random.integers(8)
    ]
    lie = length
    if kind == "dtype":
        entry["dtype"] = _DTYPES[random.integers(len(_DTYPES))]
    elif kind == "shape":
        shapes = [[], [0], [*entry["shape"], 1], entry["shape"][::-1], [2**40, 2**40], [-1], "x"]
        entry["shape"] = shapes[random.integers(len(shapes))]
    elif kind == "offsets":
        pairs = [[0, 0], [0, len(body) + 1], [4, 0], [0, 2**63], [-4, 4], None]
        entry["data_offsets"] = pairs[random.integers(len(pairs))]
    elif kind == "gone":
        del header[name]
    elif kind == "renamed":
        header[f"{name}\x1b[2J"] = header.pop(name)
    elif kind == "metadata" and isinstance(header.get("__metadata__"), dict):
        table = header["__metadata__"]
        table.pop("sha256", None)
        key = list(table)[random.integers(len(table))]
        table[key] = _VALUES[random.integers(len(_VALUES))]
    elif kind == "length":
        lie = int([0, 1, length - 1, length + 1, 2**40, 2**63][random.integers(6)])
    text = json.dumps(header)
    if kind == "any":
        copy, what, _ = _changed(header, random)
        text = json.dumps(copy).replace(json.dumps("\x7fmark\x7f"), what)
    head = text.encode()
    lie = len(head) if lie == length else lie
    file.write_bytes(struct.pack("<Q", lie) + head + body)
    return f"{kind} of {name}"


def _numbers(file: Path, random: Random) -> str:
    """Numbers that are not finite, without a checksum that would show it."""
    content = file.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header, body = json.loads(content[8 : 8 + length]), bytearray(content[8 + length :])
    if isinstance(header.get("__metadata__"), dict):
        header["__metadata__"].pop("sha256", None)
    names = [name for name in header if name != "__metadata__"]
    begin, end = header[names[random.integers(len(names))]]["data_offsets"]
    value = [float("nan"), float("inf"), 3e38, -1e-45][random.integers(4)]
    if end - begin >= 4:
        body[begin : begin + 4] = struct.pack("<f", value)
    head = json.dumps(header).encode()
    file.write_bytes(struct.pack("<Q", len(head)) + head + bytes(body))
    return f"{value} at {begin}"
