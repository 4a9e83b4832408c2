import numpy as np
import pytest
import torch
import xarray as xr

import neurodyn as nd
from neurodyn.analysis import noise_robustness
from neurodyn.errors import ConfigError, SchemaError
from neurodyn.schema import make_stimuli
from neurodyn.seeding import numpy_generator


class Leaky(torch.nn.Module):
    """r <- (1 - alpha) r + alpha x: noise filtered in closed form; the answer is the larger of the two pixels."""

    def __init__(self, alpha):
        super().__init__()
        self.alpha, self.dt_ms, self.layers, self.phase = alpha, 2.0, ("x",), ("x",)
        self.trial = nd.Schedule.steps(stimulus=60)
        self.register_buffer("blank", torch.zeros(1, 1, 2))

    def encode(self, frame):
        return {"x": frame.flatten(1)}

    def initial_state(self, drive, *, noise=None):
        return {"x": torch.zeros_like(drive["x"])}

    def step(self, state, drive, *, noise=None):
        return {"x": (1 - self.alpha) * state["x"] + self.alpha * drive["x"]}

    def rates(self, state, drive, layers):
        return {k: state["x"] for k in layers}

    def readout(self, state):
        return state["x"]


def images(n=400):
    pixels = numpy_generator(0, "x").random((n, 1, 1, 2), dtype=np.float32)
    return make_stimuli(pixels), pixels[:, 0, 0].argmax(1)


def test_a_leaky_unit_filters_noise_that_changes_and_not_noise_that_stays():
    stimuli, labels = images()
    ds = noise_robustness(Leaky(0.2).eval(), stimuli, labels, noise_sd=(0.0, 0.3), seed=0)
    signal = float(stimuli.values.reshape(-1, 2)[:200].var(axis=0).mean())
    frozen, dynamic = ds.error.sel(noise=0.3).mean("presentation").values * signal
    assert frozen == pytest.approx(0.09, rel=0.15)  # 800 draws: standard error 5 %
    assert dynamic == pytest.approx(0.09 * 0.2 / 1.8, rel=0.15)  # alpha / (2 - alpha)
    assert (ds.accuracy.sel(noise=0.0) == 1).all()
    assert float(ds.error.sel(noise=0.0).max()) < 1e-10
    assert float(ds.accuracy.sel(noise=0.3, kind="dynamic")) > float(ds.accuracy.sel(noise=0.3, kind="frozen")) + 0.05


def test_averaging_the_logits_gives_a_memoryless_model_the_same_frames():
    stimuli, labels = images()
    ds = noise_robustness(Leaky(1.0).eval(), stimuli, labels, noise_sd=(0.4,), kinds=("dynamic",), window_ms=40.0, seed=0)
    assert ds.accuracy_averaged.item() > ds.accuracy.item() + 0.1


def test_rows_do_not_depend_on_their_batch():
    stimuli, labels = images(30)
    one, two = (noise_robustness(Leaky(0.3).eval(), stimuli, labels, noise_sd=(0.2,), batch_size=b, seed=1) for b in (7, 30))
    xr.testing.assert_allclose(one, two)
    back = noise_robustness(Leaky(0.3).eval(), stimuli[::-1], labels[::-1], noise_sd=(0.2,), seed=1)
    np.testing.assert_allclose(back.error.values[..., ::-1], one.error.values, rtol=1e-5)


@pytest.mark.parametrize(
    ("changes", "error", "match"),
    [
        ({"kinds": ("dynamics",)}, ConfigError, "did you mean `dynamic`"),
        ({"noise_sd": (-0.1,)}, ConfigError, "0 or more"),
        ({"window_ms": 500.0}, ConfigError, "250 steps of an image of 60"),
        ({"labels": [1]}, SchemaError, "1 labels for 4 stimuli"),
    ],
)
def test_bad_input(changes, error, match):
    stimuli, labels = images(4)
    with pytest.raises(error, match=match):
        noise_robustness(Leaky(0.2).eval(), stimuli, **{"labels": labels, "seed": 0, **changes})
