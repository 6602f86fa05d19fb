"""The main job on real MNIST: quick here, the promised accuracy on request (`-m slow`)."""

import statistics

import pytest

from qimlp.training import fit, resolve_settings

pytestmark = pytest.mark.needs_data


def run(folder, out, **changes):
    """Train on the data folder that the environment names."""
    return fit(
        resolve_settings(
            {"data": "mnist", "model": "2b", "data_dir": str(folder.parent), **changes}
        ),
        out=out,
    )


@pytest.mark.parametrize("real_data", ["mnist"], indirect=True)
def test_one_epoch_learns(real_data, tmp_path):
    result = run(real_data, tmp_path / "run", epochs=1)
    assert result.parameters == 3_451
    assert result.dense_parameters == 1_238_730
    assert result.dev["accuracy"] > 0.93
    assert result.test["accuracy"] > 0.93


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("real_data", ["mnist"], indirect=True)
def test_twenty_epochs_reach_the_promised_accuracy(real_data, tmp_path):
    accuracies = [
        run(real_data, tmp_path / f"seed-{seed}", seed=seed).test["accuracy"] for seed in range(3)
    ]
    assert statistics.mean(accuracies) >= 0.978
