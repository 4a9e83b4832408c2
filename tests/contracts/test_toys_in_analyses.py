"""Every toy and every system goes through eigenspectrum and fixed points, with no special case in either."""

import numpy as np
import pytest

import neurodyn as nd
from neurodyn.analysis import eigenspectrum, fixed_points
from neurodyn.schema import make_stimuli
from neurodyn.testing import systems
from neurodyn.testing.toys import TOYS

SYSTEMS = {n: getattr(systems, n) for n in ("rotation", "saddle", "line_attractor", "ring_attractor", "limit_cycle", "lorenz", "flip_flop", "hopfield")}
EXACT = ("complex_state", "delay_line", "halting_accumulator", "moving_gaze", "noisy_leak", "rotation", "saddle", "line_attractor")


@pytest.mark.parametrize("name", [*TOYS, *SYSTEMS])
def test_eigenspectrum_and_fixed_points(name):
    model = (TOYS | SYSTEMS)[name]()
    stimuli = make_stimuli(model.blank.numpy()[None])
    state, drive = nd.state_at(model, stimuli, nd.Schedule.steps(stimulus=1))
    found = eigenspectrum(model, state, drive, n_modes=2, seed=0)
    assert found.converged.all()
    if name in EXACT:
        truth = np.abs(model.truth["eigenvalues"])
        np.testing.assert_allclose(np.abs(found.eigenvalue.values).max(), truth.max(), atol=1e-4)
    points = fixed_points(model, state, drive, seed=0)
    assert "speed" in points
