"""Integer code under the address and undefined-behaviour sanitizers, by both compilers."""

import subprocess
from pathlib import Path

import numpy as np
import pytest

from qimlp.export.c.integers import integer_body
from qimlp.export.c.write import program_of
from qimlp.export.description import Description
from tests.export.c.compiled import build, write
from tests.export.c.networks import described, random_layer, raw_rows

SANITIZERS = {
    "gcc": ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g"),
    "clang": ("-fsanitize=undefined", "-fsanitize-trap=all"),  # needs no library
}


def network(bodies: list[tuple[int, ...]], rank: int, bias: str, activation: str) -> Description:
    random = np.random.default_rng(3)
    count = len(bodies) - 1
    layers = tuple(
        random_layer(
            *(random, bodies[k], bodies[k + 1], rank, bias),
            activation if k < count - 1 else "identity",
        )
        for k in range(count)
    )
    return described(layers, shift=70.0, scale=60.0, pixels=True)


NETWORKS = {
    "dense": network([(33,), (17,), (5,)], 1, "dense", "silu"),
    "two odd bodies": network([(7, 5), (9, 3), (2, 5)], 3, "kronecker", "gelu"),
    "three bodies": network([(3, 5, 2), (4, 3, 3), (1, 2, 3)], 2, "kronecker", "tanh"),
    "four bodies": network([(2, 3, 2, 3), (3, 2, 3, 2), (5, 1, 2, 1)], 4, "none", "relu"),
}


@pytest.mark.parametrize(
    ("cc", "weights", "activations"),
    [("gcc", "i8", "i8"), ("gcc", "i4", "i16"), ("clang", "i4", "i8")],
)
@pytest.mark.parametrize("kind", sorted(NETWORKS))
def test_no_access_or_arithmetic_is_undefined(
    kind: str, cc: str, weights: str, activations: str, tmp_path: Path
) -> None:
    description = NETWORKS[kind]
    rows = raw_rows(description, 30)
    body = integer_body(
        description,
        "net",
        weights=weights,
        activations=activations,
        input_type="uint8_t",
        calibration=rows,
    )
    extremes = np.array([np.zeros(rows.shape[1]), np.full(rows.shape[1], 255.0)])
    write(program_of(description, "net", body, np.concatenate([extremes, rows])), tmp_path)
    files = [tmp_path / "net.c", tmp_path / "net_test.c"]
    test = build(files, tmp_path / "test", *SANITIZERS[cc], cc=cc)
    done = subprocess.run([test], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[:2000]
