"""Which torches the kernel is built against: `setup.py`, without building anything."""

import os
import re
from pathlib import Path

import pytest
import setuptools

ROOT = Path(__file__).parents[2]


def make_torch(folder, version, *, headers=True):
    package = folder / "torch"
    package.mkdir(parents=True)
    (package / "version.py").write_text(f"__version__ = '{version}'\n", encoding="utf-8")
    if headers:
        (package / "include" / "ATen").mkdir(parents=True)
    return package


def build_command(script):
    command = script.BuildKernel(setuptools.Distribution({"name": "qimlp"}))
    command.distribution.ext_modules = [script.kernel("qimlp.ops._kernel")]
    command.finalize_options()
    return command


def test_each_torch_that_is_named_gets_a_library(script, monkeypatch, tmp_path):
    named = [make_torch(tmp_path / "a", "2.12.1"), make_torch(tmp_path / "b", "2.13.0+cpu")]
    monkeypatch.setenv("QIMLP_BUILD_TORCH", os.pathsep.join(map(str, named)))
    command = build_command(script)
    names = ["qimlp.ops._kernel_torch2_12", "qimlp.ops._kernel_torch2_13"]
    assert [extension.name for extension in command.extensions] == names
    assert [command.torches[name].folder for name in names] == named
    files = [Path(command.get_ext_filename(name)).name for name in names]
    suffix = ".dll" if os.name == "nt" else ".so"
    assert files == [f"_kernel_torch2_12{suffix}", f"_kernel_torch2_13{suffix}"]


def test_one_that_is_not_torch_is_refused_by_its_name(script, monkeypatch, tmp_path):
    good = make_torch(tmp_path / "a", "2.13.0")
    bare = make_torch(tmp_path / "b", "2.12.0", headers=False)
    monkeypatch.setenv("QIMLP_BUILD_TORCH", os.pathsep.join(map(str, (good, bare))))
    with pytest.raises(script.KernelError, match=re.escape(f"{bare} is no torch package")):
        script.find_torches()


def test_two_of_one_release_are_refused(script, monkeypatch, tmp_path):
    named = [make_torch(tmp_path / name, f"2.13.{name}") for name in "01"]
    monkeypatch.setenv("QIMLP_BUILD_TORCH", os.pathsep.join(map(str, named)))
    with pytest.raises(script.KernelError, match="two of the same release"):
        script.find_torches()


def test_by_default_it_is_the_environments(script, monkeypatch):
    monkeypatch.delenv("QIMLP_BUILD_TORCH", raising=False)
    (torch,) = script.find_torches()
    import torch as installed

    assert torch.folder == Path(installed.__file__).parent
    assert installed.__version__.startswith(".".join(map(str, torch.version)))


def test_release_wheels_name_the_torches_that_are_fetched():
    from qimlp.settings.settings_file import read_settings_file

    fetched = re.search(
        r"VERSIONS = \((.*)\)", (ROOT / ".ci" / "torches.py").read_text(encoding="utf-8")
    )
    minors = re.findall(r'"(\d+\.\d+)\.\d+"', fetched[1])
    settings = read_settings_file(ROOT / "pyproject.toml")["tool"]["cibuildwheel"]
    for system, between in ((settings, ":"), (settings["macos"], ":"), (settings["windows"], ";")):
        folders = system["environment"]["QIMLP_BUILD_TORCH"].split(between)
        assert [re.search(r"/torches/(.*)/torch$", folder)[1] for folder in folders] == minors
