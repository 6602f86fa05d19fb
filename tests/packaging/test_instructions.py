"""Which files `setup.py` compiles for which machine, without compiling any."""

import os
import platform
import sys
from pathlib import Path

import pytest
import setuptools
from setuptools.errors import CompileError


def named(script, *, tiles=False):
    stems = (Path(name).stem for name, _ in script.sources(tiles=tiles))
    return {stem.removeprefix("engine_") for stem in stems if stem.startswith("engine_")}


@pytest.mark.parametrize(
    ("machine", "system", "tiles", "expected"),
    [
        ("x86_64", "linux", True, {"portable", "avx2", "avx512", "avx512_bf16", "amx"}),
        ("x86_64", "linux", False, {"portable", "avx2", "avx512", "avx512_bf16"}),
        ("AMD64", "win32", False, {"portable", "avx2", "avx512"}),
        ("aarch64", "linux", False, {"portable", "neon"}),
        ("arm64", "darwin", False, {"portable", "neon"}),
        ("ARM64", "win32", False, {"portable"}),
        ("riscv64", "linux", False, {"portable"}),
    ],
)
def test_each_machine_has_its_instructions(
    load_script, monkeypatch, machine, system, tiles, expected
):
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(sys, "platform", system)
    assert named(load_script(), tiles=tiles) == expected


def test_a_macos_python_for_two_architectures_compiles_for_its_own(load_script, monkeypatch):
    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.delenv("ARCHFLAGS", raising=False)
    load_script()
    assert os.environ["ARCHFLAGS"] == "-arch arm64"


def test_what_macos_is_asked_to_compile_for_goes(load_script, monkeypatch):
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setenv("ARCHFLAGS", "-arch arm64")
    assert named(load_script()) == {"portable", "neon"}


class Compiler:
    """One that knows AMX, or does not."""

    def __init__(self, knows):
        self.knows = knows
        self.asked = 0

    def compile(self, sources, **_):
        self.asked += 1
        assert "_tile_dpbf16ps" in Path(sources[0]).read_text(encoding="utf-8")
        if not self.knows:
            raise CompileError("what is a tile?")


@pytest.mark.parametrize("knows", [True, False])
def test_tiles_are_compiled_where_the_compiler_knows_them(load_script, monkeypatch, knows):
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(sys, "platform", "linux")
    command = load_script().BuildKernel(setuptools.Distribution({"name": "qimlp"}))
    command.compiler = Compiler(knows)
    assert command.knows_tiles() is knows
    assert command.compiler.asked == 1


@pytest.mark.parametrize(("machine", "system"), [("x86_64", "darwin"), ("aarch64", "linux")])
def test_no_other_machine_is_asked_about_tiles(load_script, monkeypatch, machine, system):
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setenv("ARCHFLAGS", f"-arch {machine}")
    command = load_script().BuildKernel(setuptools.Distribution({"name": "qimlp"}))
    command.compiler = Compiler(True)
    assert not command.knows_tiles()
    assert command.compiler.asked == 0
