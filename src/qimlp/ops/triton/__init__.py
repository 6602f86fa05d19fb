"""Fused GPU kernels in Triton."""
