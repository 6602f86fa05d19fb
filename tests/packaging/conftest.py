import importlib.util
import os
import sys
from pathlib import Path

import pytest
import setuptools

SCRIPT = Path(__file__).parents[2] / "setup.py"


@pytest.fixture
def load_script(monkeypatch):
    """The build script as a module, as it reads the machine now; it does not run."""

    if "ARCHFLAGS" not in os.environ:  # the script may set it, and then it is taken back
        monkeypatch.setenv("ARCHFLAGS", "")
        monkeypatch.delenv("ARCHFLAGS")

    def load():
        monkeypatch.setattr(setuptools, "setup", lambda **_: None)
        spec = importlib.util.spec_from_file_location("qimlp_setup", SCRIPT)
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, "qimlp_setup", module)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture
def script(load_script):
    """The build script as a module, on this machine; it does not run."""
    return load_script()
