"""A trained network as C for a microcontroller: compiled here, run here, compared answer by answer.

Run it with `python examples/ship_to_c.py`; it takes seconds and needs a C compiler. A network of
1,287 parameters learns the digits that scikit-learn carries (8 x 8 pixels). It is written as C99 in
floats, in eight-bit integers, and with weights of four bits. Each is linked with the program below,
which reads raw pixels as bytes and prints a name for every image, as firmware would. At the end
there are a table and a picture: sizes, accuracy, and in how many answers C and Python agree.
"""

import argparse
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from qimlp import Predictor
from qimlp.data import load
from qimlp.export import to_c
from qimlp.training import fit, resolve_settings

MAIN = """\
#include <stdio.h>
#include "digits.h"

int main(void) {
    uint8_t pixels[DIGITS_FEATURES];
    %s outputs[DIGITS_OUTPUTS];
    while (fread(pixels, 1, sizeof pixels, stdin) == sizeof pixels) {
        int best = 0;
        if (digits_predict(pixels, outputs)) return 1;
        for (int i = 1; i < DIGITS_OUTPUTS; i++)
            if (outputs[i] > outputs[best]) best = i;
        puts(digits_class_names[best]);
    }
    return 0;
}
"""
NUMBERS = {"floats": ("f32", "f32"), "8-bit": ("i8", "i8"), "4-bit weights": ("i4", "i8")}


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, export, compile and compare, and write the table and the picture."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--out", type=Path, default=Path("example-output/ship_to_c"))
    given = parser.parse_args(arguments)
    compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    if compiler is None:
        sys.exit("ship_to_c: no C compiler found; install gcc or clang")

    settings = resolve_settings({"data": "digits", "model": "2b", "rank": 4, "threads": 1})
    result = fit(settings, out=given.out / "runs", overwrite=True)
    predictor = Predictor.load(result.folder)
    digits = load("digits", streaming=False)
    train, test = (part.inputs.numpy().astype(np.uint8) for part in (digits.train, digits.test))
    wanted, in_python = digits.test.labels.numpy().astype(str), predictor.predict(test)

    rows = [{"numbers": "Python", "test accuracy": (in_python == wanted).mean()}]
    answers = in_python
    for numbers, (weights, activations) in NUMBERS.items():
        folder = given.out / f"c-{weights}"
        shutil.rmtree(folder, ignore_errors=True)  # an export overwrites nothing
        report = to_c(
            predictor,
            folder,
            name="digits",
            weights=weights,
            activations=activations,
            calibration=train,
        )
        (folder / "main.c").write_text(MAIN % ("float" if weights == "f32" else "int32_t"))
        # The exporter's own test holds eight images with the numbers that must come out.
        run_c(compiler, folder, "digits_test.c", b"")
        answers = np.array(run_c(compiler, folder, "main.c", test.tobytes()).split())
        size = report.details["bytes"]
        rows.append(
            {
                "numbers": f"C, {numbers}",
                "test accuracy": (answers == wanted).mean(),
                "as in Python": (answers == in_python).mean(),
                "flash, bytes": size["tables"] + size["names"] + size["code_about"],
                "RAM, bytes": size["static_ram"] + size["stack_at_most"],
            }
        )

    table = pd.DataFrame(rows).round(4)
    table = table.astype({"flash, bytes": "Int64", "RAM, bytes": "Int64"})
    table.to_csv(given.out / "table.csv", index=False)
    print(table.to_string(index=False, na_rep=""))
    draw(table, test, answers, wanted, given.out / "answers.png")
    print(f"table.csv, answers.png and the C are in {given.out}")


def run_c(compiler: str, folder: Path, program: str, given: bytes) -> str:
    """Compile the network with a program and run it; return what it printed."""
    binary = folder / "program"
    strict = ("-std=c99", "-O2", "-Wall", "-Wextra", "-Werror", "-pedantic")
    sources = (folder / "digits.c", folder / program)
    subprocess.run([compiler, *strict, "-o", binary, *sources], check=True)
    return subprocess.run([binary], input=given, check=True, capture_output=True).stdout.decode()


def draw(
    table: pd.DataFrame, test: np.ndarray, answers: np.ndarray, wanted: np.ndarray, path: Path
) -> None:
    """Draw the sizes in flash, and images with the answers of the smallest program."""
    figure = Figure(figsize=(9, 2.6), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=(2, 3))
    axes = left.subplots()
    rows = table.iloc[:0:-1]
    bars = axes.barh(rows["numbers"], rows["flash, bytes"], color="#0072B2", height=0.5)
    texts = [f"{row['flash, bytes']:,} ({row['test accuracy']:.1%})" for _, row in rows.iterrows()]
    axes.bar_label(bars, texts, fontsize=8, padding=3)
    axes.set_xlim(0, 1.6 * rows["flash, bytes"].max())
    axes.set_title("bytes of flash (test accuracy)", fontsize=9)
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    axes.tick_params(labelsize=8, left=False, bottom=False, labelbottom=False)

    for i, axes in enumerate(right.subplots(2, 8).ravel()):
        axes.imshow(test[i].reshape(8, 8), cmap="gray_r")
        text = answers[i] if answers[i] == wanted[i] else f"{answers[i]}, not {wanted[i]}"
        axes.set_title(text, fontsize=8, color="#333333" if answers[i] == wanted[i] else "#D55E00")
        axes.set_axis_off()
    right.suptitle(f"what {table['numbers'].iloc[-1]}, says", fontsize=9)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
