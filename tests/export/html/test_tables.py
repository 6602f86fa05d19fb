"""Pages of tables: columns of any kind, networks for tables, and the form's ranges."""

import numpy as np
import pytest
import torch
from torch import nn

from qimlp.data import Scaling, TableFeatures
from qimlp.export.html import to_html
from qimlp.export.html.columns import raw_values
from qimlp.models import MLP, TableNetwork
from qimlp.predictor import Features, Predictor
from qimlp.tasks import Classification, MultiLabel, Regression
from tests.export.html.pages import answers, read


def rows(count=60):
    pandas = pytest.importorskip("pandas")
    random = np.random.default_rng(0)
    size = random.normal(50, 10, count)
    size[::7] = np.nan
    return pandas.DataFrame(
        {
            "size": size,
            "colour": random.choice(["red", "green", 'bl"ue</script>', None], count),
            "constant": np.ones(count),
            "rare": (np.arange(count) % 10 == 0).astype(float),
            "floor": random.integers(0, 4, count),
        }
    )


def subject(task=None, *, categorical="from_dtype", columns=None, network=None, **config):
    frame = rows() if columns is None else rows()[columns]
    table = TableFeatures.fit(frame, categorical=categorical)
    task = task or Classification(("a", "b", "c"))
    network = network or TableNetwork(
        table.num_numbers, table.cardinalities, task.num_outputs, combine=task.combine, **config
    )
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.4)
    width = table.in_features
    return Predictor(
        network=network.eval(),
        task=task,
        features=Features(table=table),
        scaling=Scaling("none", width, (0.0,), (1.0,)),
        feature_shape=(width,),
    )


SUBJECTS = {
    "defaults": dict,
    "one member, which is residual": lambda: {
        "members": 1,
        "embedding_dim": 4,
        "hidden": ((5, 4), (5, 4)),
        "frequencies": 3,
    },
    "ranks and a linear skip": lambda: {"rank": 3, "linear_skip": True, "hidden": ((3, 5), (2, 7))},
    "another activation": lambda: {"activation": "silu", "members": 2},
    "categories alone": lambda: {"columns": ["colour"]},
    "numbers alone": lambda: {"columns": ["size", "rare"], "linear_skip": True},
    "categories that are numbers": lambda: {"categorical": ["floor", "colour"]},
    "values": lambda: {"task": Regression(("y", "z"), (5.0, -1.0), (2.0, 100.0))},
    "labels": lambda: {"task": MultiLabel(("p", "q"))},
    "a network of layers": lambda: {"network": MLP([5, 5, 3]).eval()},
}


@pytest.mark.parametrize("make", SUBJECTS.values(), ids=SUBJECTS)
def test_they_answer_what_torch_answers(make, tmp_path):
    settings = make()
    made = subject(**settings)
    frame = rows()[settings.get("columns", list(rows().columns))]
    table = made.features.table
    raw = raw_values(table, (), frame)
    if "colour" in table.names:
        raw[3, table.names.index("colour")] = np.nan  # chosen: other or unknown
        frame.loc[3, "colour"] = None
    if "size" in table.names:
        raw[4, 0] = frame.loc[4, "size"] = -1e300
    to_html(made, tmp_path / "page", examples=frame)
    with torch.inference_mode():
        expected = made.task.answers(made.network.double()(table.apply(frame).double())).numpy()
    found = answers(tmp_path / "page", raw)
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


def test_fields_go_by_the_examples(tmp_path):
    made = subject()
    frame = rows()
    to_html(made, tmp_path / "page", examples=frame)
    page, *_ = read(tmp_path / "page")
    size, colour, rare, floor = page["fields"]
    known = frame["size"].dropna()
    assert known.min() - 1 <= size["min"] <= np.quantile(known, 0.02)
    assert np.quantile(known, 0.98) <= size["max"] <= known.max() + 1
    assert abs(size["value"] - known.median()) < 1
    assert size["step"] == 0.1
    assert colour["options"] == sorted(["red", "green", 'bl"ue</script>'])
    assert (rare["min"], rare["max"], rare["value"]) == (0, 1, 0)
    assert (floor["min"], floor["max"], floor["step"]) == (0, 3, 1)
    assert page["examples"][0][0] is None
    assert page["examples"][1] == [
        frame["size"][1], colour["options"].index(frame["colour"][1]) + 1, 0.0, frame["floor"][1],
    ]  # fmt: skip


def test_fields_go_by_the_scaling_where_there_are_no_examples(tmp_path):
    made = subject(columns=["size"])
    report = to_html(made, tmp_path / "page")
    (size,) = read(tmp_path / "page")[0]["fields"]
    (centre,), (scale,) = made.features.table.scaling.centre, made.features.table.scaling.scale
    assert size["min"] == pytest.approx(centre - 2 * scale, abs=0.1)
    assert size["max"] == pytest.approx(centre + 2 * scale, abs=0.1)
    assert size["value"] == pytest.approx(centre, abs=0.1)
    assert "without examples" in report.notes[0]


def test_dates_and_texts_are_refused(tmp_path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"when": pandas.date_range("2020-01-01", periods=50, freq="17h")})
    table = TableFeatures.fit(frame)
    made = Predictor(
        network=TableNetwork(table.num_numbers, table.cardinalities, 2).eval(),
        task=Classification(("a", "b")),
        features=Features(table=table),
        scaling=Scaling("none", table.in_features, (0.0,), (1.0,)),
        feature_shape=(table.in_features,),
    )
    with pytest.raises(ValueError, match="column 'when': expected numbers and categories"):
        to_html(made, tmp_path / "page")
    assert list(tmp_path.iterdir()) == []
