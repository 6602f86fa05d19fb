"""A run folder's network of texts may be anybody's."""

import pytest

from qimlp.models import TextNetwork, check_encoder_config

HEAD = {"kind": "mlp", "widths": [16, 2]}


def test_what_is_accepted():
    check_encoder_config(
        {"model_type": "bert", "auto_map": {}, "attn_implementation": "sdpa"}, "here"
    )


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("num_hidden_layers", 10**6),
        ("hidden_size", 2**40),
        ("vocab_size", 10**4000),
        ("n_layer", 9999),
    ],
)
def test_sizes_that_would_fill_the_memory(key, value):
    check_encoder_config({"model_type": "bert", key: 12, "model_max_length": 10**30}, "here")
    with pytest.raises(ValueError, match=f"^here: expected a {key} of at most .*, got ") as caught:
        check_encoder_config({"text_config": {key: value}}, "here")
    assert len(str(caught.value)) < 200


def test_deep_settings_are_refused_without_recursion():
    value: dict = {}
    for _ in range(10_000):
        value = {"a": value}
    with pytest.raises(ValueError, match="here: .* too deep a nesting"):
        check_encoder_config(value, "here")


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
