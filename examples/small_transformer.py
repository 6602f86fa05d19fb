"""A small transformer on real text, with Kronecker feed-forward layers beside dense ones.

Run it with `python examples/small_transformer.py`; `--quick` takes a few steps of one seed. It
reads film reviews (IMDb) from the folder that the environment variable QIMLP_DATA names, else from
the Hugging Face hub, and predicts the next character. Three feed-forward parts are compared, and
nothing else differs: dense and four times as wide as the model; Kronecker layers of the same width;
dense ones so narrow that they have as many parameters as those. At the end there are a table and a
picture: bits per character on reviews that were not trained on, over the seeds.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn
from torch.nn import functional

from qimlp import KroneckerLinear
from qimlp.data import load_texts

BLUE, RED = "#0072B2", "#D55E00"
CHARACTERS = "\n" + "".join(map(chr, range(32, 127)))
WIDTH, HEADS, DEPTH, CONTEXT, RANK = 64, 4, 2, 64, 8
BATCH, RATE = 16, 8e-3


def main(arguments: Sequence[str] | None = None) -> None:
    """Train every form with every seed, and write the table and the picture."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="30 steps of one seed")
    parser.add_argument("--out", type=Path, default=Path("example-output/small_transformer"))
    given = parser.parse_args(arguments)
    steps, seeds = (30, 1) if given.quick else (1500, 3)

    reviews = load_texts("imdb")
    train, test = (as_numbers(part.texts[::10]) for part in (reviews.train, reviews.test))
    narrow = round((parameters(kronecker_layers()) - WIDTH) / (2 * WIDTH + 1))
    forms: dict[str, Callable[[], nn.Module]] = {
        "dense, full width": lambda: dense_layers(4 * WIDTH),
        f"Kronecker, rank {RANK}": kronecker_layers,
        f"dense, width {narrow}": lambda: dense_layers(narrow),
    }
    rows = []
    for name, make in forms.items():
        for seed in range(seeds):
            torch.manual_seed(seed)
            model = Transformer(make)
            start = time.perf_counter()
            learn(model, train, steps, seed)
            seconds = time.perf_counter() - start
            bits = judge(model, test, windows=40 if given.quick else 1000)
            feed_forward = sum(parameters(block.feed_forward) for block in model.blocks)
            rows.append((name, feed_forward, parameters(model), seed, round(bits, 4), seconds))
            print(f"{name}, seed {seed}: {bits:.3f} bits per character, {seconds:.0f} s")

    columns = ["feed-forward", "its parameters", "all parameters", "seed", "bits", "seconds"]
    found = pd.DataFrame(rows, columns=columns)
    table = found.groupby(columns[:3], sort=False)["bits"].agg(["mean", "min", "max"]).reset_index()
    given.out.mkdir(parents=True, exist_ok=True)
    found.to_csv(given.out / "runs.csv", index=False)
    table.round(4).to_csv(given.out / "table.csv", index=False)
    print(table.round(3).to_string(index=False))
    draw(found, given.out / "bits.png")
    print(f"table.csv, runs.csv and bits.png are in {given.out}")


def draw(runs: pd.DataFrame, path: Path) -> None:
    """Draw a dot for each run."""
    figure = Figure(figsize=(7, 2.2), layout="constrained")
    axes = figure.subplots()
    for form, part in list(runs.groupby("feed-forward", sort=False))[::-1]:
        name = f"{form}\n({part['its parameters'].iloc[0]:,} parameters)"
        kronecker = form.startswith("Kronecker")
        axes.plot(part["bits"], [name] * len(part), "o", color=RED if kronecker else BLUE)
    axes.margins(y=0.25)
    axes.set_xlabel("bits per character on reviews not trained on; a dot for each seed", fontsize=9)
    axes.grid(axis="y", color="#DDDDDD")
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(labelsize=8, left=False)
    figure.savefig(path, dpi=110)


def dense_layers(hidden: int) -> nn.Module:
    return nn.Sequential(nn.Linear(WIDTH, hidden), nn.GELU(), nn.Linear(hidden, WIDTH))


def kronecker_layers() -> nn.Module:
    first = KroneckerLinear(WIDTH, 4 * WIDTH, bias="dense", rank=RANK)
    return nn.Sequential(first, nn.GELU(), KroneckerLinear(4 * WIDTH, WIDTH, "dense", rank=RANK))


class Block(nn.Module):
    def __init__(self, feed_forward: nn.Module) -> None:
        super().__init__()
        self.before_attention, self.before_feed_forward = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.queries, self.mixed = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.feed_forward = feed_forward

    def forward(self, x: Tensor) -> Tensor:
        heads = self.queries(self.before_attention(x)).unflatten(2, (3, HEADS, -1))
        q, k, v = heads.permute(2, 0, 3, 1, 4)
        attended = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.mixed(attended.transpose(1, 2).flatten(2))
        return x + self.feed_forward(self.before_feed_forward(x))


class Transformer(nn.Module):
    def __init__(self, feed_forward: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.embedding = nn.Embedding(len(CHARACTERS), WIDTH)
        self.places = nn.Parameter(0.02 * torch.randn(CONTEXT, WIDTH))
        self.blocks = nn.Sequential(*(Block(feed_forward()) for _ in range(DEPTH)))
        self.head = nn.Sequential(nn.LayerNorm(WIDTH), nn.Linear(WIDTH, len(CHARACTERS)))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.blocks(self.embedding(x) + self.places))


def loss_of(model: nn.Module, text: Tensor, starts: Tensor) -> Tensor:
    window = text[starts[:, None] + torch.arange(CONTEXT + 1)]
    return functional.cross_entropy(model(window[:, :-1]).flatten(0, 1), window[:, 1:].flatten())


def learn(model: nn.Module, text: Tensor, steps: int, seed: int) -> None:
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, steps)
    drawn = torch.Generator().manual_seed(seed)  # the same windows for every form
    for _ in range(steps):
        starts = torch.randint(len(text) - CONTEXT - 1, (BATCH,), generator=drawn)
        optimizer.zero_grad()
        loss_of(model, text, starts).backward()
        optimizer.step()
        schedule.step()


@torch.no_grad()
def judge(model: nn.Module, text: Tensor, windows: int) -> float:
    starts = torch.randint(
        len(text) - CONTEXT - 1, (windows,), generator=torch.Generator().manual_seed(0)
    )
    losses = [loss_of(model, text, part) * len(part) for part in starts.split(BATCH)]
    return float(torch.stack(losses).sum() / windows / torch.tensor(2.0).log())


def as_numbers(texts: Sequence[str]) -> Tensor:
    number = {character: i for i, character in enumerate(CHARACTERS)}
    joined = "\n".join(texts).replace("<br />", "\n")
    return torch.tensor([number[each] for each in joined if each in number])


def parameters(model: nn.Module) -> int:
    return sum(each.numel() for each in model.parameters())


if __name__ == "__main__":
    main()
