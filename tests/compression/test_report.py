"""The report of a compression: totals, text, JSON, figure."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from qimlp.compression import (
    CompressionConfig,
    CompressionReport,
    LayerReport,
    LeftAlone,
    find_targets,
)
from qimlp.compression.replacement import replacement
from qimlp.compression.swap import swap_


@pytest.fixture
def report() -> CompressionReport:
    return CompressionReport(
        layers=(
            LayerReport(
                name="encoder.0.query",
                kind="Linear",
                form="low_rank",
                in_dims=(1, 384),
                out_dims=(384, 1),
                rank=48,
                parameters_before=147_840,
                parameters_after=37_248,
                error=0.25,
                tuned_error=0.125,
                weight_error=0.5,
                predicted_speed=2.5,
                measured_speed=2.25,
            ),
            LayerReport(
                name="encoder.0.output",
                kind="Linear",
                form="kronecker",
                in_dims=(16, 24),
                out_dims=(24, 16),
                rank=16,
                parameters_before=147_840,
                parameters_after=12_672,
                predicted_speed=1.2,
                measured_speed=0.75,
            ),
            LayerReport(
                name="head",
                kind="Linear",
                form="dense",
                in_dims=(384,),
                out_dims=(2,),
                rank=None,
                parameters_before=770,
                parameters_after=770,
            ),
        ),
        left_alone=(LeftAlone("decoder", "Linear", "its weight is tied to embedding"),),
        model_parameters_before=1_000_000,
        model_parameters_after=754_240,
        notes=("the candidates were tuned for 60 steps",),
        speed_rows=256,
    )


def test_totals_and_shares(report: CompressionReport) -> None:
    assert report.parameters_before == 296_450
    assert report.parameters_after == 50_690
    assert report.ratio == 296_450 / 50_690
    assert [layer.share for layer in report.layers] == [
        37_248 / 50_690,
        12_672 / 50_690,
        770 / 50_690,
    ]
    assert [layer.name for layer in report.replaced] == ["encoder.0.query", "encoder.0.output"]


def test_measurement_decides_what_is_not_faster(report: CompressionReport) -> None:
    assert [layer.name for layer in report.not_faster] == ["encoder.0.output"]


def test_text_says_everything_and_a_dash_for_what_is_unknown(report: CompressionReport) -> None:
    lines = str(report).splitlines()
    assert " ".join(lines[0].split()[:8]) == "layer kind form dims rank before after share"
    first = "encoder.0.query Linear low_rank 1x384->384x1 48 147,840 37,248 73.5%"
    assert " ".join(lines[1].split()) == f"{first} 0.2500 0.1250 0.5000 2.50x 2.25x"
    assert " ".join(lines[3].split()) == "head Linear dense 384->2 - 770 770 1.5% - - - - -"
    assert lines[4:] == [
        "",
        "3 layers, 1 of them dense still: 296,450 -> 50,690 parameters, 5.848x fewer",
        "Whole model: 1,000,000 -> 754,240 parameters, 1.326x fewer",
        "Error: of a layer's outputs over those wanted, on the calibration data; where layers are "
        "fitted in turn, wanted is what the dense layer makes of inputs half-way between the "
        "original model's and those that the new layers before let through.",
        "Speed: time of the dense layer over that of the new one at 256 rows of input; above 1 "
        "is faster.",
        "No faster than dense: encoder.0.output",
        "Left alone: decoder (Linear): its weight is tied to embedding",
        "Note: the candidates were tuned for 60 steps",
    ]


def test_report_without_layers_says_so() -> None:
    assert CompressionReport().ratio is None
    assert str(CompressionReport()) == "No layer was replaced."


def test_restore_puts_back_dense_layers_that_compute_the_same(report: CompressionReport) -> None:
    dense = nn.Sequential(nn.Linear(6, 4), nn.ReLU(), nn.Linear(4, 2)).double()
    (first, _), _ = find_targets(dense, CompressionConfig(ratio=2))
    factors = [torch.randn(1, 2, 3).double(), torch.randn(1, 2, 2).double()]
    swap_(dense, {"0": replacement(first, factors, torch.randn(4).double())})
    x = torch.randn(5, 6).double()
    expected = dense(x)
    assert report.restore(dense) == ["0"]
    assert type(dense[0]) is nn.Linear
    torch.testing.assert_close(dense(x), expected, rtol=1e-12, atol=1e-12)


def test_json_round_trip(report: CompressionReport) -> None:
    assert CompressionReport.from_dict(json.loads(report.to_json())) == report


def test_number_that_is_not_finite_is_unknown_in_json() -> None:
    layer = LayerReport(
        name="a",
        kind="Linear",
        form="dense",
        in_dims=(2,),
        out_dims=(2,),
        rank=None,
        parameters_before=4,
        parameters_after=4,
        error=float("nan"),
    )
    assert layer.to_dict()["error"] is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("ratio", 9.0), "ratio: expected 5.84"),
        (("notes", [3]), "notes: expected a text, got 3"),
        (("layers", {}), "layers: expected a list, got {}"),
        (("left_alone", [{"name": "a", "kind": "b"}]), "reason is missing"),
        (("speed_rows", -1), "speed_rows: expected a whole number of 0 or more, got -1"),
        (("surprise", 1), "unknown key 'surprise'"),
    ],
)
def test_foreign_json_is_refused(
    report: CompressionReport, change: tuple[str, Any], message: str
) -> None:
    values = report.to_dict() | dict([change])
    with pytest.raises(ValueError, match=message):
        CompressionReport.from_dict(values)


@pytest.mark.parametrize(
    ("field", "value"),
    [("form", "sparse"), ("in_dims", 384), ("rank", 1.5), ("error", "small"), ("share", True)],
)
def test_foreign_layer_is_refused(report: CompressionReport, field: str, value: Any) -> None:
    values = report.layers[0].to_dict() | {field: value}
    with pytest.raises(ValueError, match=f"{field}: expected"):
        LayerReport.from_dict(values)


def test_figure_is_a_png_of_every_layer(report: CompressionReport, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    report.figure(tmp_path / "report.png")
    assert (tmp_path / "report.png").read_bytes().startswith(b"\x89PNG")
    assert [path.name for path in tmp_path.iterdir()] == ["report.png"]


def test_figure_of_no_layers_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    with pytest.raises(ValueError, match="expected a report with layers"):
        CompressionReport().figure(tmp_path / "report.png")
    assert not list(tmp_path.iterdir())
