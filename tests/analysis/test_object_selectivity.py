"""Selectivity, tolerance and time course of responses that are built to have them."""

import numpy as np
import pytest

import neurodyn as nd
from neurodyn.analysis.object_selectivity import object_selectivity
from neurodyn.errors import ConfigError, SchemaError
from neurodyn.experiment.shifted_objects import shifted_objects
from neurodyn.schema import make_recordings

BINS = [(t, t + 25) for t in range(-100, 300, 25)]


def recorded(profile, course, repeats=6, noise=0.0, seed=0):
    """`profile` (object, position, neuroid), `course` (neuroid, bin)."""
    n_objects, n_positions, n = profile.shape
    i, j, _ = (v.ravel() for v in np.meshgrid(np.arange(n_objects), np.arange(n_positions), np.arange(repeats), indexing="ij"))
    values = profile[i, j][:, :, None] * course + noise * np.random.default_rng(seed).standard_normal((len(i), n, len(BINS)))
    labels = {"object": [f"o{k}" for k in i], "position": [f"p{k}" for k in j]}
    shown, ids = [f"{a}@{b}" for a, b in zip(i, j, strict=True)], [f"n{k}" for k in range(n)]
    return make_recordings(values, stimulus_id=shown, neuroid_id=ids, time_bins_ms=BINS, presentation=labels)


@pytest.fixture
def known():
    """One object wherever it is; all objects; and an object that changes with the position.  The first is transient, the second sustained from 100 ms."""
    profile = np.zeros((4, 3, 3))
    profile[2, :, 0] = 1
    profile[:, :, 1] = 1
    for position, which in enumerate((0, 1, 3)):
        profile[which, position, 2] = 1
    start = np.array([a for a, _ in BINS], float)
    course = np.stack([np.where((start >= 50) & (start < 100), 1.0, 0.0), np.where(start >= 100, 1.0, 0.0), np.where(start >= 50, 1.0, 0.0)])
    return profile, course


def test_closed_forms(known):
    ds = object_selectivity(recorded(*known), window_ms=(50, 300), seed=0)
    np.testing.assert_allclose(ds.selectivity_index, [1.0, 0.0, 1 / 3], atol=1e-9)
    np.testing.assert_allclose(ds.position_tolerance[[0, 2]], [1.0, -1 / 3], atol=1e-9)
    np.testing.assert_allclose(ds.transience, [1.0, 0.0, 0.0], atol=1e-9)
    np.testing.assert_allclose(ds.latency_ms, [37.5, 87.5, 37.5], atol=1e-6)


def test_significance(known):
    ds = object_selectivity(recorded(*known, noise=0.3), window_ms=(50, 300), n_permutations=200, seed=0)
    assert ds.tuned.values.tolist()[0]
    assert ds.tuned.values.tolist()[2]
    flat = np.ones((4, 3, 300)), np.ones((300, len(BINS))) * (np.arange(len(BINS)) >= 4)
    noise = object_selectivity(recorded(*flat, noise=1.0), n_permutations=200, seed=0)
    assert 3 <= int(noise.tuned.sum()) <= 30  # 15 expected of 300


def test_model_units_see_moved_objects():
    shown = shifted_objects("digits", labels=[0, 1], shifts_px=[-2, 0, 2], image_size=16)
    model = nd.load_model("cordsnet-digits")
    bins = [(-10, 0), (0, 10), (10, 20), (20, 30)]
    r = nd.simulate(model, shown, nd.Schedule.ms(before=10, stimulus=30), nd.Record(layers="area1", neuroids=10, seed=0, bins_ms=bins))
    ds = object_selectivity(r, baseline_ms=(-10, 0), window_ms=(10, 30), seed=0)
    assert ds.sizes["neuroid"] + ds.sizes["silent_neuroid"] == 10
    assert "p_value" not in ds


@pytest.mark.parametrize(
    ("change", "kind", "says"),
    [
        ({"object": "thing"}, SchemaError, "no coord `thing`"),
        ({"window_ms": (10, 20)}, ConfigError, "no time bin"),
        ({"baseline_ms": (-500, -400)}, ConfigError, "no time bin"),
    ],
)
def test_bad_input(known, change, kind, says):
    with pytest.raises(kind, match=says):
        object_selectivity(recorded(*known), **change, seed=0)


def test_a_missing_condition(known):
    r = recorded(*known)
    with pytest.raises(SchemaError, match="never at position"):
        object_selectivity(r.isel(presentation=slice(0, -6)), seed=0)


def test_unknown_labels():
    with pytest.raises(ConfigError, match="known labels"):
        shifted_objects("digits", labels=[11])
