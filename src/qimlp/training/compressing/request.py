"""What a compression of a folder is asked for."""

from __future__ import annotations

from dataclasses import dataclass

from qimlp.compression import CompressionConfig


@dataclass(frozen=True, kw_only=True)
class CompressionRequest:
    """What a compression of a folder is asked for.

    Attributes:
        configs: One for each point of the front.
        calibration: Name or path of the calibration data; by default a run's own train part.
        samples: Most examples or texts of it to read; by default 10,000 examples, 128 texts.
        distill_steps: Optimizer steps of distillation after the compression.
        max_tokens: Tokens of a text that are read.
        data_dir: Folder of named data.
        device: `"auto"`, `"cpu"`, `"cuda"` and so on.

    Raises:
        ValueError: No config, two for the same budget, or a number out of range.
    """

    configs: tuple[CompressionConfig, ...]
    calibration: str | None = None
    samples: int | None = None
    distill_steps: int = 0
    max_tokens: int = 128
    data_dir: str | None = None
    device: str = "auto"

    def __post_init__(self) -> None:
        if not self.configs:
            raise ValueError("configs: expected at least one CompressionConfig, got none")
        names = [point_name(config) for config in self.configs]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(
                    f"expected every budget once, got {name} {names.count(name)} times"
                )
        for name, least in (("samples", 1), ("distill_steps", 0), ("max_tokens", 1)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise ValueError(f"{name}: expected {least} or more, got {value}")


def point_name(config: CompressionConfig) -> str:
    """Name a point of a front by its budget, fit for a folder.

    Args:
        config: What the compression is asked for.

    Returns:
        A name such as `ratio-4` or `parameters-20000`.
    """
    if config.ratio is not None:
        return f"ratio-{config.ratio:g}"
    return f"parameters-{config.max_parameters}"
