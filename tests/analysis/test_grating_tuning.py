"""grating_tuning recovers the preferences of banks that are built to have them."""

import numpy as np
import pytest
import scipy.stats
import torch
import xarray as xr

from neurodyn.analysis._grating_indices import Grid, describe_units, response_halves
from neurodyn.analysis._grating_stream import demodulation_weights, plan_units
from neurodyn.analysis.grating_tuning import grating_tuning
from neurodyn.errors import ConfigError, ModelError, NeurodynError
from neurodyn.testing.systems import linear_network
from neurodyn.testing.toys import ConvNetwork
from neurodyn.testing.units import gabor_energy_bank, noise_bank, reichardt_bank

GRID = {
    "spatial_frequency_cpp": np.geomspace(0.04, 0.3, 8),
    "temporal_frequency_hz": np.geomspace(1.8, 28, 8),
    "orientation_deg": np.arange(8) * 22.5,
    "n_steps": 80,
    "n_skip": 20,
    "batch_size": 128,
}


def errors(ds, truth):
    direction = np.abs((ds.preferred_direction_deg.values - truth["direction_deg"] + 180) % 360 - 180)
    spatial = np.abs(ds.preferred_spatial_frequency_cpp.values / truth["spatial_frequency_cpp"] - 1)
    temporal = np.abs(ds.preferred_temporal_frequency_hz.values / truth["temporal_frequency_hz"] - 1)
    return direction, spatial, temporal


BANKS = {
    "energy": lambda noise: gabor_energy_bank([0.09, 0.15], [5.0, 10.0], [0.0, 70.0, 205.0, 337.5], image_size=24, noise_sd=noise),
    "motion": lambda noise: reichardt_bank(direction_deg=[0.0, 130.0, 247.5], image_size=24, noise_sd=noise),
}


@pytest.fixture(scope="module", params=BANKS)
def measured(request):
    return request.param, BANKS[request.param](0.0).truth, grating_tuning(BANKS[request.param](0.0), request.param, **GRID)


def described(layer, surfaces, n_directions, **noise):
    """Indices of surfaces over all or every other direction, as a Dataset in the shape `errors` takes."""
    grid = Grid(np.arange(n_directions) * 360 / n_directions, GRID["spatial_frequency_cpp"], GRID["temporal_frequency_hz"] / 100, 10.0)
    found = describe_units(surfaces[:, :: surfaces.shape[1] // n_directions], grid, **noise)
    return xr.Dataset({name: ("neuroid", values) for name, (values, _) in found.items()})


@pytest.mark.parametrize("n_directions", [16, 8])
def test_known_preferences(measured, n_directions):
    """On and off the grid of directions and frequencies; eight directions are 45 degrees apart, wider than the energy units are tuned."""
    layer, truth, ds = measured
    found = errors(described(layer, ds.tuning.values, n_directions), truth)
    assert np.less([e.max() for e in found], (2, 0.02, 0.02)).all()
    assert (ds.separability > 0.99).all()  # spatial and temporal filters multiply
    assert (ds.dsi > 0.6).all()
    assert (ds.f1_f0 < 0.05).all()  # energy does not follow the grating's phase


def test_known_preferences_in_noise(measured):
    """A peak response of 30 standard deviations of a presentation's response, 16 presentations of each grating: 95 % of estimates within 2 % and 2 degrees."""
    layer, truth, ds = measured
    clean = ds.tuning.values / ds.peak.values[:, None, None, None]
    sd, draws = 1 / 30 / np.sqrt(16), 8
    noisy = np.tile(clean, (draws, 1, 1, 1)) + sd * np.random.default_rng(0).standard_normal((draws * len(clean), *clean.shape[1:]))
    found = errors(described(layer, noisy, 16, noise_variance=np.full(len(noisy), sd**2)), {k: np.tile(v, draws) for k, v in truth.items()})
    assert np.less([np.quantile(e, 0.95) for e in found], (2, 0.02, 0.02)).all()


def test_a_noisy_bank_through_the_whole_analysis():
    """At a ratio of 100 between the peak response and the standard deviation of a presentation's response."""
    small = {"spatial_frequency_cpp": np.geomspace(0.05, 0.25, 6), "temporal_frequency_hz": np.geomspace(2.5, 25, 6), "n_steps": 60}
    bank = BANKS["energy"](1.0 / 100 * np.sqrt(small["n_steps"] - GRID["n_skip"]))  # the peak energy is 1
    ds = grating_tuning(bank, "energy", **{**GRID, **small, "response": "f0"}, seed=0)
    assert np.less([np.median(e) for e in errors(ds, bank.truth)], (1, 0.01, 0.02)).all()
    assert ds.attrs["osi_dsi"] == "cross-validated"


@pytest.mark.parametrize("n_repeats", [1, 4])
def test_selectivity_is_not_biased_by_noise(n_repeats):
    """Units without direction selectivity, and noise: the mean over units is what it would be without noise."""
    grid = Grid(np.arange(8) * 45.0, np.array([0.1, 0.2, 0.3]), np.array([0.1, 0.2, 0.3]), 10.0)
    rng = np.random.default_rng(0)
    n, turn = 400, np.cos(2 * np.deg2rad(grid.direction - 22.5))
    clean = (1 + 0.5 * turn)[:, None, None] * np.array([0.6, 1.0, 0.6])[:, None] * np.array([0.7, 1.0, 0.7])  # OSI 1/2, DSI 0
    trials = np.repeat(clean.reshape(-1), n_repeats)[:, None] + 0.5 * np.sqrt(n_repeats) * rng.standard_normal((clean.size * n_repeats, n))
    mean = trials.reshape(-1, n_repeats, n).mean(1).T.reshape(n, *grid.shape)
    ds = {k: describe_units(mean, grid, noise_variance=None, halves=h) for k, h in (("same", None), ("halves", response_halves(trials, n_repeats, grid)))}
    found = {(k, index): float(v[index][0].mean()) for k, v in ds.items() for index in ("osi", "dsi")}
    assert found["same", "dsi"] > 0.05  # the bias that is mended
    assert abs(found["halves", "dsi"]) < 0.03
    assert -0.1 < found["halves", "osi"] - 0.5 < 0.02  # a direction found in half the trials is a little off: low rather than high


def test_simple_units_follow_the_phase():
    bank = gabor_energy_bank([0.1], [10.0], [0.0], image_size=24)
    small = {**GRID, "orientation_deg": np.arange(4) * 45.0}
    ds = grating_tuning(bank, "simple", **small)
    assert ds.is_f1.all()
    np.testing.assert_allclose(ds.f1_f0.values, np.pi / 2, atol=0.02)  # a rectified sine


def test_noise_units_are_untuned_at_the_nominal_rate():
    ds = grating_tuning(
        noise_bank(400, image_size=8),
        "noise",
        spatial_frequency_cpp=[0.1, 0.2, 0.3],
        temporal_frequency_hz=[5, 10],
        orientation_deg=[0, 90],
        n_steps=40,
        n_skip=10,
        n_repeats=4,
        n_permutations=200,
        batch_size=64,
        seed=0,
    )
    low, high = scipy.stats.binom.interval(0.999, ds.sizes["neuroid"], 0.05)
    assert low <= int(ds.tuned.sum()) <= high


def test_streaming_equals_storing_and_batches_do_not_matter():
    import neurodyn as nd
    from neurodyn.stimuli.gratings import gratings

    model = ConvNetwork()
    grid = {"spatial_frequency_cpp": [0.1, 0.2, 0.3], "temporal_frequency_cpf": [0.1, 0.2, 0.3]}
    ds = grating_tuning(model, "V2", **grid, n_steps=30, n_skip=10, response="f1")
    again = grating_tuning(model, "V2", **grid, n_steps=30, n_skip=10, response="f1", batch_size=5)
    np.testing.assert_allclose(ds.tuning.values, again.tuning.values, rtol=1e-4, atol=1e-7)
    movie = gratings(8, **grid, direction_deg=ds.direction_deg.values, n_frames=30, frame_ms=10.0)
    stored = nd.simulate(model, movie, record=nd.Record(layers="V2", steps=range(10, 30)))
    k = np.arange(10, 30)
    f1 = np.abs((stored.values * np.exp(-2j * np.pi * movie.temporal_frequency_cpf.values[:, None, None] * k)).sum(-1)) * 2 / 20
    keep = np.isin(stored.neuroid_id.values, ds.neuroid_id.values)
    np.testing.assert_allclose(ds.tuning.values.reshape(ds.sizes["neuroid"], -1), f1[:, keep].T, rtol=1e-3, atol=1e-6)


def test_several_layers_are_measured_in_one_run():
    grid = {"spatial_frequency_cpp": [0.1, 0.2, 0.3], "temporal_frequency_hz": [10, 20, 30], "n_steps": 20, "units": "center"}
    both = grating_tuning(ConvNetwork(), ("V1", "V2"), **grid)
    alone = grating_tuning(ConvNetwork(), "V2", **grid)
    np.testing.assert_allclose(both.tuning.values[both.layer == "V2"], alone.tuning.values)
    with pytest.raises(ConfigError, match="units with positions"):
        plan_units(linear_network([0.5]), "maps", "all")
    with pytest.raises(ConfigError, match="several layers"):
        grating_tuning(ConvNetwork(), ("V1", "V2"), **{**grid, "units": [0, 1]})


class Dead(ConvNetwork):
    def rates(self, state, drive, layers):
        rates = dict(super().rates(state, drive, layers))
        for name in layers:
            rates[name] = rates[name].clone()
            rates[name][:, 0] = 0.0
            rates[name][:, 1] = 3.0
        return rates


def test_silent_and_constant_units_are_listed():
    ds = grating_tuning(Dead(), "V1", spatial_frequency_cpp=[0.1, 0.2, 0.3], temporal_frequency_hz=[10, 20, 30], n_steps=20, n_skip=10)
    left_out = dict(zip(ds.silent_neuroid_id.values, ds.silent_reason.values, strict=True))
    assert left_out["V1.0.3.3"] == "silent"
    assert left_out["V1.1.3.3"] == "constant"
    assert ds.sizes["neuroid"] + ds.sizes["silent_neuroid"] == 4 * 64
    for name, values in ds.data_vars.items():
        if values.dtype.kind == "f":
            assert not np.isnan(values.values).any(), name


def test_a_mean_does_not_leak_into_the_harmonic():
    k = np.arange(37)
    weights = demodulation_weights(np.array([0.07, 0.11]), 37, 5)
    for row, f in enumerate((0.07, 0.11)):
        signal = 4 + 0.3 * np.cos(2 * np.pi * f * k + 0.4)
        mean, cosine, sine = weights[:, row] @ signal
        np.testing.assert_allclose([mean, np.hypot(cosine, sine), np.arctan2(-sine, cosine)], [4, 0.3, 0.4], atol=1e-5)


class Untimed(ConvNetwork):
    dt_ms = None


@pytest.mark.parametrize(
    ("model", "arguments", "kind", "says"),
    [
        (ConvNetwork(), {"spatial_frequency_cpp": [0.6]}, ConfigError, "sensor's Nyquist"),
        (ConvNetwork(), {"temporal_frequency_hz": [60.0]}, ConfigError, "Nyquist frequency of the frames"),
        (ConvNetwork(), {"temporal_frequency_hz": [1.0]}, ConfigError, "fix: n_steps=110"),
        (Untimed(), {"temporal_frequency_hz": [5.0]}, ConfigError, "dt_ms is None"),
        (ConvNetwork(), {"response": "f2"}, ConfigError, "unknown response"),
        (ConvNetwork(), {"n_repeats": 3}, ConfigError, "a seed"),
        (ConvNetwork(), {"units": "centre"}, ConfigError, "did you mean `center`"),
        (linear_network([0.5]), {}, ModelError, "at least 4 x 4"),
        (ConvNetwork().train(), {}, ModelError, "model.eval"),
    ],
)
def test_bad_input(model, arguments, kind, says):
    with pytest.raises(kind, match=says) as refused:
        grating_tuning(model, model.layers[-1], **arguments)
    assert isinstance(refused.value, NeurodynError)


def test_unknown_layer():
    with pytest.raises(ConfigError, match="did you mean `V2`"):
        grating_tuning(ConvNetwork(), "V22")


def test_untimed_models_are_measured_in_steps():
    ds = grating_tuning(Untimed(), "V1", spatial_frequency_cpp=[0.1, 0.2, 0.3], temporal_frequency_cpf=[0.1, 0.2, 0.3], n_steps=20, n_skip=10)
    assert ds.preferred_temporal_frequency_cpf.attrs["units"] == "cycle/step"
    assert "latency_steps" in ds
    assert torch.get_num_threads() == 1
