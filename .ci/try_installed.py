"""Try the installed package where nothing but its own requirements is: values, gradients, reasons.

Usage: python .ci/try_installed.py with-kernel|without-kernel

Exit code 1, with one line, where something is not as it has to be.
"""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import torch

import qimlp
from qimlp.functional import kron_dense
from qimlp.ops import native

KINDS = ("with-kernel", "without-kernel")


def main() -> None:
    """Check the installation that this Python finds."""
    if len(sys.argv) != 2 or sys.argv[1] not in KINDS:
        sys.exit(f"usage: python {sys.argv[0]} {'|'.join(KINDS)}")
    kernel = sys.argv[1] == "with-kernel"
    where = Path(qimlp.__file__).resolve().parent
    if where == Path(__file__).resolve().parents[1] / "src" / "qimlp":
        sys.exit(f"expected an installed package, got the source tree at {where}")
    if native.available() != kernel:
        sys.exit(f"expected a package {sys.argv[1]}, but: {native.reason()}")
    if not kernel and "no C++ kernel" not in native.reason():
        sys.exit(f"expected the reason why there is no kernel, got: {native.reason()}")
    _check_values()

    layer = qimlp.KroneckerLinear(784, 784)
    explanation = layer.explain(50)
    wanted = "fused" if kernel else "two_gemm"
    if explanation.chosen.method != wanted:
        sys.exit(f"expected (28, 28) to be computed by {wanted}, got:\n{explanation}")
    if not kernel and native.reason() not in str(explanation):
        sys.exit(f"expected the explanation to say why there is no kernel, got:\n{explanation}")
    if find_spec("typer") is None:  # the command's libraries are an extra
        _check_command_says_what_is_missing()
    sys.stdout.write(f"{where}\n{native.reason()}\n{explanation}\n")


def _check_values() -> None:
    """Hold a layer and its gradients against the dense definition, in float64."""
    torch.manual_seed(0)
    for in_dims, out_dims, rank in (((28, 28), (28, 28), 1), ((3, 5, 4), (2, 7, 3), 3)):
        factors = [
            torch.randn(rank, after, before, dtype=torch.float64, requires_grad=True)
            for before, after in zip(in_dims, out_dims, strict=True)
        ]
        features = torch.Size(in_dims).numel()
        x = torch.randn(17, features, dtype=torch.float64, requires_grad=True)
        ours = qimlp.functional.kron_matmul(x, factors)
        true = x @ kron_dense(factors).T
        weights = torch.randn_like(true)
        torch.testing.assert_close(ours, true)
        torch.testing.assert_close(
            torch.autograd.grad(ours, [x, *factors], weights),
            torch.autograd.grad(true, [x, *factors], weights),
        )


def _check_command_says_what_is_missing() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "qimlp", "--version"], capture_output=True, text=True, check=False
    )
    if ran.returncode != 2 or 'pip install "qimlp[train]"' not in ran.stderr:
        sys.exit(f"expected the command to name the extra it needs, got: {ran.stderr!r}")


if __name__ == "__main__":
    main()
