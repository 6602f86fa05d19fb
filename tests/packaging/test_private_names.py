"""Torch's private names are used in one file alone, of which the tests hold every way round."""

import ast
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src" / "qimlp"


def test_nothing_else_of_the_package_uses_a_private_name_of_another():
    found = set()
    for file in sorted(SOURCE.rglob("*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        used = {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
        own = {n.name for n in ast.walk(tree) if isinstance(n, (ast.FunctionDef, ast.ClassDef))}
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                own.add(node.attr)
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                own.add(node.target.id)
            elif isinstance(node, ast.Assign):
                own |= {name.id for name in node.targets if isinstance(name, ast.Name)}
        private = {name for name in used - own if name[0] == "_" and not name.endswith("__")}
        found |= {(file.relative_to(SOURCE).as_posix(), name) for name in private}
    found = {(file, name) for file, name in found if name != "_exit"}  # os._exit is public
    assert {name for file, name in found if file == "ops/_torch_private.py"} > {"_fused_adamw_"}
    assert {use for use in found if use[0] != "ops/_torch_private.py"} == set()
