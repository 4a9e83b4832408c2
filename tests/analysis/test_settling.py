"""Settling, turning and running away, in systems where the answer is known."""

import numpy as np
import pytest
import torch

from neurodyn.analysis import settling
from neurodyn.errors import ConfigError
from neurodyn.testing.systems import linear_network


def run(eigenvalues, **options):
    model = linear_network(eigenvalues)
    n = len(eigenvalues)
    return settling(model, {"x": torch.ones(2, n)}, model.encode(torch.zeros(1, n, 1, 1)), **options)


def test_the_four_outcomes():
    assert set(run([0.8]).outcome.values) == {"settles"}
    assert set(run([1j, -1j]).outcome.values) == {"turns"}
    assert set(run([0.99]).outcome.values) == {"slows"}  # 0.01 x 0.99^300 = 5e-4 a step: still above what counts as rest
    assert set(run([1.0, 0.99]).outcome.values) == {"slows"}  # towards a point of a line attractor
    assert set(run([0.999 * np.exp(0.5j), 0.999 * np.exp(-0.5j)]).outcome.values) == {"slows"}  # a spiral inwards
    assert set(run([1.1]).outcome.values) == {"runs away"}
    assert run([0.8]).share.values.tolist() == [1.0, 0.0, 0.0, 0.0]


def test_the_speed_in_closed_form():
    found = run([0.5], n_steps=50)
    np.testing.assert_allclose(found.speed[0, :10], 0.5 ** (np.arange(10) + 1), rtol=1e-5)
    np.testing.assert_allclose(found.relative_speed[0, :10], found.speed[0, :10], rtol=1e-5)  # the start has size 1


def test_what_leaves_the_range_of_numbers_is_kept_as_infinite():
    found = run([1e5], n_steps=80, window=10)
    assert np.isinf(float(found["size"][0, -1])) and set(found.outcome.values) == {"runs away"} and bool(np.isnan(found.settled_step).all())


def test_bad_input():
    with pytest.raises(ConfigError, match="at least as many steps"):
        run([0.5], n_steps=10)
