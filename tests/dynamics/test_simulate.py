"""simulate against closed forms, whatever the batching."""

import numpy as np
import pytest
import torch
import xarray as xr

import neurodyn as nd
from neurodyn.dynamics import simulate as engine
from neurodyn.errors import ArtefactError, CapacityError, ConfigError, ModelError, SchemaError
from neurodyn.schema import make_stimuli


class Leaky(torch.nn.Module):
    """x <- a x + u on a 2-channel map: u is the image, so x(t) = u (1 - a^t) / (1 - a)."""

    dt_ms = 2.0
    layers = ("input", "x")
    phase = ("x",)

    def __init__(self, a=0.5, size=3):
        super().__init__()
        self.a = torch.nn.Parameter(torch.tensor(a))
        self.blank = torch.zeros(2, size, size)
        self.n_encoded = 0
        self.eval()

    def encode(self, frame):
        self.n_encoded += 1
        return {"u": frame}

    def initial_state(self, drive, *, noise=None):
        return {"x": torch.zeros_like(drive["u"]), "count": torch.zeros(len(drive["u"]))}

    def step(self, state, drive, *, noise=None):
        x = self.a * state["x"] + drive["u"]
        if noise is not None:
            x = x + noise.normal("x", x)
        return {"x": x, "count": state["count"] + 1}

    def rates(self, state, drive, layers):
        every = {"input": drive["u"], "x": state["x"]}
        return {k: every[k] for k in layers}

    def readout(self, state):
        return state["x"].mean(dim=(-2, -1))


@pytest.fixture
def images():
    return make_stimuli(np.random.default_rng(0).random((7, 2, 3, 3)), label=np.arange(7))


def test_closed_form(images):
    r = nd.simulate(Leaky(), images, nd.Schedule.ms(before=4, stimulus=8, after=4), nd.Record(layers="x"))
    u = images.values.reshape(7, -1)
    for step, value in zip(r.step.values, np.moveaxis(r.values, -1, 0), strict=True):
        on, off = min(max(step + 1, 0), 4), max(step - 3, 0)
        np.testing.assert_allclose(value, u * 2 * (1 - 0.5**on) * 0.5**off, rtol=1e-6)
    assert r.time_bin_start.values[0] == -4.0
    assert r.label.dims == ("presentation",)


def test_each_distinct_frame_is_encoded_once(images):
    model = Leaky()
    nd.simulate(model, images, nd.Schedule.ms(before=4, stimulus=8, after=4), batch_size=7)
    assert model.n_encoded == 2  # the blank, the stimulus


def test_no_step_is_spent_on_finding_shapes(images):
    model, stepped = Leaky(), []
    step = model.step
    model.step = lambda state, drive, **k: stepped.append(len(drive["u"])) or step(state, drive, **k)
    nd.simulate(model, images, nd.Schedule.ms(stimulus=8), nd.Record(layers=("x", "readout"), steps="last"), batch_size=4)
    assert stepped == [4] * 4 + [3] * 4


@pytest.mark.parametrize("seed", [None, 3])
def test_results_do_not_depend_on_the_batch_size(images, seed):
    runs = [nd.simulate(Leaky(), images, nd.Schedule.steps(stimulus=5), batch_size=b, seed=seed) for b in (1, 3, 16)]
    for other in runs[1:]:
        np.testing.assert_allclose(other.values, runs[0].values, rtol=1e-5)


def test_noise_follows_the_presentation_not_the_row(images):
    whole = nd.simulate(Leaky(), images, nd.Schedule.steps(stimulus=3), seed=1)
    part = nd.simulate(Leaky(), images[[5, 2]], nd.Schedule.steps(stimulus=3), seed=1)
    np.testing.assert_array_equal(part.values, whole.values[[5, 2]])
    assert np.abs(whole.values - nd.simulate(Leaky(), images, nd.Schedule.steps(stimulus=3)).values).max() > 0.1


def test_bins_equal_the_mean_of_steps(images):
    every = nd.simulate(Leaky(), images, nd.Schedule.steps(stimulus=6))
    bins = nd.simulate(Leaky(), images, nd.Schedule.steps(stimulus=6), nd.Record(bins_ms=[(0, 4), (4, 12)]))
    np.testing.assert_allclose(bins.values[..., 0], every.values[..., :2].mean(-1), rtol=1e-6)
    np.testing.assert_allclose(bins.values[..., 1], every.values[..., 2:].mean(-1), rtol=1e-6)


def test_space_mean_and_readout(images):
    r = nd.simulate(Leaky(), images, nd.Schedule.steps(stimulus=2), nd.Record(layers=("x", "readout"), space="mean", steps="last"))
    np.testing.assert_allclose(r.values[:, :2, 0], r.values[:, 2:, 0], rtol=1e-6)
    assert r.sizes == {"presentation": 7, "neuroid": 4, "time_bin": 1}


def test_writing_to_disk_gives_the_same_numbers(images, tmp_path):
    whole = nd.simulate(Leaky(), images, nd.Schedule.steps(stimulus=3))
    lazy = nd.simulate(Leaky(), images, nd.Schedule.steps(stimulus=3), batch_size=2, out=tmp_path / "r.nc")
    with lazy:
        np.testing.assert_array_equal(lazy.values, whole.values)
        assert lazy.neuroid_id.values.tolist() == whole.neuroid_id.values.tolist()
        assert lazy.label.values.tolist() == whole.label.values.tolist()
    assert [p.name for p in tmp_path.iterdir()] == ["r.nc"]


def test_a_failed_run_leaves_no_file(images, tmp_path):
    with pytest.raises(ModelError, match=r"layer `x` is not finite at step \d+ for 7 presentations"):
        nd.simulate(Leaky(a=1e30), images, nd.Schedule.steps(stimulus=9), out=tmp_path / "r.nc")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_a_file_is_refused(images, tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(ArtefactError, match="cannot write"):
        nd.simulate(Leaky(), images, nd.Schedule.steps(stimulus=1), out=tmp_path / "taken" / "r.nc")


def test_memory_is_estimated_and_refused(images, monkeypatch):
    size = engine.estimate(Leaky(), images, nd.Schedule.steps(stimulus=5))
    assert size.bytes == 7 * 36 * 5 * 4
    monkeypatch.setattr(engine, "available_bytes", lambda: 100)
    with pytest.raises(CapacityError, match=r"out=\"responses.nc\""):
        nd.simulate(Leaky(), images, nd.Schedule.steps(stimulus=5))


@pytest.mark.parametrize(
    ("stimuli", "kwargs", "error", "message"),
    [
        (lambda im: make_stimuli(np.zeros((1, 2, 5, 5))), {}, SchemaError, r"2 x 5 x 5 .* for a model of 2 x 3 x 3"),
        (lambda im: make_stimuli(np.zeros((1, 1, 3, 3))), {}, SchemaError, "with 2 channels"),
        (lambda im: im.values, {}, SchemaError, "ndarray"),
        (lambda im: im[:0], {}, SchemaError, "hold 0 presentations"),
        (lambda im: im, {"record": nd.Record(layers=("y",))}, ConfigError, "unknown layer"),
    ],
)
def test_bad_input(images, stimuli, kwargs, error, message):
    with pytest.raises(error, match=message):
        nd.simulate(Leaky(), stimuli(images), **kwargs)


@pytest.mark.parametrize(
    ("model", "schedule", "error", "message"),
    [
        ("leaky", None, ModelError, "load_model\\('leaky'\\)"),
        (torch.nn.Linear(1, 1).eval(), None, ModelError, "as_dynamical"),
        (None, 200, ConfigError, "Schedule.ms"),
    ],
)
def test_what_is_no_model_or_schedule_is_refused(images, model, schedule, error, message):
    with pytest.raises(error, match=message):
        nd.simulate(Leaky() if model is None else model, images, schedule)


def test_train_mode_is_refused(images):
    with pytest.raises(ModelError, match=r"model.eval\(\)"):
        nd.simulate(Leaky().train(), images)


def test_state_at_is_the_state_of_simulate(images):
    state, drive = nd.state_at(Leaky(), images, nd.Schedule.steps(before=1, stimulus=4), step=2)
    r = nd.simulate(Leaky(), images, nd.Schedule.steps(before=1, stimulus=4), nd.Record(layers="x", steps=[2]))
    np.testing.assert_allclose(state["x"].reshape(7, -1).numpy(), r.values[..., 0], rtol=1e-6)
    assert set(drive) == {"u"}


class Halting(Leaky):
    """Rows whose count reached their number of steps are frozen."""

    def finished(self, state):
        return state["count"] >= 2


def test_finished_rows_are_frozen(images):
    r = nd.simulate(Halting(), images, nd.Schedule.steps(stimulus=6), nd.Record(layers="x"))
    np.testing.assert_array_equal(r.values[..., 1], r.values[..., 5])
    assert (r.values[..., 0] != r.values[..., 1]).any()


def test_frames_that_are_dicts():
    class Pair(Leaky):
        def __init__(self):
            super().__init__()
            self.blank = {"image": torch.zeros(2, 3, 3), "gain": torch.ones(1)}

        def encode(self, frame):
            return {"u": frame["image"] * frame["gain"][:, :, None, None]}

    stimuli = xr.Dataset(
        {
            "image": (("presentation", "frame", "channel", "row", "column"), np.ones((2, 3, 2, 3, 3), np.float32)),
            "gain": (("presentation", "frame", "k"), np.array([[[1], [2], [3]]] * 2, np.float32)),
        },
        coords={"stimulus_id": ("presentation", ["a", "b"])},
    )
    r = nd.simulate(Pair(), stimuli, record=nd.Record(layers="input"))
    assert r.values[0, 0].tolist() == [1, 2, 3]


def test_gradients_flow_through_unroll():
    model = Leaky()
    line = nd.Schedule.steps(stimulus=3).timeline(dt_ms=2.0)
    *_, (_, state, _) = engine.unroll(model, torch.ones(1, 2, 3, 3), line)
    state["x"].sum().backward()
    assert model.a.grad.item() == pytest.approx(18 * (1 + 2 * 0.5))  # d/da (1 + a + a^2), summed over 18 units
