"""The settings of a run, recipes, and settings files."""

from qimlp.settings.recipes import RECIPES
from qimlp.settings.settings_file import read_settings_file
from qimlp.settings.train_settings import MOST_THREADS, TrainSettings, parse_dims, resolve_settings

__all__ = [
    "MOST_THREADS",
    "RECIPES",
    "TrainSettings",
    "parse_dims",
    "read_settings_file",
    "resolve_settings",
]
