"""What the package promises: its names, and that importing it is lean."""

import inspect
import json
import subprocess
import sys

import pytest

import qimlp
import qimlp.models
import qimlp.nn
import qimlp.predictor

LEAN = """
import json, sys, torch
before = set(sys.modules)
import qimlp
assert qimlp.KroneckerLinear and qimlp.QiMLP and qimlp.functional and qimlp.correlation
new = {name.partition(".")[0] for name in set(sys.modules) - before}
print(json.dumps({"new": sorted(new), "cuda": torch.cuda.is_initialized()}))
"""


def test_names():
    expected = {"MLP", "KroneckerLinear", "KroneckerShape", "Plan", "Predictor", "QiMLP"}
    assert expected | {"correlation", "functional", "plan"} <= set(qimlp.__all__)
    compression = {"CompressionConfig", "CompressionReport", "compress_", "distill"}
    compression |= {"load_compressed", "save_compressed"}
    assert compression | {"AdapterConfig", "KroneckerAdapter", "add_adapters_"} <= set(
        qimlp.__all__
    )
    for name in qimlp.__all__:
        assert getattr(qimlp, name) is not None
    functions = {"kron_matmul", "kron_linear", "kron_dense", "kron_bias", "nearest_kronecker"}
    assert functions <= set(qimlp.functional.__all__)
    assert not {"apply_layer", "STARTS", "is_proxy"} & set(vars(qimlp.functional))


def test_the_predictor_is_the_one_of_its_package():
    assert qimlp.Predictor is qimlp.predictor.Predictor
    with pytest.raises(AttributeError, match="'qimlp' has no attribute 'predictors'"):
        _ = qimlp.predictors


def test_signatures():
    def parameters(function):
        return list(inspect.signature(function).parameters)

    layer = parameters(qimlp.KroneckerLinear)
    assert layer[:3] == ["in_features", "out_features", "bias"]
    assert {"in_dims", "out_dims", "num_factors", "rank", "device", "dtype"} <= set(layer)
    assert parameters(qimlp.QiMLP)[:4] == ["dims", "rank", "bias", "activation"]
    assert parameters(qimlp.MLP)[:3] == ["widths", "activation", "dropout"]
    compress = ["model", "config", "filter_fn", "calibration"]
    assert parameters(qimlp.compress_)[:4] == compress
    assert parameters(qimlp.distill)[:3] == ["student", "teacher", "batches"]
    assert parameters(qimlp.add_adapters_) == ["model", "config", "filter_fn"]
    assert parameters(qimlp.plan)[:4] == ["in_features", "out_features", "num_factors", "rank"]
    assert parameters(qimlp.functional.kron_matmul)[:2] == ["x", "factors"]
    assert parameters(qimlp.functional.kron_linear)[:3] == ["x", "factors", "bias"]
    assert parameters(qimlp.functional.nearest_kronecker) == [
        "weight",
        "in_dims",
        "out_dims",
        "rank",
    ]


def test_importing_is_lean():
    ran = subprocess.run([sys.executable, "-c", LEAN], capture_output=True, text=True, check=True)
    seen = json.loads(ran.stdout)
    allowed = {"qimlp", "safetensors"} | set(sys.stdlib_module_names)
    assert set(seen["new"]) <= allowed
    assert not seen["cuda"]


def test_every_public_function_says_what_it_does():
    found = 0
    for module in (qimlp, qimlp.functional, qimlp.nn, qimlp.models):
        for name in module.__all__:
            thing = getattr(module, name)
            if inspect.isfunction(thing) or inspect.isclass(thing):
                assert inspect.getdoc(thing), name
                found += 1
    assert found >= 17
