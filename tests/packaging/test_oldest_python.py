"""What the oldest supported Python, 3.10, does not have is not imported when the package runs.

Ruff refuses younger syntax; it does not know which names a standard module had.
"""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "qimlp"
YOUNGER = {
    "datetime": {"UTC"},
    "enum": {"StrEnum", "ReprEnum", "verify"},
    "itertools": {"batched"},
    "typing": {"Self", "Never", "LiteralString", "Required", "NotRequired", "Unpack", "override"}
    | {"assert_never", "assert_type", "reveal_type", "dataclass_transform", "TypeVarTuple"},
}
MODULES = {"tomllib", "wsgiref.types", "asyncio.taskgroups", "asyncio.timeouts"}


def younger(source):
    """Names of Python 3.11 or later that some code imports as it runs."""
    found = []

    def visit(node):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            node = ast.Module(node.orelse, [])
        if isinstance(node, ast.If) and "version_info" in ast.dump(node.test):
            return
        if isinstance(node, ast.ImportFrom):
            names = {alias.name for alias in node.names}
            found.extend(sorted(names & YOUNGER.get(node.module or "", set())))
            found.extend({node.module} & MODULES)
        if isinstance(node, ast.Import):
            found.extend(sorted({alias.name for alias in node.names} & MODULES))
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(source))
    return found


@pytest.mark.parametrize("source", ["from typing import Any, Self", "import tomllib"])
def test_younger_names_are_found(source):
    assert younger(source)
    assert not younger(f"if TYPE_CHECKING:\n    {source}")


def test_no_module_imports_a_name_of_a_younger_python():
    found = {path.name: younger(path.read_text()) for path in SOURCE.rglob("*.py")}
    assert {name: names for name, names in found.items() if names} == {}
