"""`qimlp reproduce`: the paper's evaluation."""

from qimlp.cli.reproduce.command import reproduce_command

__all__ = ["reproduce_command"]
