"""Trained decoders: they learn when to listen, and the soft stand-in has the gradient that the hard one lacks."""

import pytest
import torch

from neurodyn.errors import ConfigError, NumericsError
from neurodyn.seeding import torch_generator
from neurodyn.training.decoders import TRAINED_DECODERS, build_decoder, fit_decoder


def trial(n=300, seed=0):
    """Only step 2 of 5 is informative; the last step is confidently wrong."""
    generator = torch_generator(seed, "trial")
    labels = torch.randint(3, (n,), generator=generator)
    logits = 0.5 * torch.randn(n, 5, 3, generator=generator)
    logits[torch.arange(n), 2, labels] += 4
    logits[:, 4, 0] += 5
    return logits, labels


@pytest.mark.parametrize("name", ["learned", "mlp", "conv1d"])
def test_it_learns_which_step_to_read(name):
    logits, labels = trial()
    decoder = fit_decoder(name, logits, labels, seed=0)
    fresh, truth = trial(seed=1)
    last = float((fresh[:, -1].argmax(1) == truth).float().mean())
    assert float((decoder(fresh).argmax(1) == truth).float().mean()) > 0.9 > 0.5 > last


@pytest.mark.parametrize("name", TRAINED_DECODERS)
def test_every_weight_gets_a_gradient(name):
    decoder = build_decoder(name, 5, 3, seed=0)
    logits, labels = trial(20)
    torch.nn.functional.cross_entropy(decoder(logits), labels).backward()
    assert all(p.grad is not None and float(p.grad.abs().sum()) > 0 for p in decoder.parameters())


def test_soft_confidence_tends_to_the_step_of_highest_confidence():
    logits, _ = trial(40)
    decoder = build_decoder("soft_confidence", 5, 3, seed=0)
    decoder.sharpness = 1e4
    p = torch.softmax(decoder.beta * logits, dim=2).amax(2)
    hard = logits[torch.arange(40), p.argmax(1)]
    torch.testing.assert_close(decoder(logits), hard, rtol=1e-3, atol=1e-2)


def test_one_seed_one_decoder():
    one, two = (build_decoder("mlp", 5, 3, seed=0).state_dict() for _ in range(2))
    assert all(torch.equal(one[k], two[k]) for k in one)


def test_bad_input():
    with pytest.raises(ConfigError, match="did you mean `learned`"):
        build_decoder("learnt", 5, 3, seed=0)
    with pytest.raises(ConfigError, match="at least one step"):
        build_decoder("mlp", 0, 3, seed=0)
    with pytest.raises(NumericsError, match="one label a row"):
        fit_decoder("mlp", torch.zeros(4, 5, 3), torch.zeros(3, dtype=torch.int64), seed=0)
