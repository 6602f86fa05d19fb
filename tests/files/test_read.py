"""What is read: regular files of a bounded size, JSON and TOML that do no harm."""

import json
import os
import threading
from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict

from qimlp.files import (
    open_regular,
    parse_json,
    read_bytes,
    read_json,
    read_json_lines,
    read_json_object,
    read_toml,
    require_regular,
    validated,
)


def message_of(call, *arguments, **options):
    """The one line of the error that a call ends in."""
    with pytest.raises((ValueError, OSError)) as caught:
        call(*arguments, **options)
    text = str(caught.value)
    assert len(text) < 500
    assert text.isprintable()
    return text


def parsed(text):
    return parse_json(text, source="a.json", what="settings")


@pytest.mark.parametrize(
    "value",
    [{}, [1, 2.5, None, True, "é \\ \" [[[["], {"a": {"b": [[]]}}, 2**128 - 1, "\U0001f600"],
)  # fmt: skip
def test_json_comes_back_as_written(value):
    assert parsed(json.dumps(value)) == value
    assert parsed(json.dumps(value, ensure_ascii=False).encode()) == value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "not valid JSON at line 1, column 1"),
        ('{"a": 1,\n x}', "not valid JSON at line 2, column 2"),
        (b"\xff", "not UTF-8"),
        ("NaN", "finite numbers, got NaN"),
        ('{"a": -Infinity}', "finite numbers, got -Infinity"),
        ("[1e400]", "finite numbers, got 1e400"),
        ("9" * 5000, "at most 40 digits, got 5,000 digits"),
        ('{"a": 1, "b": 2, "a": 3}', "each key once, got 'a' twice"),
        ('{"\\ud800": 1}', "Unicode text, got '\\ud800'"),
        ("[" * 65 + "]" * 65, "at most 64 lists inside each other, got 65"),
        ("[" * 10**6, "got 1,000,000"),
        ('{"a":' * 10**5 + "1" + "}" * 10**5, "got 100,000"),
        ('["\\\\", ' + "[" * 100 + "]" * 101, "got 101"),
        ('["\\"' + "[" * 100 + '", ' + "[" * 70 + "]" * 71, "got 71"),
    ],
)
def test_bad_json_is_refused_in_one_line(text, expected):
    message = message_of(parsed, text)
    assert message.startswith("a.json")
    assert expected in message


def test_brackets_in_texts_are_no_depth():
    value = {"a": "[" * 1000, 'b\\"': '"{' * 1000, "c": [[]] * 1000}
    assert parsed(json.dumps(value)) == value


def test_the_deepest_json_accepted_is_read():
    assert parsed("[" * 64 + "]" * 64)


def test_a_json_file_of_another_type_is_refused(tmp_path):
    file = tmp_path / "a.json"
    file.write_text('["x"]')
    message = message_of(read_json_object, file, what="settings")
    assert message == f"{file}: expected settings, a JSON object, got ['x']"


def test_json_lines_name_the_line(tmp_path):
    file = tmp_path / "a.jsonl"
    file.write_text('{"a": 1}\n\n{"a": 2}\n')
    assert read_json_lines(file, what="an epoch") == [{"a": 1}, {"a": 2}]
    file.write_text('{"a": 1}\n[]\n')
    expected = f"{file}, line 2: expected an epoch, a JSON object, got []"
    assert message_of(read_json_lines, file, what="an epoch") == expected


def test_a_file_that_is_too_large_is_refused(tmp_path):
    file = tmp_path / "a.json"
    file.write_text("1" * 11)
    assert "too large: expected settings of at most 10 bytes" in message_of(
        read_json, file, what="settings", most_bytes=10
    )
    assert read_bytes(file, what="settings", most_bytes=11) == b"1" * 11


def test_what_is_no_regular_file_is_refused_at_once(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    link = tmp_path / "link"
    link.symlink_to("/dev/zero")
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    for path, kind in [(pipe, "is a pipe"), (link, "is a device"), (tmp_path, "is a folder"),
                       (tmp_path / "no", "not found"), (pipe / "x", "not found"),
                       (Path("a\0b"), "no name of a file"), (loop, "cannot be read")]:  # fmt: skip
        for call in (require_regular, open_regular, read_json, read_toml):
            message = message_of(call, path, what="settings")
            assert kind in message
            assert "expected settings" in message


def test_a_pipe_put_in_place_of_the_file_does_not_block(tmp_path, monkeypatch):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    monkeypatch.setattr("qimlp.files.read.require_regular", lambda path, what: 0)
    done = threading.Timer(20, lambda: pipe.write_bytes(b""))  # frees it, should it wait
    done.start()
    with pytest.raises(OSError, match="is a pipe"):
        open_regular(pipe, what="settings")
    done.cancel()


def test_a_link_to_a_regular_file_is_read(tmp_path):
    (tmp_path / "a.json").write_text("[1]")
    (tmp_path / "link").symlink_to(tmp_path / "a.json")
    assert read_json(tmp_path / "link", what="settings") == [1]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a = ", "not valid TOML"),
        ("a = inf", "finite numbers, got inf"),
        ("a = 1e400", "finite numbers, got inf"),
        ("a = " + "9" * 5000, "at most 400 digits"),
        ("a = 0x" + "f" * 40, "at most 128 bits"),
        ("a = " + "[" * 30000, "got 30,000"),
        ("a = " + "[" * 65 + "]" * 65, "got 65"),
        (".".join("a" * 100) + " = 1", "lists inside each other"),
        (". ".join(["a-b"] * 10000) + " = 1", "lists inside each other"),
        ("a = '''''''''" + "[" * 2000, "a.toml"),
        (b"\xff", "not UTF-8"),
        ("#" * 70_000, "too large"),
    ],
)
def test_bad_toml_is_refused_in_one_line(tmp_path, text, expected):
    file = tmp_path / "a.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    assert expected in message_of(read_toml, file, what="settings")


def test_toml_comes_back_as_written(tmp_path):
    file = tmp_path / "a.toml"
    file.write_text('a = 1 # [[[[\nb = "[" # ]\n[c.d]\ne = [[1.5], ["\'\'\'[["]]\n')
    expected = {"a": 1, "b": "[", "c": {"d": {"e": [[1.5], ["'''[["]]}}}
    assert read_toml(file, what="settings") == expected


class _Schema(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")
    size: int
    names: list[str] = []


def test_a_schema_says_what_is_wrong_in_one_line():
    assert validated(_Schema, {"size": 3}, source="a.json").size == 3
    for values, text in [
        ({}, "a.json: size is missing"),
        ({"size": "x" * 10**6}, "a.json: size: expected a valid integer, got 'xxx"),
        ({"size": 1, "\x1b[2J": 1}, "a.json: \\x1b[2J: unknown key"),
        ({"size": 1, "names": [1, 2]}, "a.json: names.0: expected a valid string, got 1 (and 1 mo"),
    ]:
        assert message_of(validated, _Schema, values, source="a.json").startswith(text)
