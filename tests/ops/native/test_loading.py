"""With no kernel, or the wrong one, everything works and the reason is one line."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from qimlp.ops import native
from qimlp.shapes import KroneckerShape
from qimlp.shapes.problem import Problem
from tests.ops.native_here import INSTRUCTIONS

SUFFIX = ".dll" if sys.platform == "win32" else ".so"
VERSION = "_".join(torch.__version__.split(".")[:2])


def test_nothing_was_built(tmp_path):
    reason = native._load(tmp_path)
    assert reason is not None
    assert reason.startswith("there is no C++ kernel in this installation; to build it")


def test_the_build_left_a_note(tmp_path):
    (tmp_path / "_kernel_absent.txt").write_text("no compiler\n", encoding="utf-8")
    reason = native._load(tmp_path)
    assert reason is not None
    assert "there is no C++ kernel: no compiler;" in reason


def test_it_was_built_for_another_torch(tmp_path):
    (tmp_path / f"_kernel_torch1_9{SUFFIX}").touch()
    reason = native._load(tmp_path)
    assert reason is not None
    assert f"built for torch 1.9 and this is torch {torch.__version__}" in reason


def test_it_does_not_load(tmp_path):
    (tmp_path / f"_kernel_torch{VERSION}{SUFFIX}").write_bytes(b"no library")
    reason = native._load(tmp_path)
    assert reason is not None
    assert "does not load" in reason
    assert "\n" not in reason


@pytest.mark.skipif(sys.platform != "linux", reason="libraries are ELF files on Linux")
@pytest.mark.parametrize("kept", [0.02, 0.5, 0.999])
def test_it_was_cut_short(tmp_path, kept):
    """Loading such a file would end the process with SIGBUS."""
    if not native.available():
        pytest.skip(native.reason())
    name = f"_kernel_torch{VERSION}{SUFFIX}"
    whole = (Path(native.__file__).parent / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: int(len(whole) * kept)])
    reason = native._load(tmp_path)
    assert reason is not None
    assert f"file is cut short ({name}); to build it" in reason
    assert not native._is_cut_short(Path(native.__file__).parent / name)


def test_what_the_kernel_takes(monkeypatch):
    shape = KroneckerShape((4, 4), (4, 4))
    monkeypatch.setattr(native, "_ABSENT", None)
    assert native.supports(Problem(shape)) is None
    assert native.supports(Problem(shape, dtype="float64")) is None
    assert "cuda" in (native.supports(Problem(shape, device="cuda")) or "")
    assert native.supports(Problem(shape, dtype="bfloat16")) is None
    assert native.supports(Problem(shape, dtype="float16")) is None
    assert "is in complex64" in (native.supports(Problem(shape, dtype="complex64")) or "")
    monkeypatch.setattr(native, "_ABSENT", "no kernel here")
    assert native.supports(Problem(shape)) == native.reason() == "no kernel here"
    assert not native.available()


@pytest.mark.skipif(not native.available(), reason=native.reason())
def test_importing_the_package_registers_the_operator():
    program = "import qimlp, torch; print(torch.ops.qimlp.kernel_instructions())"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() in INSTRUCTIONS
    assert native.reason() == f"the C++ kernel runs on {done.stdout.strip()} instructions"
