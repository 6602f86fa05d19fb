"""The settings of a run, recipes, and settings files."""

from qimlp.settings.compute import MOST_THREADS, ComputeSettings
from qimlp.settings.data import DataSettings
from qimlp.settings.features import FeatureSettings
from qimlp.settings.group import SettingsGroup
from qimlp.settings.names import NEW_NAMES, OLD_NAMES
from qimlp.settings.network import NetworkSettings, parse_dims
from qimlp.settings.optimisation import OptimisationSettings
from qimlp.settings.recipes import RECIPES, epochs_by_rows
from qimlp.settings.resolve import resolve_settings
from qimlp.settings.settings_file import read_settings_file
from qimlp.settings.suggestions import unknown_name
from qimlp.settings.tables import SMALL_ROWS, TABLE_DIMS, table_recipe
from qimlp.settings.train_settings import FIELDS, GROUPS, TrainSettings

__all__ = [
    "FIELDS",
    "GROUPS",
    "MOST_THREADS",
    "NEW_NAMES",
    "OLD_NAMES",
    "RECIPES",
    "SMALL_ROWS",
    "TABLE_DIMS",
    "ComputeSettings",
    "DataSettings",
    "FeatureSettings",
    "NetworkSettings",
    "OptimisationSettings",
    "SettingsGroup",
    "TrainSettings",
    "epochs_by_rows",
    "parse_dims",
    "read_settings_file",
    "resolve_settings",
    "table_recipe",
    "unknown_name",
]
