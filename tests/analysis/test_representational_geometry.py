"""Representational geometry over time."""

import numpy as np
import pytest

from neurodyn.analysis import representational_geometry
from neurodyn.errors import ConfigError, SchemaError
from neurodyn.schema import make_recordings


def recordings(values, ids=None):
    n, units, times = values.shape
    ids = [f"s{i}" for i in range(n)] if ids is None else ids
    return make_recordings(values, stimulus_id=ids, neuroid_id=[f"u{i}" for i in range(units)], time_bins_ms=[(10 * t, 10 * t + 10) for t in range(times)])


@pytest.fixture
def rotating():
    """The same distances at every time in other coordinates; at the last time other distances."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((10, 6))
    turns = [np.linalg.qr(rng.standard_normal((6, 6)))[0] for _ in range(3)]
    return recordings(np.stack([X, X @ turns[0], X @ turns[1], rng.standard_normal((10, 6))], axis=2))


def test_generalisation_sees_through_rotation(rotating):
    found = representational_geometry(rotating, dissimilarity="euclidean")
    assert np.allclose(found.generalisation.values[:3, :3], 1.0)
    assert (found.generalisation.values[3, :3] < 0.7).all()
    for kind, at_same in (("cka", 1.0), ("procrustes", 0.0), ("shape_distance", 0.0)):
        assert np.allclose(representational_geometry(rotating, similarity=kind).generalisation.values[:3, :3], at_same, atol=1e-6)


def test_order_of_presentations_does_not_matter(rotating):
    shuffled = rotating[np.random.default_rng(1).permutation(10)]
    assert np.allclose(representational_geometry(rotating).rdm, representational_geometry(shuffled).rdm)
    assert np.allclose(representational_geometry(rotating, shuffled).generalisation, representational_geometry(rotating).generalisation)


def test_crossnobis_uses_repetitions():
    rng = np.random.default_rng(0)
    signal = rng.standard_normal((5, 200, 1))
    noisy = recordings(np.concatenate([signal + rng.standard_normal(signal.shape) for _ in range(4)]), [f"s{i}" for i in range(5)] * 4)
    found = representational_geometry(noisy, dissimilarity="crossnobis").rdm.values
    biased = representational_geometry(noisy, dissimilarity="sqeuclidean").rdm.values
    exact = representational_geometry(recordings(signal), dissimilarity="sqeuclidean").rdm.values
    assert abs((found - exact).mean()) < 0.15 < (biased - exact).mean()


def test_bad_input(rotating):
    with pytest.raises(ConfigError, match="cka"):
        representational_geometry(rotating, similarity="ckaa")
    with pytest.raises(SchemaError, match="repetition"):
        representational_geometry(rotating, dissimilarity="crossnobis")
    with pytest.raises(SchemaError, match="share 9 of 10"):
        representational_geometry(rotating, rotating[:9])
    with pytest.raises(SchemaError, match="euclidean"):
        representational_geometry(rotating * 0)
