"""What is wanted of the exported MNIST network 2b on microcontrollers."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

LIMITS: Mapping[tuple[str, str, str, str], Mapping[str, int]] = MappingProxyType(
    {
        ("2b", "i8", "M4", "-Os"): {
            "flash": 5200,
            "ram": 1800,
            "stack": 256,
            "instructions": 350_000,
        },
        ("2b", "i8", "M4", "-O2"): {"instructions": 350_000},
        ("2b", "i8", "M0+", "-Os"): {"instructions": 1_100_000},
        ("2b", "i8", "M0+", "-O2"): {"instructions": 1_100_000},
        ("2b", "i4", "M4", "-Os"): {"flash": 3600},
    }
)
"""Most bytes, or instructions for one image, by network, weights, processor and optimisation."""
