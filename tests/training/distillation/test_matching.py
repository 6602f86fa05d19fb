"""What is matched, and by which loss: the right values."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from qimlp.training import distill
from qimlp.training.distillation.matching import MatchedNetwork
from qimlp.training.distillation.matching_loss import MatchingLoss

HIDDEN = torch.arange(24.0).view(2, 3, 4)
LOGITS = torch.arange(4.0).view(2, 2)
MASK = torch.tensor([[1, 1, 0], [1, 0, 0]])


class Answering(nn.Module):
    def __init__(self, output):
        super().__init__()
        self.output = output

    def forward(self, **_):
        return self.output


def matched(output, match="auto", outputs=None, **batch):
    return MatchedNetwork(Answering(output), match, outputs)({"x": torch.zeros(2), **batch})


def test_what_is_matched():
    encoded = SimpleNamespace(last_hidden_state=HIDDEN, pooler_output=LOGITS)
    attended = HIDDEN[[0, 0, 1], [0, 1, 0]]
    assert torch.equal(matched(encoded, attention_mask=MASK), attended)
    assert torch.equal(matched(encoded), HIDDEN.view(6, 4))
    means = torch.stack((HIDDEN[0, :2].mean(0), HIDDEN[1, 0]))
    assert torch.equal(matched(encoded, "embedding", attention_mask=MASK), means)
    classified = {"logits": LOGITS, "last_hidden_state": HIDDEN}
    assert torch.equal(matched(classified, attention_mask=MASK), LOGITS)
    assert torch.equal(matched(classified, "hidden", attention_mask=MASK), attended)
    assert torch.equal(matched(LOGITS), LOGITS)
    assert torch.equal(matched((LOGITS, HIDDEN)), LOGITS)
    assert torch.equal(matched(LOGITS, "embedding"), LOGITS)
    assert torch.equal(matched(HIDDEN.view(2, 3, 2, 2)), HIDDEN.view(2, 12))
    assert torch.equal(matched(torch.arange(2.0)), torch.tensor([[0.0], [1.0]]))
    chosen = matched(encoded, outputs=lambda output, batch: output.pooler_output + batch["x"][0])
    assert torch.equal(chosen, LOGITS)


def test_outputs_are_not_taken_for_hidden_states():
    assert torch.equal(matched(HIDDEN, "hidden"), HIDDEN.view(6, 4))
    with pytest.raises(TypeError, match=r"hidden: expected hidden states .* got .* shape \(2, \d"):
        matched(LOGITS, "hidden")


def test_the_losses():
    generator = torch.Generator().manual_seed(0)
    given, wanted = torch.randn(2, 5, 4, generator=generator, dtype=torch.float64)
    mse = MatchingLoss("mse", unit=0.5).loss(given, wanted)
    assert float(mse) == pytest.approx(float((given - wanted).square().mean() * 2))
    soft = (wanted / 3).softmax(1)
    entropy = -(soft * soft.log()).sum(1).mean()
    divergence = 9 * (cross_entropy(given / 3, soft) - entropy)
    assert float(MatchingLoss("kl", 3.0).loss(given, wanted)) == pytest.approx(float(divergence))
    cosine = (given * wanted).sum(1) / given.norm(dim=1) / wanted.norm(dim=1)
    assert float(MatchingLoss("cosine").loss(given, wanted)) == pytest.approx(
        float(1 - cosine.mean())
    )


def test_an_evaluation_weighs_every_row_alike():
    loss = MatchingLoss("mse")
    tally = loss.tally(torch.device("cpu"))
    given, wanted = torch.randn(2, 10, 4, generator=torch.Generator().manual_seed(0))
    for part in (slice(0, 7), slice(7, 10)):
        tally.add(given[part], wanted[part])
    found = tally.evaluation(tally.sums())
    assert found.examples == 10
    assert found.metrics["loss"] == pytest.approx(float(loss.loss(given, wanted)))
    with pytest.raises(ValueError, match="at least one batch"):
        loss.tally(torch.device("cpu")).evaluation([torch.zeros(2)])


@pytest.mark.parametrize("match", ["hidden", "embedding"])
@pytest.mark.parametrize("loss", ["mse", "cosine"])
def test_an_encoder_learns_from_batches_of_texts(match, loss):
    transformers = pytest.importorskip("transformers")
    config = transformers.BertConfig(
        vocab_size=20,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
    )
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        teacher, student = (transformers.BertModel(config) for _ in range(2))
        tokens = torch.randint(0, 20, (4, 8, 6))
    mask = (torch.arange(6) < torch.arange(1, 9).clamp_max(6)[:, None]).long()
    batches = [transformers.BatchEncoding({"input_ids": t, "attention_mask": mask}) for t in tokens]
    pooler = student.pooler.dense.weight.clone()
    found = distill(student, teacher, batches, steps=60, lr=0.01, match=match, loss=loss)
    assert found.after < 0.3 * found.before
    assert torch.equal(student.pooler.dense.weight, pooler)
