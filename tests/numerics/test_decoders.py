"""Decoders of evidence over time against a literal reading of their definitions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax

from neurodyn.errors import NeurodynError
from neurodyn.numerics.decoders import DECODERS, decide
from neurodyn.seeding import numpy_generator


def draw(n=20, steps=6, classes=4, seed=0, scale=2.0):
    return scale * numpy_generator(seed, "logits").normal(size=(n, steps, classes))


def literal(x, decoder, temperature, threshold):
    """One presentation, (step, class)."""
    p = np.array([np.exp(temperature * row) / np.exp(temperature * row).sum() for row in x])
    best = int(np.argmax([row.max() for row in p]))
    if decoder == "last":
        return x[-1], len(x) - 1
    if decoder == "max_confidence":
        return x[best], best
    if decoder == "threshold":
        for t, row in enumerate(p):
            if row.max() >= threshold:
                return x[t], t
        return x[best], best
    if decoder == "time_max":
        return np.array([x[int(np.argmax(p[:, k])), k] for k in range(x.shape[1])]), len(x) - 1
    if decoder == "average":
        return sum(x) / len(x), len(x) - 1
    if decoder == "sum":
        return sum(x), len(x) - 1
    if decoder == "weighted":
        return np.array([softmax(temperature * x[:, k]) @ x[:, k] for k in range(x.shape[1])]), len(x) - 1
    return softmax(p.max(1)) @ x, len(x) - 1


@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize(("temperature", "threshold"), [(1.0, 0.9), (0.3, 0.5)])
def test_against_a_literal_reading(decoder, temperature, threshold):
    logits = draw()
    found = decide(logits, decoder, temperature=temperature, threshold=threshold)
    for row, x in enumerate(logits):
        evidence, step = literal(x, decoder, temperature, threshold)
        np.testing.assert_allclose(found.evidence[row], evidence, rtol=1e-12)
        assert found.step[row] == step and found.choice[row] == int(np.argmax(evidence))


@given(st.integers(0, 1000))
def test_a_threshold_that_is_never_reached_is_max_confidence(seed):
    never, best = (decide(draw(seed=seed), d, threshold=1.1) for d in ("threshold", "max_confidence"))
    np.testing.assert_array_equal(never.evidence, best.evidence)
    np.testing.assert_array_equal(never.step, best.step)
    assert not never.reached.any()


@given(st.sampled_from(DECODERS), st.permutations(range(6)))
def test_presentations_do_not_see_each_other(decoder, order):
    logits = draw(6)
    np.testing.assert_allclose(decide(logits, decoder).evidence[list(order)], decide(logits[list(order)], decoder).evidence, rtol=1e-12)


def test_lower_thresholds_decide_sooner():
    logits = np.cumsum(draw(50, seed=3), axis=1)
    slow, fast = (decide(logits, "threshold", threshold=t) for t in (0.9, 0.5))
    assert (fast.step <= slow.step)[slow.reached].all() and fast.step.mean() < slow.step.mean()


def test_a_window_counts_in_the_callers_steps():
    found = decide(draw(), "last", steps=np.arange(5, 11), window=(6, 9))
    assert set(found.step) == {8}


@pytest.mark.parametrize(
    ("logits", "options", "match"),
    [
        (draw(), {"decoder": "treshold"}, "did you mean `threshold`"),
        (draw(), {"window": (6, 9)}, r"window=\(0, 6\)"),
        (draw(), {"window": (3, 3)}, "holds none of the 6 steps"),
        (draw(), {"steps": np.arange(4)}, "one number a step"),
        (draw()[0], {}, "presentation, step, class"),
        (np.full((2, 3, 4), np.nan), {}, "not finite in 2 presentations"),
    ],
)
def test_bad_input(logits, options, match):
    with pytest.raises(NeurodynError, match=match):
        decide(logits, **options)
