import numpy as np
import pytest

from neurodyn.errors import ConfigError, SchemaError
from neurodyn.numerics.reliability import explainable_variance
from neurodyn.schema import check_recordings, make_responses
from neurodyn.testing import synthetic_recording


def model(n=100, p=8, bins=1):
    x = np.random.default_rng(0).normal(size=(n, p, bins))
    return make_responses(x, stimulus_coords={"stimulus_id": np.arange(n)}, neuroid_coords={"neuroid_id": np.arange(p)}, step=np.arange(bins), dt_ms=10.0)


@pytest.mark.parametrize(("noise", "tolerance"), [("gaussian", 1e-9), ("poisson", 0.02)])
def test_explainable_variance_is_what_was_asked_for(noise, tolerance):
    r = synthetic_recording(model(), n_neuroids=5, n_repeats=6, explainable_variance=0.6, noise=noise, seed=0)
    check_recordings(r, where="test")
    np.testing.assert_allclose(r.explainable_variance, 0.6, atol=tolerance)
    assert r.shape == (600, 5, 1)


@pytest.mark.parametrize("noise", ["gaussian", "poisson"])
def test_truth_lies_in_the_interval_as_often_as_it_says(noise):
    """200 draws of recordings, each with its own interval; 92 to 98 of 100 must hold the truth."""
    m = model(n=60)
    inside = []
    for seed in range(10):
        r = synthetic_recording(m, n_neuroids=20, n_repeats=6, explainable_variance=0.6, noise=noise, seed=seed)
        values = r.values.reshape(6, 60, 20).transpose(1, 0, 2)
        ev = explainable_variance(values)
        inside.append((ev.low <= r.explainable_variance.values[:, 0]) & (r.explainable_variance.values[:, 0] <= ev.high))
    assert 184 <= np.sum(inside) <= 196


def test_same_seed_same_recording_and_latency_shifts_it():
    m = model(bins=8)
    a, b = (synthetic_recording(m, seed=3, latency_ms=0) for _ in range(2))
    assert a.identical(b)
    late = synthetic_recording(m, n_neuroids=4, n_repeats=1, explainable_variance=0.999, latency_ms=20, seed=3)
    now = synthetic_recording(m, n_neuroids=4, n_repeats=1, explainable_variance=0.999, seed=3)
    for k in range(4):
        assert np.corrcoef(late.values[:, k, 4], now.values[:, k, 2])[0, 1] > 0.97


@pytest.mark.parametrize(
    ("kwargs", "error", "match"),
    [
        ({"explainable_variance": 1.0}, ConfigError, "between 0 and 1"),
        ({"noise": "gausian"}, ConfigError, "did you mean `gaussian`"),
        ({"n_repeats": 0}, ConfigError, "1 or more"),
    ],
)
def test_bad_input(kwargs, error, match):
    with pytest.raises(error, match=match):
        synthetic_recording(model(), seed=0, **kwargs)


def test_constant_activity_is_refused():
    with pytest.raises(SchemaError, match="constant over stimuli"):
        synthetic_recording(model() * 0 + 1, seed=0)
    with pytest.raises(SchemaError, match="bins in ms"):
        synthetic_recording(model().drop_vars(["time_bin_start", "time_bin_end"]), seed=0)
