"""A page against torch: how far its answers are from the network's, its size, and its speed.

`python -m benchmarks.export.page RUN --data mnist` with node, on all test images.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from qimlp.export import to_html
from qimlp.predictor import Predictor

_RUN = """
const fs = require("fs");
const [script, page, file, width] = JSON.parse(fs.readFileSync(0, "utf8"));
const predict = (0, eval)(script + ";makePredict")(page);
const bytes = fs.readFileSync(file);
const rows = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
const found = [], start = performance.now();
for (let i = 0; i < rows.length; i += width) found.push([...predict(rows.subarray(i, i + width))]);
const each = (performance.now() - start) / found.length;
process.stdout.write(JSON.stringify([found, each]));
"""


def main() -> None:
    """Print the figures of one run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", help="folder of a run")
    parser.add_argument("--data", default="mnist")
    asked = parser.parse_args()
    predictor = Predictor.load(asked.run, device="cpu")
    inputs = predictor.read(asked.data).inputs
    single = predictor.answers(inputs).numpy()
    predictor.network.double()
    exact = predictor.answers(inputs.double()).numpy()
    raw = inputs.numpy().astype("<f4")
    if predictor.features.order is not None:
        raw[:, list(predictor.features.order)] = raw.copy()
    with tempfile.TemporaryDirectory() as folder:
        report = to_html(predictor, Path(folder) / "page")
        text = (Path(folder) / "page" / "qimlp_network.html").read_text(encoding="utf-8")
        data, network = re.findall(r"<script[^>]*>(.*?)</script>", text, re.DOTALL)[:2]
        rows = Path(folder) / "rows"
        rows.write_bytes(raw.tobytes())
        task = json.dumps([network, json.loads(data), str(rows), raw.shape[1]])
        done = subprocess.run(["node", "-e", _RUN], input=task, stdout=-1, text=True, check=True)
    answers, milliseconds = json.loads(done.stdout)
    found = np.array(answers)
    print(report)
    print(f"answers                 {len(found):,}")
    print(f"largest difference      {np.abs(found - single).max():.1e} from torch in float32")
    print(f"                        {np.abs(found - exact).max():.1e} from its weights in float64")
    print(f"same class              {(found.argmax(1) == single.argmax(1)).mean():.2%}")
    print(f"milliseconds an answer  {milliseconds:.2f}")


if __name__ == "__main__":
    main()
