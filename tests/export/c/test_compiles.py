"""The files as a user builds them: strict compilers, C++, several networks in one program."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from qimlp.data import patch_order
from qimlp.export.c.floats import WEIGHTS, float_body
from qimlp.export.c.render import Program
from qimlp.export.c.write import program_of
from qimlp.export.description import ACTIVATIONS, Description
from tests.export.c.compiled import SANITIZED, build, compiler, outputs_in_c, write
from tests.export.c.networks import BIASES, described, random_layer, raw_rows


def every_form(*, pixels: bool, regression: bool = False) -> Description:
    """A network with each activation, bias form and number of copies."""
    random = np.random.default_rng(0)
    bodies = [(4, 9), (6, 6), (2, 3), (5, 4), (3, 2), (2, 3)]
    layers = tuple(
        random_layer(random, ins, outs, 1 + k % 4, BIASES[k % 3], activation)
        for k, (ins, outs, activation) in enumerate(
            zip(bodies, bodies[1:], sorted(ACTIVATIONS), strict=False)
        )
    )
    order = tuple(patch_order((6, 6), (4, 9)).tolist()) if pixels else tuple(range(36))[::-1]
    spread = 70.0 if pixels else random.uniform(1, 2, size=36)
    return described(
        layers, shift=35.0, scale=spread, order=order, pixels=pixels, regression=regression
    )


def program(name: str, *, pixels: bool = True, weights: str = "f32") -> Program:
    network = every_form(pixels=pixels, regression=not pixels)
    given = "uint8_t" if pixels else "float"
    return program_of(network, name, float_body(network, name, weights=weights, input_type=given))


@pytest.mark.parametrize("cc", ["gcc", "clang"])
@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("pixels", [False, True])
def test_no_warnings(cc: str, weights: str, pixels: bool, tmp_path: Path) -> None:
    write(program("net", pixels=pixels, weights=weights), tmp_path)
    for level in ("-O0", "-Os", "-O3"):
        files = [tmp_path / "net.c", tmp_path / "net_test.c"]
        test = build(files, tmp_path / "test", level, cc=cc)
        assert subprocess.run([test], check=False).returncode == 0


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("pixels", [False, True])
def test_sanitizers_find_nothing(weights: str, pixels: bool, tmp_path: Path) -> None:
    write(program("net", pixels=pixels, weights=weights), tmp_path)
    files = [tmp_path / "net.c", tmp_path / "net_test.c"]
    test = build(files, tmp_path / "test", *SANITIZED)
    done = subprocess.run([test], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_wrong_weight_fails_the_self_test(tmp_path: Path) -> None:
    write(program("net"), tmp_path)
    path = tmp_path / "net.c"
    text = path.read_text()
    start = text.index("{", text.index("net_w3_0[")) + 1
    stop = text.index(",", start)
    path.write_text(text[:start] + " 9.0f" + text[stop:])
    test = build([path, tmp_path / "net_test.c"], tmp_path / "test")
    assert subprocess.run([test], check=False).returncode == 1


MAIN = """
#include "one.h"
#include "two.h"
#include <stdio.h>
static one_state first;
static two_state second;
int main(void)
{
    static const uint8_t x[ONE_FEATURES] = {200, 3, 77};
    static const float z[TWO_FEATURES] = {30.0f, 36.0f};
    float a[ONE_OUTPUTS], b[TWO_OUTPUTS], a2[ONE_OUTPUTS], b2[TWO_OUTPUTS];
    int k, off = one_predict(x, a) + two_predict(z, b);
    off += one_predict_in(&first, x, a2) + two_predict_in(&second, z, b2);
    off += one_predict(NULL, a) != 1 || one_predict(x, NULL) != 1;
    off += one_predict_in(NULL, x, a) != 1;
    for (k = 0; k < ONE_OUTPUTS; k++) {
        off += a[k] != a2[k] || b[k] != b2[k];
    }
    off += sizeof(one_state) != ONE_STATIC_BYTES || sizeof(two_state) != TWO_STATIC_BYTES;
    printf("%s %s", one_class_names[1], two_target_names[0]);
    return off;
}
"""


@pytest.mark.parametrize("together", [False, True])
def test_two_networks_in_one_program(together: bool, tmp_path: Path) -> None:
    """Linked, and as parts of one source file."""
    write(program("one"), tmp_path)
    write(program("two", pixels=False, weights="i4"), tmp_path)
    parts = '#include "one.c"\n#include "two.c"\n' if together else ""
    (tmp_path / "main.c").write_text(parts + MAIN)
    files = [tmp_path / "main.c"]
    files += [] if together else [tmp_path / "one.c", tmp_path / "two.c"]
    done = subprocess.run([build(files, tmp_path / "main")], capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (0, b"answer 1 answer 0")


def test_headers_are_c_plus_plus_too(tmp_path: Path) -> None:
    write(program("net"), tmp_path)
    (tmp_path / "main.cc").write_text(
        '#include "net.h"\nint main() { uint8_t x[NET_FEATURES] = {}; float y[NET_OUTPUTS];\n'
        "return net_predict(x, y); }\n"
    )
    compiled = build([tmp_path / "net.c"], tmp_path / "net.o", "-c")
    main = build([tmp_path / "main.cc", compiled], tmp_path / "main", cc="g++", flags=["-Wall"])
    assert subprocess.run([main], check=False).returncode == 0


def test_only_the_interface_is_visible(tmp_path: Path) -> None:
    write(program("net"), tmp_path)
    compiled = build([tmp_path / "net.c"], tmp_path / "net.o", "-c")
    listed = subprocess.run(
        [compiler("nm"), "-g", compiled], capture_output=True, text=True, check=True
    )
    symbols = {
        line.split()[-1].lstrip("_") for line in listed.stdout.splitlines() if " U " not in line
    }
    assert symbols == {"net_predict", "net_predict_in", "net_class_names"}
    assert " U " not in listed.stdout  # no library is called


def test_names_of_classes_from_any_file(tmp_path: Path) -> None:
    names = (
        '"); evil("',
        "back\\slash",
        "??/",
        "new\nline\r\t\0",
        "*/ /*",
        "é 数字 😀",
        "\ud800",
        "",
    )
    layer = random_layer(np.random.default_rng(0), (2, 2), (2, 4), 1, "none", "relu")
    network = described((layer,))
    object.__setattr__(network.task, "class_names", names)
    made = program_of(network, "net", float_body(network, "net"))
    outputs_in_c(made, tmp_path, raw_rows(network, 1))
    (tmp_path / "main.c").write_text(
        '#include <stdio.h>\n#include "net.h"\nint main(void)\n{\n    int k;\n'
        "    for (k = 0; k < 8; k++) {\n        puts(net_class_names[k]);\n    }\n"
        "    return 0;\n}\n"
    )
    main = build([tmp_path / "main.c", tmp_path / "net.c"], tmp_path / "main", "-trigraphs")
    shown = subprocess.run([main], capture_output=True, check=True).stdout
    kept = [*names[:3], "new\nline\r\t", *names[4:6], "\\ud800", ""]
    assert shown == "".join(f"{name}\n" for name in kept).encode()
