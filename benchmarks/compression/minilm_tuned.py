"""MiniLM compressed and tuned: `python -m benchmarks.compression.minilm_tuned`.

How much an embedding is still good for is the accuracy of a linear probe: logistic regression
(scikit-learn, its default penalty) on mean-pooled embeddings of length 1 of the first 64 tokens,
headers included, fitted to 500 train posts of 20 Newsgroups and judged on 1,000 test posts, both
drawn by seed 0. Fits see IMDb reviews alone, drawn by each seed in turn; tuning sees reviews and
other train posts, without their labels. `--steps 0` leaves tuning out.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from copy import deepcopy
from itertools import product
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from benchmarks import options, report
from benchmarks.compression.minilm import (
    ENCODER,
    TEXTS,
    Batch,
    batches,
    cosine,
    embeddings,
    labels,
)
from qimlp.bench import setting
from qimlp.compression import CompressionConfig
from qimlp.data import load_encoder
from qimlp.training import compress_, distill

WANTED = {2.0: 0.47, 4.0: 0.40}
_FORMS = ("low_rank", "kronecker", "auto")
_FITTED, _JUDGED, _TOKENS = 500, 1000, 64
_HEADER = ("parameters", "form", "seed", "tuning", "probe", "wanted", *TEXTS.values(), "s", "")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; return its exit code."""
    parser = options.parser("compression.minilm_tuned", "Tune a compressed text encoder.", rounds=3)
    parser.add_argument("--ratios", type=float, nargs="+", default=[2.0, 4.0], metavar="R")
    parser.add_argument("--forms", nargs="+", default=["low_rank"], choices=_FORMS)
    parser.add_argument(
        "--seeds", type=int, nargs="+", default=[0], help="of the reviews fitted to"
    )
    parser.add_argument("--calibration-texts", type=int, default=256, metavar="N")
    parser.add_argument("--steps", type=int, default=120, help="of distillation (default: 120)")
    given = parser.parse_args(arguments)
    device, dtype, rounds = options.resolve(parser, given)
    if device.type != "cpu" or dtype != torch.float32:
        parser.error("the encoder is compressed in float32 on the CPU")
    try:
        tokenizer, model = load_encoder(ENCODER)
        probe = _Probe(tokenizer)
        calibration = {
            seed: batches(tokenizer, "imdb", "train", given.calibration_texts, seed=seed)
            for seed in given.seeds
        }
        tuning = _tuning(tokenizer, given.steps) if given.steps else []
        held_out = {name: batches(tokenizer, name, "test", 256, _TOKENS) for name in TEXTS}
    except (OSError, ImportError) as error:
        print(f"benchmarks.compression.minilm_tuned: {error}", file=sys.stderr)
        return 1
    model.eval()
    original = {name: embeddings(model, texts) for name, texts in held_out.items()}
    rows: list[dict[str, Any]] = [{"form": "dense", "tuning": "", "probe": probe.accuracy(model)}]
    for seed, ratio, form in product(given.seeds, given.ratios, given.forms):
        small = deepcopy(model)
        config = CompressionConfig(ratio=ratio, form=form, skip=("pooler",))
        start = time.perf_counter()
        told = compress_(small, config, calibration=calibration[seed])
        for steps in dict.fromkeys((0, given.steps)):
            if steps:
                start = time.perf_counter()
                distill(small, model, tuning, steps=steps)
            row = {"ratio": told.ratio, "asked": ratio, "form": form, "seed": seed, "steps": steps}
            row |= {"seconds": time.perf_counter() - start, "probe": probe.accuracy(small)}
            row |= {name: cosine(small, held_out[name], original[name]) for name in TEXTS}
            rows.append(row)
            print("  ".join(filter(None, _line(row))), file=sys.stderr, flush=True)
    where = setting(device, dtype, rounds)
    print(f"{ENCODER}, tuned: {report.described(where)}\n")
    report.print_table(_HEADER, [_line(row) for row in rows])
    report.save(given.json, "compression.minilm_tuned", where, rows)
    return 0


class _Probe:
    """Posts whose group a linear model reads off their embeddings."""

    def __init__(self, tokenizer: Any) -> None:
        name = "20newsgroups"
        self._parts = {
            part: (batches(tokenizer, name, part, n, _TOKENS), labels(name, part, n))
            for part, n in (("train", _FITTED), ("test", _JUDGED))
        }

    def accuracy(self, model: nn.Module) -> float:
        """Fit the linear model to the train posts and judge it on the test posts."""
        from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - slow to import

        (inputs, groups), (judged, wanted) = (
            (_unit(model, texts), found) for texts, found in self._parts.values()
        )
        fitted = LogisticRegression(max_iter=500).fit(inputs, groups)
        return float(fitted.score(judged, wanted))


def _unit(model: nn.Module, texts: list[Batch]) -> np.ndarray[Any, Any]:
    found: Tensor = normalize(embeddings(model, texts), dim=1)
    return found.numpy()


def _tuning(tokenizer: Any, steps: int) -> list[Batch]:
    """Reviews and posts in turn; the first posts, which the probe is fitted to, are left out."""
    half = -(-steps // 2)
    reviews = batches(tokenizer, "imdb", "train", 16 * half, _TOKENS)
    posts = batches(tokenizer, "20newsgroups", "train", _FITTED + 16 * (half + 1), _TOKENS)
    others = posts[-half:]
    return [batch for pair in zip(reviews, others, strict=True) for batch in pair]


def _line(row: dict[str, Any]) -> list[str]:
    if "ratio" not in row:
        return ["1", row["form"], "", "", f"{row['probe']:.3f}", *[""] * (len(_HEADER) - 5)]
    wanted = WANTED.get(row["asked"]) if row["steps"] and row["form"] != "kronecker" else None
    return [
        f"1/{row['ratio']:.2f}",
        row["form"],
        str(row["seed"]),
        f"{row['steps']} steps" if row["steps"] else "none",
        f"{row['probe']:.3f}",
        "" if wanted is None else f"{wanted:.2f}",
        *(f"{row[name]:.3f}" for name in TEXTS),
        f"{row['seconds']:.0f}",
        "" if wanted is None else report.verdict(row["probe"] >= wanted),
    ]


if __name__ == "__main__":
    sys.exit(main())
