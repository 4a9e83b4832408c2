"""Fits over time: recordings whose dynamics are known, and models that can and cannot follow them."""

import numpy as np
import pytest
import xarray as xr

from neurodyn.analysis import fit_over_time
from neurodyn.errors import NeurodynError
from neurodyn.numerics.shared_map import shared_map_cv
from neurodyn.schema import make_recordings, make_responses, make_stimuli
from neurodyn.seeding import numpy_generator
from neurodyn.testing.temporal_recordings import AREAS, temporal_recordings

N, BINS = 60, 20


def made(noise=0.2, seed=0, repeats=2):
    """Sites that follow feature z with an exponential course, repeated with noise."""
    generator = numpy_generator(seed, "made")
    z = generator.normal(size=(N, 6))
    course = np.concatenate([np.zeros(5), np.ones(8), np.exp(-np.arange(7) / 2)])
    clean = (z @ generator.normal(size=(6, 4)))[:, :, None] * course
    values = np.repeat(clean, repeats, axis=0) + noise * generator.normal(size=(N * repeats, 4, BINS))
    recordings = make_recordings(
        values,
        stimulus_id=[f"i{k}" for k in range(N) for _ in range(repeats)],
        neuroid_id=["a", "b", "c", "d"],
        time_bins_ms=[(10.0 * t, 10.0 * t + 10) for t in range(BINS)],
        neuroid={"region": ["V4", "V4", "IT", "IT"]},
    )
    follows = z[:, :, None] * course
    dies = np.where(np.arange(BINS) < 13, follows, 0.3)
    features = np.concatenate([follows, dies, generator.normal(size=(N, 6, BINS))], axis=1)
    responses = make_responses(
        features.astype(np.float32),
        stimulus_coords={"stimulus_id": np.array([f"i{k}" for k in range(N)])},
        neuroid_coords={"neuroid_id": np.array([f"u{k}" for k in range(18)]), "layer": np.repeat(["follows", "dies", "noise"], 6)},
        step=np.arange(BINS),
        step_end=np.arange(BINS) + 1,
        dt_ms=10.0,
    )
    return responses, recordings


def test_the_layer_that_follows_is_found_and_the_other_dies_after_offset():
    found = fit_over_time(*made(), prefer_ms=(50, 200), seed=0)
    assert set(found.preferred.values) == {"follows"} and found.share.sel(layer="follows").values.tolist() == [1.0, 1.0]
    during, after = found.raw.isel(time_bin=slice(6, 12)).mean(("time_bin", "neuroid")), found.raw.isel(time_bin=slice(13, 17)).mean(("time_bin", "neuroid"))
    assert float(during.sel(layer="follows")) > 0.95 and float(during.sel(layer="dies")) > 0.9
    assert float(after.sel(layer="follows")) > 0.7 and float(after.sel(layer="dies")) == 0.0
    assert abs(float(found.raw.sel(layer="noise").mean())) < 0.15
    assert float(found.consistency[8].mean()) > 0.95


def test_fits_before_and_after_the_image_is_gone():
    found = fit_over_time(*made(), prefer_ms=(50, 200), offset_ms=130, seed=0)
    np.testing.assert_allclose(found.before_offset, found.raw.isel(time_bin=slice(5, 13)).mean("time_bin"))
    np.testing.assert_allclose(found.after_offset, found.raw.isel(time_bin=slice(13, None)).mean("time_bin"))
    assert (found.before_offset.sel(layer=["follows", "dies"]) > 0.9).all()
    assert (found.after_offset.sel(layer="follows") > 0.4).all() and (found.after_offset.sel(layer="dies") == 0).all()


def test_against_a_literal_fit():
    """With one penalty that hardly penalises, the held-out predictions are those of least squares on stacked rows."""
    generator = numpy_generator(0, "literal")
    X, folds = generator.normal(size=(30, 4, 3)), np.arange(30) % 3
    Y = X @ generator.normal(size=(3, 2)) + 0.5 * generator.normal(size=(30, 4, 2))
    fit = shared_map_cv(X, Y, folds, alphas=[1e-9])
    for f in range(3):
        rows = folds != f
        stacked = np.column_stack([X[rows].reshape(-1, 3), np.ones(rows.sum() * 4)])
        weights = np.linalg.lstsq(stacked, Y[rows].reshape(-1, 2), rcond=None)[0]
        expected = X[folds == f] @ weights[:3] + weights[3]
        np.testing.assert_allclose(fit.predictions[folds == f], expected, rtol=1e-6, atol=1e-8)
        np.testing.assert_allclose(fit.r[f, 1, 0], np.corrcoef(expected[:, 1, 0], Y[folds == f, 1, 0])[0, 1], rtol=1e-8)


def test_the_order_of_the_recordings_does_not_matter():
    responses, recordings = made()
    order = numpy_generator(0, "order").permutation(len(recordings))
    order = np.concatenate([order[order % 2 == 0], order[order % 2 == 1]])  # repetitions keep their halves
    one, two = fit_over_time(responses, recordings, seed=0), fit_over_time(responses, recordings[order], seed=0)
    np.testing.assert_allclose(one.raw, two.raw, rtol=1e-9, atol=1e-12)


def test_a_delay_shifts_the_model():
    responses, recordings = made()
    found = fit_over_time(responses, recordings, delay_ms=50, prefer_ms=(60, 150), seed=0)
    assert float(found.time_bin_start[0]) == 50 and found.sizes["time_bin"] == BINS - 5


def test_synthetic_recordings_keep_their_time_constants():
    images = make_stimuli(numpy_generator(0, "images").random((40, 3, 32, 32)))
    recordings = temporal_recordings(images, n_sites=3, n_repetitions=1, noise=0.0, seed=0)
    for name, area in AREAS.items():
        course = np.abs(recordings.values[:, recordings.region.values == name]).mean((0, 1))
        starts = recordings.time_bin_start.values
        assert starts[np.nonzero(course)[0][0]] == area["latency_ms"]
        decay = course[starts >= area["latency_ms"] + 110]
        assert -10 / np.log(decay[1] / decay[0]) == pytest.approx(area["tau_ms"], rel=1e-3)
    assert "known" in recordings.attrs["synthetic"]
    lifted = temporal_recordings(images, n_sites=3, n_repetitions=1, noise=0.0, common=2.0, seed=0)
    extra = (lifted - recordings).values
    np.testing.assert_allclose(extra, np.broadcast_to(extra[:1], extra.shape), atol=1e-5)  # the same for every image
    np.testing.assert_allclose(extra.max(axis=2), 2.0, atol=1e-5)


def untimed(responses):
    return responses.drop_vars(["time_bin_start", "time_bin_end"])


@pytest.mark.parametrize(
    ("change", "options", "match"),
    [
        (lambda r, b: (untimed(r), b), {}, "a model with dt_ms"),
        (lambda r, b: (r[:-1], b), {}, "on one side only .first: i59"),
        (lambda r, b: (r, b), {"delay_ms": 5.0}, "share 0 time bins"),
        (lambda r, b: (r, b), {"prefer_ms": (500, 600)}, "no bin starts in"),
        (lambda r, b: (r, b), {"folds": 2}, "3 or more folds"),
        (lambda r, b: (r, b), {"offset_ms": 900.0}, "bins on both sides"),
        (lambda r, b: (xr.concat([r, r], "presentation"), b), {}, "repeat 60 images"),
    ],
)
def test_bad_input(change, options, match):
    with pytest.raises(NeurodynError, match=match):
        fit_over_time(*change(*made()), seed=0, **options)
