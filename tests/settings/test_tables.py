"""The recipe of the network for tables, by the size of the table."""

import pytest

from qimlp.settings import FIELDS, resolve_settings, table_recipe


@pytest.mark.parametrize(
    "task", ["classification", "multi-label", "regression", "quantile-regression"]
)
def test_larger_tables_get_more_steps_of_more_rows_and_less_regularisation(task):
    recipes = [table_recipe(rows, 20, task=task) for rows in (1, 600, 601, 2_501, 12_001, 10**6)]
    for name in ("steps", "batch_size", "embedding_dim"):
        values = [recipe[name] for recipe in recipes]
        assert values == sorted(values)
    for name in ("dropout", "weight_decay", "linear_skip"):
        values = [recipe[name] for recipe in recipes]
        assert values == sorted(values, reverse=True)


def test_every_part_is_a_setting():
    recipe = table_recipe(1_000, 5, task="regression")
    assert recipe.keys() <= FIELDS.keys()
    assert resolve_settings({"data": "x", "model": "table", **recipe}).steps == 900


def test_numbers_and_tables_of_few_columns_are_learned_without_dropout():
    assert table_recipe(5_000, 11, task="classification")["dropout"] > 0
    assert table_recipe(5_000, 10, task="classification")["dropout"] == 0
    assert table_recipe(1_000, 20, task="regression")["dropout"] == 0
    assert table_recipe(1_000, 20, task="quantile-regression")["dropout"] > 0
    few = [table_recipe(5_000, columns, task="quantile-regression") for columns in (5, 20)]
    assert few[0] == few[1]


def test_small_tables_have_small_layers_and_many_columns_have_large_ones():
    sizes = [
        table_recipe(rows, columns, task="classification")["dims"][0]
        for rows, columns in ((600, 60), (601, 49), (601, 50))
    ]
    assert sizes == [(8, 8), (8, 16), (16, 16)]


def test_small_tables_with_little_noise_are_regularised_less():
    noisy, plain = (
        table_recipe(300, 10, task="regression", explained=r2)["dropout"] for r2 in (0.5, 0.7)
    )
    assert noisy > plain
    assert table_recipe(300, 10, task="classification", explained=0.7)["dropout"] == noisy
    assert table_recipe(601, 10, task="regression", explained=0.7)["steps"] == 900
