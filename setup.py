"""Build the optional C++ kernel beside the package; everything else is in pyproject.toml.

The kernel is a shared library, `qimlp/ops/_kernel_torch<major>_<minor>`, tied to that release of
torch and to no Python version. It is built against the torch that the target environment has on
disk: torch is neither imported nor required here, so that installing never pulls in a second one.
A release wheel carries one library for each of several releases of torch.

Environment:
    QIMLP_BUILD_KERNEL: `0` never builds; `1` fails where the kernel cannot be built; otherwise it
        is built if it can be, and `qimlp.ops.native.reason()` says why it was not.
    QIMLP_BUILD_TORCH: The folder of the torch package to build against, if not the environment's;
        several, joined as in PATH, build one library each.
    MAX_JOBS: How many files are compiled at once.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import re
import sys
import sysconfig
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext
from setuptools.errors import BaseError, CCompilerError

ROOT = Path(__file__).parent
PACKAGE = "qimlp.ops"
ABSENT = "_kernel_absent.txt"
WINDOWS = sys.platform == "win32"
WANTED = os.environ.get("QIMLP_BUILD_KERNEL", "auto")
MACHINE = platform.machine().lower()
if sys.platform == "darwin":  # a Python for two architectures would compile every file for both
    MACHINE = os.environ.setdefault("ARCHFLAGS", f"-arch {MACHINE}").split()[-1]
X86 = MACHINE in ("x86_64", "amd64")
NEON = MACHINE in ("aarch64", "arm64") and not WINDOWS  # not for Visual C++: untried
PAIRS = "engine_avx512_bf16"  # not for Visual C++: untried
TILES = "engine_amx"  # Linux alone: elsewhere the system is asked in another way
TILES_FLAGS = ["-mavx512bf16", "-mamx-tile", "-mamx-bf16"]
TILES_PROBE = "#include <immintrin.h>\nvoid probe() { _tile_dpbf16ps(0, 1, 2); }\n"


class KernelError(BaseError):
    """The kernel cannot be built here; the message is one line for the user."""


@dataclass(frozen=True)
class Torch:
    """An installed torch package, as far as it can be read without importing it."""

    folder: Path
    version: tuple[int, int]

    @property
    def cxx11_abi(self) -> bool:
        """Whether its C++ libraries were built with the newer ABI of libstdc++."""
        return b"__cxx11" in (self.folder / "lib" / "libc10.so").read_bytes()

    @property
    def extension(self) -> str:
        """Name of the library built against it, without the suffix."""
        return f"{PACKAGE}._kernel_torch{self.version[0]}_{self.version[1]}"


def find_torches() -> list[Torch]:
    """Every torch to build against: those that are named, or that of the target environment.

    Raises:
        KernelError: There is none, one cannot be built against, or two are of the same release.
    """
    named = os.environ.get("QIMLP_BUILD_TORCH")
    if named:
        torches = []
        for folder in map(Path, named.split(os.pathsep)):
            torch = read_torch(folder)
            if torch is None:
                raise KernelError(
                    f"QIMLP_BUILD_TORCH: {folder} is no torch package with C++ headers"
                )
            torches.append(torch)
        if len({torch.version for torch in torches}) < len(torches):
            raise KernelError(f"QIMLP_BUILD_TORCH: two of the same release of torch in {named}")
        return torches
    spec = importlib.util.find_spec("torch")
    # A build environment of its own hides the target's packages, but not where they lie.
    places = [Path(sysconfig.get_path(name)) / "torch" for name in ("platlib", "purelib")]
    if spec is not None and spec.origin is not None:
        places.insert(0, Path(spec.origin).parent)
    found = (read_torch(folder) for folder in places)
    first = next((torch for torch in found if torch is not None), None)
    if first is None:
        tried = ", ".join(str(folder) for folder in dict.fromkeys(places))
        raise KernelError(f"no torch with C++ headers was found at installation (tried {tried})")
    return [first]


def read_torch(folder: Path) -> Torch | None:
    """The torch package in `folder`, if there is one that has its C++ headers."""
    if (folder / "include" / "ATen").is_dir() and (folder / "version.py").is_file():
        text = (folder / "version.py").read_text(encoding="utf-8")
        found = re.search(r"__version__ = '(\d+)\.(\d+)", text)
        if found:
            return Torch(folder, (int(found[1]), int(found[2])))
    return None


def sources(*, tiles: bool) -> list[tuple[str, list[str]]]:
    """Every C++ file of the kernel with the instruction set it is compiled for.

    Args:
        tiles: Whether the compiler knows AMX.
    """
    special: dict[str, list[str]] = {}
    if X86 and WINDOWS:
        special = {"engine_avx512": ["/arch:AVX512"], "engine_avx2": ["/arch:AVX2"]}
    elif X86:
        # GCC warns of its own intrinsics headers; Clang does not know the second warning.
        quiet = ["-Wno-uninitialized", "-Wno-maybe-uninitialized", "-Wno-unknown-warning-option"]
        avx512 = [*(f"-mavx512{part}" for part in ("f", "vl", "bw", "dq")), "-mfma", *quiet]
        special = {
            "engine_avx512": avx512,
            PAIRS: [*avx512, "-mavx512bf16"],
            "engine_avx2": ["-mavx2", "-mfma"],
        }
        if tiles:
            special[TILES] = [*avx512, *TILES_FLAGS]
    elif NEON:
        # GCC would load so far ahead that sums leave the registers (5 of 24).
        special = {"engine_neon": [] if sys.platform == "darwin" else ["-fno-schedule-insns"]}
    files = [
        *sorted((ROOT / "csrc/core").rglob("*.cpp")),
        *sorted((ROOT / "csrc/torch").rglob("*.cpp")),
    ]
    return [
        (path.relative_to(ROOT).as_posix(), special.get(path.stem, []))
        for path in files
        if path.stem in special or not path.stem.startswith(("engine_avx", "engine_neon", TILES))
    ]


class BuildKernel(build_ext):
    """Build the kernel, or leave a note in the package that says why there is none."""

    torches: Mapping[str, Torch] = {}  # by the name of the library

    def finalize_options(self) -> None:
        """Look for torch: there is one library for each, with its version in the name."""
        with suppress(KernelError):  # `run` says so
            self.torches = {torch.extension: torch for torch in find_torches()}
            self.distribution.ext_modules = [kernel(name) for name in self.torches]
        super().finalize_options()

    def run(self) -> None:
        """Build, or leave a note."""
        try:
            find_torches()
            super().run()
        except (BaseError, CCompilerError, OSError) as error:
            if WANTED == "1":
                raise
            reason = (
                error
                if isinstance(error, KernelError)
                else f"a C++ compiler could not build it at installation ({type(error).__name__})"
            )
            self.leave_note(str(reason))
        else:
            (self.package_folder() / ABSENT).unlink(missing_ok=True)

    def package_folder(self) -> Path:
        """Where the package's built files go: the source tree for an editable installation."""
        in_place = self.inplace or getattr(self, "editable_mode", False)
        root = ROOT / "src" if in_place else Path(self.build_lib)
        return root.joinpath(*PACKAGE.split("."))

    def leave_note(self, reason: str) -> None:
        """Write down why there is no kernel, for `qimlp.ops.native.reason`."""
        folder = self.package_folder()
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ABSENT).write_text(" ".join(reason.split()) + "\n", encoding="utf-8")
        self.warn(f"qimlp is installed without its C++ kernel: {reason}")

    def get_ext_filename(self, fullname: str) -> str:
        """The library's name says its torch and no Python."""
        return str(Path(*fullname.split("."))) + (".dll" if WINDOWS else ".so")

    def get_export_symbols(self, ext: Extension) -> list[str]:
        """None: it is a library that registers operators, not a Python module."""
        del ext
        return []

    def get_outputs(self) -> list[str]:
        """What was built."""
        outputs = (Path(name) for name in super().get_outputs())
        return [str(path) for path in outputs if path.is_file()]

    def knows_tiles(self) -> bool:
        """Whether the compiler knows AMX (GCC from 11 on, Clang from 12 on) and it is Linux."""
        if not X86 or sys.platform != "linux":
            return False
        with tempfile.TemporaryDirectory() as folder:
            probe = Path(folder) / "probe.cpp"
            probe.write_text(TILES_PROBE, encoding="utf-8")
            try:
                self.compiler.compile([str(probe)], output_dir=folder, extra_postargs=TILES_FLAGS)
            except CCompilerError:
                return False
        return True

    def build_extension(self, ext: Extension) -> None:
        """Compile every file for its instruction set, and link."""
        torch = self.torches[self.get_ext_fullname(ext.name)]
        include = torch.folder / "include"
        if WINDOWS:
            flags = ["/std:c++20", "/O2", "/EHsc", "/DNOMINMAX", "/permissive-"]
        else:
            flags = ["-std=c++20", "-O3", "-g0", "-fvisibility=hidden", "-Wall"]
        link = []
        macros: list[tuple[str, str | None]] = [("QIMLP_X86", None)] if X86 else []
        files = sources(tiles=self.knows_tiles())
        for engine, macro in (
            (PAIRS, "QIMLP_PAIRS"),
            (TILES, "QIMLP_TILES"),
            ("engine_neon", "QIMLP_NEON"),
        ):
            if any(engine in name for name, _ in files):
                macros.append((macro, None))
        if sys.platform == "linux":
            macros.append(("_GLIBCXX_USE_CXX11_ABI", str(int(torch.cxx11_abi))))
            if torch.version < (2, 10):  # from then on torch itself runs the threads
                flags.append("-fopenmp")
                link.append("-fopenmp")

        def compile_one(source: tuple[str, list[str]]) -> list[str]:
            name, special = source
            objects: list[str] = self.compiler.compile(
                [name],
                output_dir=str(Path(self.build_temp) / ext.name),
                macros=macros,
                include_dirs=[str(include), str(include / "torch/csrc/api/include")],
                extra_postargs=[*flags, *special],
            )
            return objects

        with ThreadPoolExecutor(int(os.environ.get("MAX_JOBS", os.cpu_count() or 1))) as pool:
            objects = [one for part in pool.map(compile_one, files) for one in part]
        # Whole or not at all: a part of a library stops the process that loads it.
        library = Path(self.get_ext_fullpath(ext.name))
        unfinished = library.with_name(f"{library.stem}.unfinished{library.suffix}")
        self.compiler.link_shared_object(
            objects,
            str(unfinished),
            libraries=["torch_cpu", "c10"],
            library_dirs=[str(torch.folder / "lib")],
            extra_postargs=link,
            target_lang="c++",
        )
        unfinished.replace(library)


class KernelWheel(bdist_wheel):
    """The kernel is tied to a platform and to a torch, but to no Python."""

    def get_tag(self) -> tuple[str, str, str]:
        """`py3-none-<platform>`, or `py3-none-any` without a kernel."""
        _, abi, system = super().get_tag()
        return ("py3", "none", system) if abi != "none" else super().get_tag()


def kernel(name: str) -> Extension:
    """The library of that name, made of all sources."""
    return Extension(name, [source for source, _ in sources(tiles=True)])


setup(
    ext_modules=[] if WANTED == "0" else [kernel(f"{PACKAGE}._kernel")],
    cmdclass={"build_ext": BuildKernel, "bdist_wheel": KernelWheel},
)
