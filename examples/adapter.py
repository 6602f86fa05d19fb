"""A Kronecker adapter: a frozen network learns another task with few numbers, and forgets nothing.

Run it with `python examples/adapter.py`; `--quick` takes a few steps. MNIST is read from the folder
that the environment variable QIMLP_DATA names, else from the Hugging Face hub. An ordinary MLP
learns upright digits. Then 2,000 digits that lie on their side are to be read: by a new last layer
alone, by adapters on every layer, or by training everything. Adapters are kept in a file of their
own, put on again, and merged, so that a call costs what it did before. At the end there are a table
and a picture.
"""

import argparse
import copy
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn
from torch.nn import functional

import qimlp
from qimlp.compression import adapter_parameters, load_adapters_, merge_adapters_, save_adapters
from qimlp.data import load

RANKS = (1, 4)


def main(arguments: Sequence[str] | None = None) -> None:
    """Train the network, teach it the second task in several ways, and write what came out."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="few steps, one rank")
    parser.add_argument("--out", type=Path, default=Path("example-output/adapter"))
    given = parser.parse_args(arguments)
    first_steps, steps = (300, 200) if given.quick else (1500, 400)

    mnist = load("mnist", streaming=False)
    upright, test = (part.inputs.float() / 255 for part in (mnist.train, mnist.test))
    labels, wanted = mnist.train.labels, mnist.test.labels
    lying_test = on_its_side(test)

    torch.manual_seed(0)
    model = nn.Sequential(
        *(nn.Linear(784, 256), nn.GELU(), nn.Linear(256, 256), nn.GELU(), nn.Linear(256, 10))
    )
    learn(model, model.parameters(), upright, labels, first_steps, 1e-3)
    rows = []

    def note(name: str, trained: Iterable[Tensor], reader: nn.Module, old: nn.Module) -> None:
        numbers = sum(each.numel() for each in trained)
        rows.append(
            (name, numbers, accuracy(reader, lying_test, wanted), accuracy(old, test, wanted))
        )

    note("nothing", [], model, model)
    for seed in range(1 if given.quick else 3):
        torch.manual_seed(seed)
        few = torch.randperm(len(upright))[:2000]
        lying, names = on_its_side(upright[few]), labels[few]
        for part, rate in (("last layer", 3e-3), ("everything", 1e-3)):
            changed = copy.deepcopy(model)
            trained = list((changed[-1] if part == "last layer" else changed).parameters())
            learn(changed, trained, lying, names, steps, rate)
            note(part, trained, changed, changed)
        for rank in RANKS[1:] if given.quick else RANKS:
            adapted = copy.deepcopy(model)
            qimlp.add_adapters_(adapted, qimlp.AdapterConfig(rank=rank))  # freezes all else
            trained = adapter_parameters(adapted)
            learn(adapted, trained, lying, names, steps, 1e-2)
            folder = save_adapters(adapted, given.out / f"rank-{rank}")

            # Whoever has the network needs that folder alone, and has the first task as before.
            again = copy.deepcopy(model)
            load_adapters_(again, folder)
            assert torch.equal(again(lying_test[:9]), adapted(lying_test[:9]))
            merge_adapters_(again)
            note(f"adapters, rank {rank}", trained, again, model)

    columns = ["trained", "numbers", "lying", "upright"]
    runs = pd.DataFrame(rows, columns=columns)
    table = runs.groupby(columns[:2], sort=False).agg(["mean", "min", "max"]).round(4).reset_index()
    table.columns = [" ".join(filter(None, names)) for names in table.columns]
    table.to_csv(given.out / "table.csv", index=False)
    print(table.to_string(index=False))
    draw(table, given.out / "accuracy.png")
    print(f"table.csv, accuracy.png and the adapters are in {given.out}")


def on_its_side(images: Tensor) -> Tensor:
    """Turn images of shape (n, 784) by a quarter."""
    return images.view(-1, 28, 28).rot90(1, (1, 2)).reshape(-1, 784)


def learn(
    model: nn.Module, trained: Iterable[nn.Parameter], x: Tensor, y: Tensor, steps: int, rate: float
) -> None:
    """Train the given parameters by AdamW at a one-cycle rate."""
    optimizer = torch.optim.AdamW(trained, lr=rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, steps)
    for _ in range(steps):
        rows = torch.randint(len(x), (100,))
        optimizer.zero_grad()
        functional.cross_entropy(model(x[rows]), y[rows]).backward()
        optimizer.step()
        schedule.step()


@torch.no_grad()
def accuracy(model: nn.Module, x: Tensor, y: Tensor) -> float:
    """Give the share of right answers."""
    return float((model(x).argmax(dim=1) == y).float().mean())


def draw(table: pd.DataFrame, path: Path) -> None:
    """Draw the accuracy on both tasks, a row for each way to learn the second."""
    figure = Figure(figsize=(7, 3), layout="constrained")
    axes = figure.subplots()
    rows = table.iloc[::-1]
    names = [f"{row['trained']} ({row['numbers']:,})" for _, row in rows.iterrows()]
    for task, colour, marker in (("upright", "#0072B2", "s"), ("lying", "#D55E00", "o")):
        mean = rows[f"{task} mean"]
        spread = mean - rows[f"{task} min"], rows[f"{task} max"] - mean
        axes.errorbar(mean, names, xerr=spread, fmt=marker, color=colour, label=f"{task} digits")
    axes.set_xlim(0, 1)
    axes.set_xlabel("test accuracy: mean, lowest and highest", fontsize=9)
    axes.set_ylabel("what was trained (numbers)", fontsize=9)
    axes.legend(frameon=False, fontsize=8, loc="lower left")
    axes.grid(axis="y", color="#DDDDDD")
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(labelsize=8, left=False)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
