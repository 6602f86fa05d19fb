"""A run folder's network of texts may be anybody's."""

import pytest

from qimlp.models import TextNetwork, refuse_code

HEAD = {"kind": "mlp", "widths": [16, 2]}


def test_what_is_accepted():
    refuse_code({"model_type": "bert", "auto_map": {}, "attn_implementation": "sdpa"}, "here")


def test_deep_settings_are_refused_without_recursion():
    value: dict = {}
    for _ in range(10_000):
        value = {"a": value}
    with pytest.raises(ValueError, match="here: .* too deep a nesting"):
        refuse_code(value, "here")


@pytest.mark.parametrize("model_type", ["bert", "evil"])
def test_a_text_network_asks_for_no_code(model_type, monkeypatch):
    pytest.importorskip("transformers")
    monkeypatch.setattr("builtins.input", lambda *_: "y")
    config = {"model_type": model_type, "auto_map": {"AutoModel": "someone/evil--model.Model"}}
    with pytest.raises(ValueError, match="of a text network: its auto_map asks for Python code"):
        TextNetwork(config, HEAD)


@pytest.mark.parametrize("config", [{}, {"model_type": "evil"}, {"model_type": ["bert"]}])
def test_an_unknown_encoder_is_one_short_line(config):
    pytest.importorskip("transformers")
    with pytest.raises(ValueError, match="an encoder that transformers knows, got") as caught:
        TextNetwork(config, HEAD)
    assert len(str(caught.value)) < 300
