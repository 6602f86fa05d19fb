"""Encoding texts takes minutes: it is said."""

import io

import pytest
from rich.console import Console

from qimlp.cli.output import encoding
from qimlp.cli.output.encoding import show_encoding
from qimlp.data import Encoder, listening
from tests.tiny_encoder import write_encoder

pytest.importorskip("transformers")


def test_lines_while_an_encoder_reads(tmp_path, monkeypatch):
    monkeypatch.setenv("QIMLP_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(encoding, "_SECONDS_BETWEEN", 0.0)
    (tmp_path / "encoder").mkdir()
    encoder = Encoder(str(write_encoder(tmp_path / "encoder")), max_tokens=8)
    written = io.StringIO()
    with show_encoding(Console(file=written, width=80)):
        encoder.apply(["good film"] * 60)
    encoder.apply(["bad film"])
    assert written.getvalue().splitlines() == [
        "encoding 60 texts",
        "encoded 25 of 60 texts",
        "encoded 50 of 60 texts",
        "encoded 60 of 60 texts",
    ]


def test_lines_are_few(monkeypatch):
    moments = iter([0.0, 1.0, 4.9, 5.0, 9.9, 10.1])
    monkeypatch.setattr(encoding.time, "monotonic", lambda: next(moments))
    written = io.StringIO()
    with show_encoding(Console(file=written)):
        tell = encoding_listener()
        for done in (0, 1, 2, 3, 4, 5):
            tell(done, 6)
    assert written.getvalue().split("\n") == [
        "encoding 6 texts",
        "encoded 3 of 6 texts",
        "encoded 5 of 6 texts",
        "",
    ]


def encoding_listener():
    """What an encoder would tell."""
    from qimlp.data.features import encoder

    return encoder._LISTENER.get()


def test_other_processes_are_silent(monkeypatch):
    monkeypatch.setattr(encoding, "launched_rank", lambda: 1)
    with show_encoding(Console()):
        assert encoding_listener() is None
    with listening(print):
        assert encoding_listener() is print
