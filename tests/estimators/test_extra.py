"""The libraries of the extra are enough, and what is missing is said."""

import subprocess
import sys

import pytest

FIT = """
import sys
for name in {missing!r}:
    sys.modules[name] = None
import numpy as np, qimlp
X = np.random.default_rng(0).normal(size=(40, 3))
model = qimlp.QiMLPClassifier(max_iter=2, verbose=True).fit(X, X[:, 0] > 0)
model.save("model")
print(qimlp.QiMLPClassifier.load("model").predict(X[:2]).shape)
"""


def run(missing, folder):
    code = FIT.format(missing=missing)
    return subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False
    )


def test_what_the_extra_does_not_name_is_not_needed(tmp_path):
    others = ["accelerate", "datasets", "fsspec", "matplotlib", "pandas", "PIL", "pyarrow", "typer"]
    ran = run([*others, "tensorboard", "transformers", "polars"], tmp_path)
    assert ran.stdout == "(2,)\n", ran.stderr


@pytest.mark.parametrize("name", ["sklearn", "pydantic"])
def test_a_library_that_is_missing_is_named(tmp_path, name):
    ran = run([name], tmp_path)
    last = ran.stderr.splitlines()[-1]
    assert last.startswith("ImportError: the estimators need scikit-learn 1.6 or later")
    assert name in last
    assert 'pip install "qimlp[sklearn]"' in last
