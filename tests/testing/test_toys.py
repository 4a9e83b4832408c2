"""The toys simulate, and behave as their equations say."""

import numpy as np
import pytest
import torch

import neurodyn as nd
from neurodyn.dynamics.check import probe_frames
from neurodyn.schema import make_stimuli
from neurodyn.testing.toys import TOYS


@pytest.mark.parametrize("name", TOYS)
def test_every_toy_simulates_the_same_in_any_batch(name):
    model = TOYS[name]()
    stimuli = make_stimuli(probe_frames(model, n_rows=5).numpy())
    schedule = nd.Schedule.steps(before=1, stimulus=3, after=1)
    whole = nd.simulate(model, stimuli, schedule, nd.Record(layers=(*model.layers, "readout")), seed=1)
    parts = nd.simulate(model, stimuli, schedule, nd.Record(layers=(*model.layers, "readout")), batch_size=2, seed=1)
    np.testing.assert_allclose(whole.values, parts.values, rtol=1e-5, atol=1e-6)
    assert np.isfinite(whole.values).all()


def _jacobian(model):
    """The one-step Jacobian over all phase keys at rest, by autograd."""
    model = model.double()
    drive = model.encode(model.blank[None])
    state = model.initial_state(drive)
    sizes = [state[k].numel() for k in model.phase]

    def step(flat):
        parts = dict(zip(model.phase, flat.split(sizes), strict=True))
        new = model.step({k: parts[k].reshape(v.shape) if k in parts else v for k, v in state.items()}, drive)
        return torch.cat([new[k].flatten() for k in model.phase])

    return torch.autograd.functional.jacobian(step, torch.cat([state[k].flatten() for k in model.phase])).numpy()


@pytest.mark.parametrize("name", ["complex_state", "delay_line", "halting_accumulator", "moving_gaze", "noisy_leak"])
def test_eigenvalues_are_those_stated(name):
    model = TOYS[name]()
    found, wanted = np.linalg.eigvals(_jacobian(model)), model.truth["eigenvalues"]
    assert len(found) == len(wanted)
    assert max(np.abs(found - w).min() for w in wanted) < 1e-6  # weights are float32
    np.testing.assert_allclose(np.sort(np.abs(found)), np.sort(np.abs(wanted)), atol=1e-6)


def test_halted_rows_stay():
    model = TOYS["halting_accumulator"]()
    frames = np.stack([np.full((4, 1, 1), v) for v in (0.0, 1.0)])
    x = nd.simulate(model, make_stimuli(frames), nd.Schedule.steps(stimulus=12), nd.Record(layers="x")).values[:, 0]
    halted = [int(np.argmax(np.isclose(row[1:], row[:-1]) & (row[1:] > 0))) if row.max() > 0 else 3 for row in x]
    assert (x[1, halted[1] :] == x[1, -1]).all()
    assert 0 < halted[1] < 6


def test_noise_has_its_variance():
    model = TOYS["noisy_leak"]()
    stimuli = make_stimuli(np.zeros((400, 3, 1, 1)))
    last = nd.simulate(model, stimuli, nd.Schedule.steps(stimulus=25), nd.Record(steps="last"), batch_size=400, seed=0).values
    assert abs(last.var() / model.truth["variance"] - 1) < 0.12  # 1200 draws: standard error 4 %
