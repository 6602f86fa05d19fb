"""Small models to compress, in float64, whose layers are of low rank where that is asked for."""

import pytest
import torch
from torch import nn

RANK = 2


def cut(model, rank=RANK):
    """Make the weight of every layer one of that rank."""
    with torch.no_grad():
        for module in model.modules():
            if isinstance(getattr(module, "weight", None), nn.Parameter) and module.weight.ndim > 1:
                if isinstance(module, nn.Embedding):
                    continue
                matrix = module.weight.flatten(1)
                left, sizes, right = torch.linalg.svd(matrix, full_matrices=False)
                matrix.copy_((left[:, :rank] * sizes[:rank]) @ right[:rank])
                if module.bias is not None:
                    module.bias.copy_(torch.linspace(-1, 1, len(module.bias)))
    return model


def mlp():
    return nn.Sequential(
        nn.Linear(12, 16), nn.Tanh(), nn.Sequential(nn.Linear(16, 16), nn.Tanh()), nn.Linear(16, 8)
    ), vectors()


def convolutional():
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.ELU(inplace=True), nn.Conv2d(8, 12, 1), nn.Flatten(2)
    )
    made = torch.Generator().manual_seed(0)
    images = torch.randn(24, 3, 6, 6, dtype=torch.float64, generator=made)
    return model, list(images.split(8))


def bert():
    transformers = pytest.importorskip("transformers")
    config = transformers.BertConfig(
        vocab_size=20,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
    )
    return transformers.BertModel(config), texts()


def gpt2():
    transformers = pytest.importorskip("transformers")
    config = transformers.GPT2Config(vocab_size=20, n_embd=16, n_layer=2, n_head=2, n_positions=16)
    return transformers.GPT2Model(config), texts()


def t5():
    transformers = pytest.importorskip("transformers")
    config = transformers.T5Config(
        vocab_size=20, d_model=16, d_kv=8, d_ff=32, num_layers=2, num_heads=2
    )
    batches = [{**batch, "decoder_input_ids": batch["input_ids"][:, :4]} for batch in texts()]
    return transformers.T5Model(config), batches


MODELS = {each.__name__: each for each in (mlp, convolutional, bert, gpt2, t5)}


def vectors(seed=0):
    made = torch.Generator().manual_seed(seed)
    return list(torch.randn(96, 12, dtype=torch.float64, generator=made).split(32))


def texts(seed=0):
    """Texts of 20 kinds of tokens; the batches differ in length, and most texts are padded."""
    made = torch.Generator().manual_seed(seed)
    given = []
    for length in (8, 10, 6):
        lengths = torch.randint(2, length + 1, (16,), generator=made)
        mask = (torch.arange(length) < lengths[:, None]).long()
        given.append(
            {
                "input_ids": torch.randint(20, (16, length), generator=made) * mask,
                "attention_mask": mask,
            }
        )
    return given


def made(name):
    """A model in training mode and batches for it."""
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        model, batches = MODELS[name]()
    return model.double().train(), batches


def outputs(model, batches):
    """The model's outputs for the tokens that are no padding, in evaluation."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    found = []
    with torch.no_grad():
        for batch in batches:
            if isinstance(batch, dict):
                hidden = model(**batch, use_cache=False) if _caches(model) else model(**batch)
                hidden = hidden.last_hidden_state
                mask = batch["attention_mask"][:, : hidden.shape[1]].bool()
                found.append(hidden[mask])
            else:
                found.append(model(batch.clone()).flatten(1))
    for module, mode in modes:
        module.training = mode
    return torch.cat([each.flatten() for each in found])


def _caches(model):
    return getattr(model.config, "use_cache", False)
