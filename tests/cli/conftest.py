"""Run the command in this process, as `main` would."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from qimlp.cli.app import run


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str


@pytest.fixture
def qimlp(capsys) -> Callable[..., Done]:
    def call(*arguments: object) -> Done:
        code = run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Done(code, captured.out, captured.err)

    return call


@pytest.fixture
def flowers(tmp_path):
    """A CSV of three well separated classes with string labels."""
    random = np.random.default_rng(0)
    centres = random.normal(size=(3, 4)) * 4
    lines = ["a,b,c,d,kind"]
    for i in range(150):
        values = centres[i % 3] + random.normal(size=4)
        lines.append(",".join(f"{v:.4f}" for v in values) + f",{('iris', 'rose', 'lily')[i % 3]}")
    path = tmp_path / "flowers.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def trained(qimlp, flowers, tmp_path):
    done = qimlp(
        *("train", flowers, "--label-column", "kind", "--model", "2b", "--model", "mlp"),
        *("--seeds", "0,1", "--epochs", 30, "--batch-size", 10, "--lr", 0.05, "--device", "cpu"),
        *("--out", tmp_path / "runs"),
    )
    assert done.code == 0, done.err
    return done, tmp_path / "runs"


@pytest.fixture
def reviews(tmp_path):
    folder = tmp_path / "reviews"
    folder.mkdir()
    for part, count in (("train", 80), ("test", 20)):
        rows = [f"{'very ' * (i % 3)}{('bad', 'good')[i % 2]} film" for i in range(count)]
        table = pa.table({"text": rows, "label": [i % 2 for i in range(count)]})
        pq.write_table(table, folder / f"{part}.parquet")
    return folder


@pytest.fixture
def pictures(tmp_path):
    """A folder of two classes of tiny grey images, in train/ and test/."""
    folder = tmp_path / "pictures"
    for part, count in (("train", 12), ("test", 2)):
        for number in range(count):
            for name, grey in (("dark", 20), ("light", 220)):
                (folder / part / name).mkdir(parents=True, exist_ok=True)
                pixels = np.full((4, 4), grey + number, np.uint8)
                Image.fromarray(pixels).save(folder / part / name / f"{number}.png")
    return folder
