"""Build the optional C++ kernel beside the package; everything else is in pyproject.toml.

The kernel is one shared library, `qimlp/ops/_kernel_torch<major>_<minor>`, tied to that release of
torch and to no Python version. It is built against the torch that the target environment has on
disk: torch is neither imported nor required here, so that installing never pulls in a second one.

Environment:
    QIMLP_BUILD_KERNEL: `0` never builds; `1` fails where the kernel cannot be built; otherwise it
        is built if it can be, and `qimlp.ops.native.reason()` says why it was not.
    QIMLP_BUILD_TORCH: the folder of the torch package to build against, if not the environment's.
    MAX_JOBS: how many files are compiled at once.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import re
import sys
import sysconfig
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
X86 = platform.machine().lower() in ("x86_64", "amd64")


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


def find_torch() -> Torch:
    """The torch of the target environment.

    Raises:
        KernelError: there is none, or it cannot be built against.
    """
    named = os.environ.get("QIMLP_BUILD_TORCH")
    spec = importlib.util.find_spec("torch")
    places = [Path(named)] if named else []
    if not named:
        if spec is not None and spec.origin is not None:
            places.append(Path(spec.origin).parent)
        # A build environment of its own hides the target's packages, but not where they lie.
        places += [Path(sysconfig.get_path(name)) / "torch" for name in ("platlib", "purelib")]
    for folder in places:
        if (folder / "include" / "ATen").is_dir() and (folder / "version.py").is_file():
            text = (folder / "version.py").read_text(encoding="utf-8")
            found = re.search(r"__version__ = '(\d+)\.(\d+)", text)
            if found:
                return Torch(folder, (int(found[1]), int(found[2])))
    tried = ", ".join(str(folder) for folder in dict.fromkeys(places))
    raise KernelError(f"no torch with C++ headers was found at installation (tried {tried})")


def sources() -> list[tuple[str, list[str]]]:
    """Every C++ file of the kernel with the instruction set it is compiled for."""
    if WINDOWS:
        special = {"engine_avx512": ["/arch:AVX512"], "engine_avx2": ["/arch:AVX2"]}
    else:
        # GCC warns of its own intrinsics headers.
        quiet = ["-Wno-uninitialized", "-Wno-maybe-uninitialized"]
        special = {
            "engine_avx512": ["-mavx512f", "-mfma", *quiet],
            "engine_avx2": ["-mavx2", "-mfma"],
        }
    files = [
        *sorted((ROOT / "csrc/core").glob("*.cpp")),
        *sorted((ROOT / "csrc/torch").glob("*.cpp")),
    ]
    return [
        (path.relative_to(ROOT).as_posix(), special.get(path.stem, []))
        for path in files
        if X86 or path.stem not in special
    ]


class BuildKernel(build_ext):
    """Build the kernel, or leave a note in the package that says why there is none."""

    torch: Torch | None = None

    def finalize_options(self) -> None:
        """Look for torch, whose version is in the library's name."""
        with suppress(KernelError):  # `run` says so
            self.torch = find_torch()
        super().finalize_options()

    def run(self) -> None:
        """Build, or leave a note."""
        try:
            self.torch = find_torch()
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
        version = "_".join(str(part) for part in self.torch.version) if self.torch else "none"
        suffix = ".dll" if WINDOWS else ".so"
        return str(Path(*fullname.split("."))) + f"_torch{version}{suffix}"

    def get_export_symbols(self, ext: Extension) -> list[str]:
        """None: it is a library that registers operators, not a Python module."""
        del ext
        return []

    def get_outputs(self) -> list[str]:
        """What was built."""
        outputs = (Path(name) for name in super().get_outputs())
        return [str(path) for path in outputs if path.is_file()]

    def build_extension(self, ext: Extension) -> None:
        """Compile every file for its instruction set, and link."""
        torch = find_torch()
        include = torch.folder / "include"
        if WINDOWS:
            flags = ["/std:c++20", "/O2", "/EHsc", "/DNOMINMAX", "/permissive-"]
        else:
            flags = ["-std=c++20", "-O3", "-g0", "-fvisibility=hidden", "-Wall"]
        link = []
        macros: list[tuple[str, str | None]] = [("QIMLP_X86", None)] if X86 else []
        if sys.platform == "linux":
            macros.append(("_GLIBCXX_USE_CXX11_ABI", str(int(torch.cxx11_abi))))
            if torch.version < (2, 10):  # from then on torch itself runs the threads
                flags.append("-fopenmp")
                link.append("-fopenmp")

        def compile_one(source: tuple[str, list[str]]) -> list[str]:
            name, special = source
            objects: list[str] = self.compiler.compile(
                [name],
                output_dir=self.build_temp,
                macros=macros,
                include_dirs=[str(include), str(include / "torch/csrc/api/include")],
                extra_postargs=[*flags, *special],
            )
            return objects

        with ThreadPoolExecutor(int(os.environ.get("MAX_JOBS", os.cpu_count() or 1))) as pool:
            objects = [one for part in pool.map(compile_one, sources()) for one in part]
        self.compiler.link_shared_object(
            objects,
            self.get_ext_fullpath(ext.name),
            libraries=["torch_cpu", "c10"],
            library_dirs=[str(torch.folder / "lib")],
            extra_postargs=link,
            target_lang="c++",
        )


class KernelWheel(bdist_wheel):
    """The kernel is tied to a platform and to a torch, but to no Python."""

    def get_tag(self) -> tuple[str, str, str]:
        """`py3-none-<platform>`, or `py3-none-any` without a kernel."""
        _, abi, system = super().get_tag()
        return ("py3", "none", system) if abi != "none" else super().get_tag()


setup(
    ext_modules=(
        [] if WANTED == "0" else [Extension(f"{PACKAGE}._kernel", [name for name, _ in sources()])]
    ),
    cmdclass={"build_ext": BuildKernel, "bdist_wheel": KernelWheel},
)
