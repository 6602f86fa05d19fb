"""A comparison as text and as files."""

from dataclasses import asdict
from pathlib import Path

from qimlp.files import write_json, write_text
from qimlp.tasks import KINDS
from qimlp.training.comparison.compare import Comparison, Row


def write_comparison(comparison: Comparison, folder: Path) -> None:
    """Write `comparison.json` and `comparison.md`.

    Args:
        comparison: From `compare`.
        folder: An existing folder.

    Raises:
        OSError: If they cannot be written.
    """
    write_json(folder / "comparison.json", asdict(comparison))
    write_text(folder / "comparison.md", markdown(comparison))


def columns(comparison: Comparison) -> tuple[str, ...]:
    """Name the columns of the table: the main metric with its range, then the others.

    Args:
        comparison: From `compare`.

    Returns:
        The titles.
    """
    main, *others = KINDS[comparison.task].metrics
    return (
        "network",
        "seeds",
        f"test {main.title}",
        "min..max",
        *(f"test {metric.title}" for metric in others),
        "parameters",
        "compression",
        "time/step",
        "memory",
    )


def cells(comparison: Comparison, row: Row) -> tuple[str, ...]:
    """Render a row, one text for each of `columns`.

    Args:
        comparison: From `compare`.
        row: One of its rows.

    Returns:
        The texts, with units.
    """
    main, *others = KINDS[comparison.task].metrics
    spread = "" if row.test_std is None else f" ± {row.test_std:.4f}"
    return (
        row.label,
        str(len(row.seeds)),
        f"{row.test[main.name]:.4f}{spread}",
        f"{row.test_min:.4f}..{row.test_max:.4f}",
        *(f"{row.test[metric.name]:.5g}" for metric in others),
        f"{row.parameters:,}",
        f"{row.compression:.1f}x",
        f"{row.seconds_per_step * 1e3:.2f} ms",
        format_bytes(row.memory_bytes),
    )


def format_bytes(count: int) -> str:
    """Render a number of bytes.

    Args:
        count: Bytes.

    Returns:
        Text such as `1.5 MiB`.
    """
    size = float(count)
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} B" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"


def markdown(comparison: Comparison) -> str:
    """Render a comparison as Markdown.

    Args:
        comparison: From `compare`.

    Returns:
        Title, table and remarks.
    """
    titles = columns(comparison)
    title = KINDS[comparison.task].metrics[0].title
    lines = [
        f"# {comparison.data}",
        "",
        "| " + " | ".join(titles) + " |",
        "| " + " | ".join("---" for _ in titles) + " |",
        *("| " + " | ".join(cells(comparison, row)) + " |" for row in comparison.rows),
        "",
        f"Test {title}: mean ± sample standard deviation over the seeds, with the weights of the "
        "best dev epoch; the test set is read once per run.",
        f"Compression: against {comparison.reference}. Memory: one training step, counted.",
        *comparison.remarks,
    ]
    return "\n".join(lines) + "\n"
