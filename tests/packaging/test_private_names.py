"""Torch's private names are used in one file alone, of which the tests hold every way round."""

import ast
from pathlib import Path

from torch import nn

SOURCE = Path(__file__).parents[2] / "src" / "qimlp"
TORCHS = {name for name in vars(nn.Module()) if name.startswith("_")}


def _used_and_own(tree):
    """Attributes that are read, and names that are made, in one file."""
    used, own = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            used.add(node.attr)
            if isinstance(node.ctx, ast.Store):
                own.add(node.attr)
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            own.add(node.name)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            own.add(node.target.id)
        elif isinstance(node, ast.Assign):
            own |= {name.id for name in node.targets if isinstance(name, ast.Name)}
    return used, own


def test_nothing_else_of_the_package_uses_a_private_name_of_another():
    files = {
        file.relative_to(SOURCE).as_posix(): _used_and_own(
            ast.parse(file.read_text(encoding="utf-8"))
        )
        for file in SOURCE.rglob("*.py")
    }
    everywhere = set().union(*(own for _, own in files.values())) - TORCHS
    found = {
        (file, name)
        for file, (used, own) in files.items()
        for name in used - own - everywhere
        if name[0] == "_" and not name.endswith("__") and name != "_exit"  # os._exit is public
    }
    here = {name for file, name in found if file == "ops/_torch_private.py"}
    assert {"_fused_adamw_", "_parameters", "_execution_engine"} < here
    assert {use for use in found if use[0] != "ops/_torch_private.py"} == set()
