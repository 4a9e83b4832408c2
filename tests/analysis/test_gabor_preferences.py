"""Preferences come out of responses to images, whatever the images."""

import numpy as np
import pytest

from neurodyn.analysis.gabor_preferences import gabor_preferences
from neurodyn.errors import ConfigError, SchemaError
from neurodyn.schema import make_recordings, make_stimuli


@pytest.fixture(scope="module")
def seen():
    """Noise images, and neurons that sum the energy at one orientation and frequency each; the last one sees nothing."""
    rng = np.random.default_rng(0)
    images = rng.random((300, 1, 32, 32)).astype(np.float32)
    spectrum = np.abs(np.fft.fft2(images[:, 0] - images[:, 0].mean((1, 2), keepdims=True)))
    v, u = np.meshgrid(np.fft.fftfreq(32), np.fft.fftfreq(32), indexing="ij")
    angle, radius = np.rad2deg(np.arctan2(-v, u)) % 180, np.hypot(u, v)  # of the wave, rows count downwards
    wanted = ((0, 0.25), (45, 0.125), (135, 0.25))
    near = [(np.abs((angle - bars) % 180 - 90) < 15) & (np.abs(np.log2(radius.clip(1e-3) / f)) < 0.5) for bars, f in wanted]
    values = np.stack([np.sqrt(np.square(spectrum[:, m]).mean(1)) for m in near] + [rng.random(300)], axis=1)
    ids = [f"im{k:03d}" for k in range(300)]
    recordings = make_recordings(values.astype(np.float32), stimulus_id=ids, neuroid_id=["a", "b", "c", "noise"], time_bins_ms=[(50, 150)])
    return recordings, make_stimuli(images, ids)


def test_known_preferences(seen):
    ds = gabor_preferences(*seen, wavelengths_px=(4, 8, 16), min_r=0.2, seed=0)
    assert ds.neuroid_id.values.tolist() == ["a", "b", "c"]
    assert ds.untuned_neuroid_id.values.tolist() == ["noise"]
    off = np.abs((ds.preferred_orientation_deg.values - [0, 45, 135] + 90) % 180 - 90)
    assert off.max() < 12
    assert (ds.preferred_spatial_frequency_cpi.values[[0, 2]] > ds.preferred_spatial_frequency_cpi.values[1]).all()
    assert (ds.orientation_bias > 0.3).all()


def test_order_and_repeats_do_not_matter(seen):
    recordings, images = seen
    rows = np.random.default_rng(1).permutation(np.repeat(np.arange(300), 2))
    a, b = gabor_preferences(recordings, images, seed=0), gabor_preferences(recordings.isel(presentation=rows), images, seed=0)
    np.testing.assert_allclose(a.weight, b.weight, atol=1e-6)


@pytest.mark.parametrize(
    ("change", "kind", "says"),
    [
        ({"wavelengths_px": (64.0,)}, ConfigError, "up to 16"),
        ({"folds": 100}, ConfigError, "at least 400"),
    ],
)
def test_bad_input(seen, change, kind, says):
    with pytest.raises(kind, match=says):
        gabor_preferences(*seen, **change, seed=0)


def test_images_that_were_not_shown(seen):
    with pytest.raises(SchemaError, match="not among the images"):
        gabor_preferences(seen[0], seen[1].isel(presentation=slice(0, 299)), seed=0)
