import numpy as np
import pytest
import xarray as xr

from neurodyn.analysis import ceiling, predictivity, predictivity_comparison, predictivity_map
from neurodyn.errors import ConfigError, NeurodynWarning, NumericsError, SchemaError
from neurodyn.schema import make_recordings, make_responses
from neurodyn.testing import synthetic_recording


def model(n=120, p=12, bins=1, seed=0, dt=10.0, layer=None):
    rng = np.random.default_rng(seed)
    steady = rng.normal(size=(n, p, 1))
    walk = np.cumsum(rng.normal(size=(n, p, bins)), axis=2)
    coords = {"neuroid_id": [f"m{k}" for k in range(p)], "layer": np.asarray(layer or ["V4"] * p)}
    return make_responses(
        steady + walk, stimulus_coords={"stimulus_id": np.array([f"s{k}" for k in range(n)])}, neuroid_coords=coords, step=np.arange(bins), dt_ms=dt
    )


def brain(responses, **kwargs):
    return synthetic_recording(responses, **{"n_neuroids": 10, "n_repeats": 6, "explainable_variance": 0.7, "seed": 1, **kwargs})


# --- closed form


@pytest.mark.parametrize("regression", ["ridge", "pls"])
def test_the_generating_units_reach_the_ceiling(regression):
    m = model(n=600)
    r = brain(m)
    out = predictivity(m, r, regression=regression, n_components=10, seed=0)
    assert abs(float(out.median_normalised) - 1) < 0.06  # about 600 stimuli; the standard error of one neuroid's r is 0.02
    assert abs(float(out.median_raw) - np.sqrt(0.7)) < 0.04
    assert (out.raw_low < out.raw).all() & (out.raw < out.raw_high).all()
    assert float(out.median_raw_low) < float(out.median_raw) < float(out.median_raw_high)
    assert set(out.status.values) == {"ok"}
    assert out.attrs["convention"] == "r^2/c"


def test_conventions_by_hand():
    m = model()
    r = brain(m)
    got = {k: predictivity(m, r, ceiling=0.64, convention=k, n_resamples=0, seed=0) for k in ("r^2/c", "(r/c)^2", "r/sqrt(c)")}
    raw = got["r^2/c"].raw
    np.testing.assert_allclose(got["r^2/c"].normalised, raw * abs(raw) / 0.64)
    np.testing.assert_allclose(got["(r/c)^2"].normalised, raw * abs(raw) / 0.64**2)
    np.testing.assert_allclose(got["r/sqrt(c)"].normalised, raw / 0.8)
    assert got["r^2/c"].attrs["ceiling_source"] == "given: 0.64"


def test_generating_model_scores_what_an_independent_simulation_expects():
    n, p, snr = 200, 12, 0.5
    rng = np.random.default_rng(5)
    expected = []
    for _ in range(100):  # ridge in closed form with the best penalty for this signal and noise, on fresh draws
        x = rng.normal(size=(n, p))
        y = x[:, 0] + rng.normal(size=n) / np.sqrt(snr)
        rs = []
        for rows in np.array_split(np.arange(n), 10):
            train = np.setdiff1d(np.arange(n), rows)
            centred = x[train] - x[train].mean(0)
            weights = np.linalg.solve(centred.T @ centred + 20 * np.eye(p), centred.T @ y[train])
            rs.append(np.corrcoef(x[rows] @ weights, y[rows])[0, 1])
        expected.append(np.mean(rs))
    got = []
    for seed in range(12):
        x = make_responses(
            rng.normal(size=(n, p, 1)), stimulus_coords={"stimulus_id": np.arange(n)}, neuroid_coords={"neuroid_id": np.arange(p)}, step=[0], dt_ms=10.0
        )
        r = synthetic_recording(x, n_neuroids=12, n_repeats=1, explainable_variance=snr / (1 + snr), seed=seed)
        out = predictivity(x, r, n_resamples=0, seed=0)
        got.append(float(out.raw.mean()))
    assert "none" in out.attrs["ceiling_source"]
    assert np.isnan(out.normalised).all()
    error = np.hypot(np.std(expected) / 10, np.std(got) / np.sqrt(12))
    assert abs(np.mean(got) - np.mean(expected)) < 2.5 * error + 0.005  # 0.005 for the penalty, which is chosen and not the best one


# --- properties


def test_rows_may_come_in_any_order_and_ids_decide():
    m, r = model(), None
    r = brain(m)
    a = predictivity(m, r, n_resamples=0, seed=0)
    order = np.random.default_rng(0).permutation(len(m))
    b = predictivity(m[order], r, n_resamples=0, seed=0)
    xr.testing.assert_allclose(a.raw, b.raw)
    shuffled = m.assign_coords(stimulus_id=("presentation", m.stimulus_id.values[order]))
    assert float(predictivity(shuffled, r, n_resamples=0, seed=0).median_raw) < 0.2


def test_mappings_over_time():
    m = model(bins=4)
    r = brain(m)
    per_bin = predictivity(m, r, n_resamples=20, seed=0)
    assert per_bin.raw.dims == ("neuroid", "time_bin")
    assert per_bin.attrs["mapping"] == "per-bin"
    shared = predictivity(m, r, mapping="shared", n_resamples=0, seed=0)
    joint = predictivity(m, r, mapping="concatenate", n_resamples=0, seed=0)
    for out in (shared, joint):
        assert float(out.median_raw.mean()) > 0.6
    one = predictivity(m[:, :, 2:3], r[:, :, 2:3], n_resamples=0, seed=0)
    np.testing.assert_allclose(one.raw, per_bin.raw[:, 2], atol=1e-9)
    assert float(predictivity(m, r, mapping="shared", regression="pls", n_components=8, n_resamples=0, seed=0).median_raw.mean()) > 0.6


def test_groups_are_respected():
    m = model(n=60)
    m = m.assign_coords(object_name=("presentation", np.repeat(np.arange(12), 5)))
    r = brain(m)
    out = predictivity(m, r, groups="object_name", folds=4, keep_predictions=True, n_resamples=0, seed=0)
    for name in range(12):
        assert len(set(out.fold.values[np.repeat(np.arange(12), 5) == name])) == 1


def test_projection_reports_its_error():
    m = model(p=200)
    out = predictivity(m, brain(m), n_features=60, n_resamples=0, seed=0)
    finer = predictivity(m, brain(m), n_features=150, n_resamples=0, seed=0)
    assert 0 < finer.attrs["projection_error"] < out.attrs["projection_error"] < 2
    assert out.attrs["n_features"] == 60
    assert predictivity(m, brain(m), n_resamples=0, seed=0).attrs["projection_error"] == 0


# --- exclusions


def test_constant_and_silent_neuroids_and_zero_ceilings_are_listed_not_divided_by():
    m = model()
    r = brain(m)
    values = r.values.copy()
    values[:, 0] = 3.0
    values[:, 1] = 0.0
    values[5, 1] = 1.0
    values[:, 2] = np.random.default_rng(3).normal(size=values[:, 2].shape)
    with pytest.warns(NeurodynWarning, match="excluded"):
        out = predictivity(
            m, r.copy(data=values), ceiling=xr.DataArray(np.r_[[0.8, 0.8, -0.1], np.full(7, 0.8)], dims="neuroid", coords={"neuroid_id": r.neuroid_id}), seed=0
        )
    assert out.status.values[:4].tolist() == ["constant", "near-silent", "no ceiling", "ok"]
    assert np.isnan(out.raw[:2]).all()
    assert np.isfinite(out.raw[2])
    assert np.isnan(out.normalised[:3]).all()
    assert np.isfinite(out.normalised[3:]).all()
    assert "constant: synthetic-000" in out.attrs["excluded"]


def test_ragged_repeats():
    m = model()
    r = brain(m)
    ragged = r.isel(presentation=np.nonzero((r.repetition.values < 3) | (np.arange(len(r)) % 3 == 0))[0])
    out = ceiling(ragged, seed=0)
    assert int(out.n_stimuli) == 120
    assert (predictivity(m, ragged, n_resamples=0, seed=0).ceiling > 0).all()


def test_ceiling_dataset_holds_the_truth():
    m = model(n=300)
    r = brain(m, n_neuroids=40)
    out = ceiling(r, seed=0)
    truth = r.explainable_variance.values
    inside = (out.explainable_low.values <= truth) & (truth <= out.explainable_high.values)
    assert inside.mean() > 0.85  # 40 neurons, 95 % interval
    assert abs(float(out.ceiling.mean()) - 0.7) < 0.04


# --- comparison and map


def test_comparison_finds_the_better_predictor():
    m = model(n=240)
    r = brain(m, n_neuroids=15)
    noisy = m + 2 * np.random.default_rng(0).normal(size=m.shape)
    twin = m + 1e-9
    scores = {k: predictivity(v, r, n_resamples=0, keep_predictions=True, seed=0) for k, v in (("noisy", noisy), ("true", m), ("twin", twin))}
    out = predictivity_comparison(scores, "noisy", n_resamples=300, seed=0)
    assert float(out.difference_low.sel(predictor="true")) > 0
    assert float(out.p_adjusted.sel(predictor="true")) < 0.05
    back = predictivity_comparison(scores, "true", n_resamples=300, seed=0)
    assert float(back.difference_high.sel(predictor="noisy")) < 0
    assert abs(float(back.difference.sel(predictor="twin"))) < 1e-6
    with pytest.raises(ConfigError, match="did you mean `noisy`"):
        predictivity_comparison(scores, "nois", seed=0)
    with pytest.raises(SchemaError, match="differ in fold"):
        predictivity_comparison({**scores, "x": predictivity(m, r, n_resamples=0, keep_predictions=True, seed=9)}, "noisy", seed=0)


@pytest.mark.parametrize("latency", [0.0, 20.0, 40.0])
def test_latency_is_recovered(latency):
    m = model(n=150, p=6, bins=10)
    m = xr.concat([m, m.assign_coords(layer=("neuroid", ["IT"] * 6), neuroid_id=("neuroid", [f"i{k}" for k in range(6)])) * 0 + 1], "neuroid")
    r = synthetic_recording(m.isel(neuroid=slice(0, 6)), n_neuroids=6, n_repeats=4, latency_ms=latency, explainable_variance=0.9, seed=0)
    out = predictivity_map(m, r, folds=3, alphas=[0.1, 10.0], seed=0)
    assert out.raw.dims == ("layer", "model_time_bin", "time_bin", "neuroid")
    assert abs(float(out.latency_ms.sel(layer="V4")) - latency) <= 10  # one bin
    assert float(out.latency_low.sel(layer="V4")) <= latency <= float(out.latency_high.sel(layer="V4"))
    assert (out.raw_at_latency.sel(layer="V4") > 0.7).all()
    assert (out.raw.sel(layer="IT") == 0).all()  # a constant layer predicts nothing
    assert np.isnan(out.latency_ms.sel(layer="IT"))
    assert (out.raw_at_latency.sel(layer="IT") == 0).all()


def test_late_lags_do_not_win_by_leaving_out_what_nothing_predicts():
    """A code that grows out of silence and turns: the mean correlation rises with the lag, since early bins of the recording drop out."""
    rng = np.random.default_rng(0)
    n, bins, grow = 150, 20, 1 - np.exp(-np.arange(20) / 8)
    first, second = rng.normal(size=(2, n, 6))
    turn = np.clip((np.arange(bins) - 4) / 12, 0, 1)
    x = grow * (np.sqrt(1 - turn) * first[..., None] + np.sqrt(turn) * second[..., None]) + 1e-3 * rng.normal(size=(n, 6, bins))
    coords = {"stimulus_coords": {"stimulus_id": np.arange(n)}, "neuroid_coords": {"neuroid_id": np.arange(6)}}
    m = make_responses(x, **coords, step=np.arange(bins), dt_ms=10.0)
    late = np.concatenate([np.zeros((n, 6, 4)), x[..., :-4]], axis=2)
    r = make_recordings(
        late + 0.3 * rng.normal(size=late.shape), stimulus_id=np.arange(n), neuroid_id=np.arange(6), time_bins_ms=[(10 * k, 10 * k + 10) for k in range(bins)]
    )
    out = predictivity_map(m, r, folds=3, alphas=[1.0], seed=0)
    assert abs(out.latency_ms.item() - 40) <= 10  # one bin
    assert (abs(out.latency_by_fold - 40) <= 10).all()
    mean = out.raw.mean("neuroid").values[0]
    assert np.argmax([np.diagonal(mean, lag).mean() for lag in range(11)]) > 5  # what the mean correlation would have said


def test_the_lag_is_chosen_without_the_fold_that_is_scored():
    """On noise, the best of many lags looks better than chance; the score at the lag chosen on the training rows does not."""
    rng = np.random.default_rng(0)
    honest, best = [], []
    for _ in range(24):
        ids, bins = [f"s{k}" for k in range(45)], [(10 * k, 10 * k + 10) for k in range(8)]
        coords = {"stimulus_coords": {"stimulus_id": ids}, "neuroid_coords": {"neuroid_id": np.arange(4)}}
        m = make_responses(rng.normal(size=(45, 4, 8)), **coords, step=np.arange(8), dt_ms=10.0)
        r = make_recordings(rng.normal(size=(45, 3, 8)), stimulus_id=ids, neuroid_id=np.arange(3), time_bins_ms=bins)
        out = predictivity_map(m, r, folds=3, alphas=[10.0], seed=0)
        honest.append(float(out.raw_at_latency.mean()))
        mean = out.raw.mean("neuroid").values[0]
        best.append(max(np.diagonal(mean, lag).mean() for lag in range(-4, 5)))
        for k in range(3):
            assert out.latency_by_fold.values[0, k] in range(-40, 41, 10)
    error = np.std(honest) / np.sqrt(len(honest))
    assert abs(np.mean(honest)) < 3 * error
    assert np.mean(best) > 4 * error


# --- bad input


def overlapping(r):
    return xr.concat([r, r.assign_coords(time_bin_start=("time_bin", [120.0]), time_bin_end=("time_bin", [220.0]))], "time_bin")


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        (lambda m, r: (m[:-2], r, {}), SchemaError, r"lacks 2 of 120 recorded stimuli \(first: s118, s119\)"),
        (lambda m, r: (m, r[r.stimulus_id != "s7"], {}), SchemaError, "`recordings` lacks 1 of 120 shown"),
        (lambda m, r: (xr.concat([m, m[:1]], "presentation"), r, {}), SchemaError, "without a coord `repetition`"),
        (lambda m, r: (m.transpose("neuroid", "presentation", "time_bin"), r, {}), SchemaError, "fix: responses.transpose"),
        (lambda m, r: (m.drop_vars("stimulus_id"), r, {}), SchemaError, "no coord `stimulus_id`"),
        (lambda m, r: (m, r.where(r.neuroid_id != "synthetic-003"), {}), SchemaError, 'nan="drop-neuroid"'),
        (lambda m, r: (m.where(m.neuroid_id != "m3"), r, {}), SchemaError, "first: m3"),
        (lambda m, r: (m, r.drop_vars("time_bin_end"), {}), SchemaError, "time_bin_start and time_bin_end"),
        (lambda m, r: (m, xr.concat([r, r], "time_bin"), {}), SchemaError, "out of order"),
        (lambda m, r: (m, overlapping(r), {}), SchemaError, "overlapping bins"),
        (lambda m, r: (m, r.drop_vars("neuroid_id"), {}), SchemaError, "no coord `neuroid_id`"),
        (lambda m, r: (m[:20], r[r.stimulus_id.isin(m.stimulus_id[:20])], {"regression": "pls", "n_components": 19}), NumericsError, "expected: 1 to 12"),
        (lambda m, r: (m, r, {"regression": "rige"}), ConfigError, "did you mean `ridge`"),
        (lambda m, r: (m, r, {"mapping": "shared"}), ConfigError, "the same bins"),
        (lambda m, r: (m, r, {"convention": "r2"}), ConfigError, "unknown convention"),
        (lambda m, r: (m, r, {"folds": 500}), NumericsError, "fix: n_splits=120"),
        (lambda m, r: (m, r, {"regression": "pls", "n_components": 50}), NumericsError, "expected: 1 to 12"),
        (lambda m, r: (m, r, {"groups": "animal"}), ConfigError, "unknown coord of presentation"),
        (lambda m, r: (m, r, {"ceiling": 1.5}), ConfigError, r"reliability in \(0, 1\]"),
        (lambda m, r: (m, r, {"nan": "drop"}), ConfigError, "did you mean `drop-neuroid`"),
        (lambda m, r: (m.values, r, {}), SchemaError, "ndarray"),
    ],
)
def test_bad_input(change, error, match):
    m = model()
    r = brain(m).assign_coords(time_bin_start=("time_bin", [70.0]), time_bin_end=("time_bin", [170.0]))
    m, r, kwargs = change(
        m,
        r,
    )
    with pytest.raises(error, match=match):
        predictivity(m, r, **{"n_resamples": 0, "seed": 0, **kwargs})


def test_nan_neuroids_can_be_dropped():
    m = model()
    r = brain(m)
    out = predictivity(m, r.where(r.neuroid_id != "synthetic-003"), nan="drop-neuroid", n_resamples=0, seed=0)
    assert out.sizes["neuroid"] == 9


def test_recordings_without_repeats_have_no_ceiling():
    m = model()
    r = make_recordings(m.values[:, :2], stimulus_id=m.stimulus_id.values, neuroid_id="ab", time_bins_ms=[(0, 10)])
    with pytest.raises(NumericsError, match="fix: a recording with repeats"):
        ceiling(r, seed=0)
    assert np.isnan(predictivity(m, r, n_resamples=0, seed=0).ceiling).all()


def test_neuroids_that_nothing_predicts_count_in_the_median():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(100, 5, 1)), rng.normal(size=(100, 20)) + 10
    y[:, :3] += 3 * x[:, :3, 0]
    ids = np.arange(100)
    m = make_responses(x, stimulus_coords={"stimulus_id": ids}, neuroid_coords={"neuroid_id": np.arange(5)}, step=[0], dt_ms=None)
    out = predictivity(m, make_recordings(y, stimulus_id=ids, neuroid_id=np.arange(20), time_bins_ms=[(70, 170)]), folds=5, n_resamples=200, seed=0)
    assert np.isfinite(out.raw).all()
    assert (out.raw[:3] > 0.9).all()
    assert abs(float(out.median_raw)) < 0.1  # 17 of 20 are noise
    assert ((out.raw_low <= out.raw) & (out.raw <= out.raw_high)).all()


def test_intervals_resample_whole_groups():
    rng = np.random.default_rng(0)
    movie = np.repeat(np.arange(12), 20)  # frames of a movie are nearly copies of each other
    steady = rng.normal(size=(12, 4))[movie]
    x = (steady + 0.05 * rng.normal(size=(240, 4)))[:, :, None]
    y = steady[:, :1] + 0.05 * rng.normal(size=(240, 1)) + rng.normal(size=(12, 1))[movie]
    ids = np.arange(240)
    m = make_responses(x, stimulus_coords={"stimulus_id": ids}, neuroid_coords={"neuroid_id": np.arange(4)}, step=[0], dt_ms=None)
    labels = {"stimulus_id": ids, "neuroid_id": ["a"], "time_bins_ms": [(70, 170)]}
    grouped = predictivity(m, make_recordings(y, **labels, presentation={"movie": movie}), groups="movie", folds=3, seed=0)
    width = float((grouped.raw_high - grouped.raw_low).squeeze())
    names = [f"{k}" for k in range(240)]
    alone = predictivity(m, make_recordings(y, **labels, presentation={"own": names}), groups="own", folds=3, seed=0)
    assert width > 2 * float((alone.raw_high - alone.raw_low).squeeze())
    assert float(grouped.raw_low.squeeze()) <= float(grouped.raw.squeeze()) <= float(grouped.raw_high.squeeze())


@pytest.mark.parametrize("scale", [1e-5, 1e5])
def test_the_scale_of_a_model_s_rates_does_not_matter(scale):
    responses = model(n=90, p=10)
    recordings = brain(responses, seed=0)
    plain = predictivity(responses, recordings, folds=5, n_resamples=20, seed=0)
    scaled = predictivity(responses * scale, recordings, folds=5, n_resamples=20, seed=0)
    np.testing.assert_allclose(scaled.raw.values, plain.raw.values, atol=1e-6)  # the same penalties, up to rounding
