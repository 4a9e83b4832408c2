"""Analyses of the moving sensor: paths, views, answers after every frame, and contrasts between networks."""

import numpy as np
import pytest
import torch
import xarray as xr

from neurodyn.analysis import accuracy_contrasts, anytime_accuracy, sensor_paths, sensor_view
from neurodyn.dynamics.schedule import Schedule
from neurodyn.errors import ConfigError, ModelError, SchemaError
from neurodyn.schema import make_stimuli
from neurodyn.testing.systems import linear_network

PATHS = {"spiral": {"style": "spiral_2dir2"}, "still": {"style": "not_moving"}, "long": {"style": "spiral_2dir2", "n_steps": 8}}


class Counter:
    """Says the class of the column it looks at, at the second frame and after; sums the positions it was shown."""

    dt_ms, layers, phase, trial = 100.0, ("x",), ("x",), Schedule.steps(stimulus=3)
    blank = {"image": torch.full((1, 4, 4), 0.5), "position": torch.zeros(2)}  # noqa: RUF012

    def encode(self, frame):
        return {"u": frame["image"].mean(dim=(1, 2))}

    def initial_state(self, drive, *, noise=None):
        return {"x": torch.zeros_like(drive["u"]), "n": drive["u"].new_zeros(len(drive["u"]))}

    def step(self, state, drive, *, noise=None):
        return {"x": drive["u"], "n": state["n"] + 1}

    def rates(self, state, drive, layers):
        return {"x": state["x"]}

    def readout(self, state):
        return torch.where((state["n"] > 1)[:, None], state["x"], -state["x"])


def images():
    """The brightest quarter of columns is the label; at 4 receptors over 16 pixels."""
    pixels = np.zeros((8, 1, 16, 16), np.float32)
    labels = np.arange(8) % 4
    for k, label in enumerate(labels):
        pixels[k, :, :, 4 * label : 4 * label + 4] = 1.0
    return make_stimuli(pixels, [f"i{k}" for k in range(8)], label=labels)


def test_answers_after_every_frame():
    ds = anytime_accuracy(Counter(), images(), paths={"still": {"style": "not_moving"}}, seed=0)
    assert ds.accuracy.values.tolist() == [[0.0, 1.0, 1.0]]
    assert ds.time_bin_start.values.tolist() == [0.0, 100.0, 200.0]
    far = {"far": {"style": "intoy_rucci"}}
    ds, reverse = (anytime_accuracy(Counter(), images().isel(presentation=slice(None, None, k)), paths=far, seed=0) for k in (1, -1))
    assert (reverse.correct.isel(presentation=slice(None, None, -1)).values == ds.correct.values).all()
    assert 0 < float(ds.accuracy[0, -1]) < 1
    with pytest.raises(SchemaError, match="label"):
        anytime_accuracy(Counter(), images().drop_vars("label"), paths=PATHS, seed=0)
    with pytest.raises(ModelError, match="no moving sensor"):
        anytime_accuracy(linear_network([0.5]), images(), paths=PATHS, seed=0)


def test_paths():
    ds = sensor_paths(PATHS, n=60, n_steps=5, n_examples=2, n_bound=2, image_px=16, resolution=4, seed=0)
    assert ds.position.shape == (3, 2, 8, 2)
    assert np.isnan(ds.position.sel(path="spiral").isel(point=slice(5, None))).all()
    assert ds.phase_share.sum("n_phases").values == pytest.approx(1.0)
    assert float(ds["mean"].sel(path="still", measure="n_phases")) == 1.0
    assert np.isnan(ds["mean"].sel(path="still", measure="turn_rad"))
    assert (ds.bound_r2.sel(path="long") > ds.bound_r2.sel(path="still")).all()
    with pytest.raises(ConfigError, match="at least one"):
        sensor_paths({}, seed=0)


def test_view():
    ds = sensor_view(images(), path=PATHS["spiral"], n_steps=3, resolution=4, margin_px=2, padding=(0.5,), seed=0)
    assert ds.scene.shape == (8, 1, 20, 20) and float(ds.scene[0, 0, 0, 0]) == 0.5
    assert ds.image.shape == (8, 3, 1, 4, 4) and ds.position.shape == (8, 3, 2)


def outcomes(n_images=400):
    """Networks a0, a1 are right on 80 % of images, b0, b1 on 60 %; b has one frame less."""
    rng = np.random.default_rng(0)
    correct = np.stack([rng.random((1, n_images, 2)) < share for share in (0.8, 0.8, 0.6, 0.6)]).astype(float)
    correct[2:, :, :, 1] = np.nan
    return xr.DataArray(correct, dims=("model", "path", "presentation", "time_bin"), coords={"model": ["a0", "a1", "b0", "b1"], "path": ["p"]})


GROUPS = {"a": ["a0", "a1"], "b": ["b0", "b1"]}


def test_contrasts_recover_planted_differences():
    ds = accuracy_contrasts(outcomes(), groups=GROUPS, contrasts={"a - b": ["a", "b"], "none": ["a", "a@p"]}, n_resamples=300, seed=0)
    planted = ds.sel(contrast="a - b")
    assert float(planted.difference_low) < 0.2 < float(planted.difference_high)
    assert float(planted.difference_high - planted.difference_low) < 0.2
    assert float(ds.sel(contrast="none").difference) == 0.0
    assert ds.accuracy.sel(group="b", path="p") == pytest.approx(0.6, abs=0.05)  # standard error over 800 answers: 0.017
    assert ds.n_networks.values.tolist() == [2, 2] and ds.attrs["n_images"] == 400


def test_answers_that_are_missing_and_answers_after_fewer_frames():
    correct = outcomes().fillna(-1).astype("int8")
    first = accuracy_contrasts(correct, groups={**GROUPS, "early": ["a0", "a1"]}, contrasts={"x": ["a", "early"]}, frames={"early": 1}, n_resamples=50, seed=0)
    assert float(first.accuracy.sel(group="early", path="p")) == float(correct.sel(model=["a0", "a1"]).isel(time_bin=0).mean())
    assert np.isfinite(first.anytime.sel(group="a")).all() and np.isnan(first.anytime.sel(group="b").isel(time_bin=1)).all()
    correct[2:] = -1
    unseen = accuracy_contrasts(correct, groups=GROUPS, contrasts={}, n_resamples=50, seed=0)
    assert np.isnan(unseen.accuracy.sel(group="b", path="p")) and np.isfinite(unseen.accuracy.sel(group="a", path="p"))


BAD = [
    ({"groups": {"a": ["a7"]}, "contrasts": {}}, ConfigError, "unknown model"),
    ({"groups": GROUPS, "contrasts": {"x": ["a", "c"]}}, ConfigError, "unknown group"),
    ({"groups": GROUPS, "contrasts": {"x": ["a", "b@q"]}}, ConfigError, "unknown path"),
    ({"groups": {"a": ["a0"], "b": ["b0", "b1"]}, "contrasts": {"x": ["a", "b"]}}, ConfigError, "paired by training seed"),
]


@pytest.mark.parametrize(("arguments", "kind", "message"), BAD)
def test_bad_contrasts(arguments, kind, message):
    with pytest.raises(kind, match=message):
        accuracy_contrasts(outcomes(20), n_resamples=10, seed=0, **arguments)
    with pytest.raises(SchemaError, match="has dims"):
        accuracy_contrasts(outcomes(20)[0], groups=GROUPS, contrasts={}, seed=0)
