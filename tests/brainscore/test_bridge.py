import builtins
import sys

import numpy as np
import pytest
import torch
import xarray as xr

bv = pytest.importorskip("brainscore_vision")

from brainscore_core.supported_data_standards.brainio.assemblies import NeuroidAssembly  # noqa: E402
from brainscore_vision.metric_helpers import xarray_utils  # noqa: E402
from brainscore_vision.metrics.regression_correlation import metric as library_metrics  # noqa: E402

from neurodyn.analysis import predictivity  # noqa: E402
from neurodyn.brainscore import accelerate, acceleration, as_brain_model, from_assembly, local_benchmark, register, score, to_assembly  # noqa: E402
from neurodyn.brainscore.acceleration import _fast_metric  # noqa: E402
from neurodyn.dynamics.record import Record  # noqa: E402
from neurodyn.dynamics.simulate import simulate  # noqa: E402
from neurodyn.errors import ConfigError, SchemaError  # noqa: E402
from neurodyn.schema import make_stimuli  # noqa: E402
from neurodyn.testing import synthetic_recording  # noqa: E402


class Leaky:
    """Two layers of leaky units that look at filtered images."""

    dt_ms, layers, phase = 10.0, ("V4", "IT"), ("V4", "IT")

    def __init__(self, seed=0, size=8, units=30):
        generator = torch.Generator().manual_seed(seed)
        self.blank = torch.zeros(3, size, size)
        self.weight = torch.randn(3 * size * size, units, generator=generator) / size
        self.across = torch.randn(units, units, generator=generator) / units**0.5

    def encode(self, frame):
        return {"input": torch.relu((frame.flatten(1) - frame.flatten(1).mean(1, keepdim=True)) @ self.weight)}

    def initial_state(self, drive, *, noise=None):
        return {k: torch.zeros_like(drive["input"]) for k in self.phase}

    def step(self, state, drive, *, noise=None):
        return {"V4": 0.7 * state["V4"] + 0.3 * drive["input"], "IT": 0.7 * state["IT"] + 0.3 * torch.relu(state["V4"] @ self.across)}

    def rates(self, state, drive, layers):
        return {k: state[k] for k in layers}

    def readout(self, state):
        return state["IT"]


BINS = [(70.0, 90.0), (90.0, 110.0), (110.0, 130.0)]


@pytest.fixture(scope="module")
def stimuli():
    rng = np.random.default_rng(0)
    n = 120
    return make_stimuli(rng.integers(256, size=(n, 3, 8, 8)) / 255, [f"image{k:03d}" for k in range(n)], object_name=np.repeat([f"o{k}" for k in range(8)], 15))


@pytest.fixture(scope="module")
def recordings(stimuli):
    responses = simulate(Leaky(seed=1), stimuli, record=Record(layers=("IT",), bins_ms=BINS), progress=False)
    return synthetic_recording(responses, n_neuroids=12, n_repeats=6, seed=0)


def one_bin(recordings):
    return recordings[:, :, :1]


def wrapped(**kwargs):
    return as_brain_model(Leaky(), {"V4": "V4", "IT": ["V4", "IT"]}, **kwargs)


def test_assemblies_go_and_come_back(recordings):
    assembly = to_assembly(recordings, region="IT")
    assert isinstance(assembly, NeuroidAssembly)
    back = from_assembly(assembly)
    np.testing.assert_array_equal(back.values, recordings.values)
    for name in ("stimulus_id", "repetition", "neuroid_id", "time_bin_start"):
        np.testing.assert_array_equal(back[name].values, recordings[name].values)
    np.testing.assert_array_equal(from_assembly(assembly.transpose("neuroid", "time_bin", "presentation")).values, recordings.values)
    flat = to_assembly(one_bin(recordings), region="IT").squeeze("time_bin")
    assert from_assembly(flat, bins_ms=[(70, 90)]).shape == one_bin(recordings).shape
    with pytest.raises(SchemaError, match="bins_ms"):
        from_assembly(
            flat.reset_coords(drop=True)
            if "time_bin_start" not in flat.coords
            else flat.drop_vars(["time_bin_start", "time_bin_end", "time_bin"], errors="ignore")
        )
    with pytest.raises(SchemaError, match="ndarray"):
        from_assembly(recordings.values)


def test_no_time_step_is_lost(stimuli, recordings, tmp_path):
    benchmark = local_benchmark(recordings, stimuli, tmp_path, region="IT", metric="spantime_ridge")
    model = wrapped(latency_ms={"IT": 20.0})
    model.start_recording("IT", time_bins=benchmark.timebins)
    seen = model.look_at(benchmark._assembly.stimulus_set)
    assert seen.sizes["time_bin"] == 3
    assert seen["time_bin_start"].values.tolist() == [70, 90, 110]
    direct = simulate(Leaky(), stimuli, record=Record(layers=("V4", "IT"), bins_ms=[(a - 20, b - 20) for a, b in BINS]), progress=False)
    np.testing.assert_allclose(seen.values, direct.values, atol=1e-6)
    assert set(np.unique(seen["layer"].values)) == {"V4", "IT"}


@pytest.mark.parametrize("bins", [[np.array((70, 170), dtype=object)], [(70, 170)], np.array([(70, 90), (90, 110)], dtype=object), (70, 170)])
def test_every_shape_of_time_bins(bins, stimuli):
    model = wrapped()
    listed = np.empty((), dtype=object)
    listed[()] = (70, 170)
    for given in (bins, [listed]):
        model.start_recording("IT", time_bins=given)
        assert all(b > a for a, b in model._bins)


def test_identifiers_follow_the_weights():
    a, b = wrapped(), as_brain_model(Leaky(seed=5), {"IT": "IT"})
    assert a.identifier == wrapped().identifier
    assert len({a.identifier, b.identifier, wrapped(latency_ms=10).identifier, wrapped(neuroids=5).identifier}) == 4
    twice = wrapped()
    twice.start_recording("V4", [(70, 90)])
    v4 = twice._region, list(twice._bins)
    twice.start_recording("IT", [(70, 90)])
    assert (twice._region, twice._bins) != v4


@pytest.mark.parametrize(
    ("metric", "stratify", "tolerance"),
    [("pls", "object_name", 1e-8), ("ridge", None, 1e-6), ("spantime_ridge", None, 1e-6)],
)
def test_accelerated_scores_are_the_librarys(stimuli, recordings, tmp_path, metric, stratify, tolerance, monkeypatch):
    monkeypatch.setitem(xarray_utils.apply_over_dims.__kwdefaults__, "njobs", 1)  # no process pool for three bins
    several = metric.startswith("spantime")
    data = recordings if several else one_bin(recordings)
    benchmark = local_benchmark(data.astype("float64"), stimuli, tmp_path, region="IT", metric=metric, stratify=stratify)
    library_ceiling = benchmark._ceiling_func()
    library = benchmark._similarity_metric
    model = wrapped()
    model.start_recording("IT", time_bins=benchmark.timebins)
    seen = model.look_at(benchmark._assembly.stimulus_set)
    seen = seen if several else seen.squeeze("time_bin")
    fast = _fast_metric(library)(seen, benchmark._assembly)
    want = library(seen, benchmark._assembly)
    np.testing.assert_allclose(fast.values, want.values, atol=tolerance)
    order = ("split", "neuroid", *(["time_bin"] if several else []))
    np.testing.assert_allclose(fast.raw.transpose(*order).values, want.raw.transpose(*order).values, atol=100 * tolerance)
    np.testing.assert_array_equal(fast.raw["neuroid_id"].values, want.raw["neuroid_id"].values)
    np.testing.assert_allclose(fast.attrs["error"], want.attrs["error"], atol=10 * tolerance)
    accelerate(benchmark)
    assert benchmark.accelerated == ("metric", "ceiling")
    np.testing.assert_allclose(benchmark.ceiling.values, library_ceiling.values, atol=1e-6)
    if not several:
        result = benchmark(model)
        np.testing.assert_allclose(result.values, want.values**2 / library_ceiling.values, atol=1e-6)


def test_verify_reports_the_difference(stimuli, recordings, tmp_path):
    benchmark = accelerate(local_benchmark(one_bin(recordings), stimuli, tmp_path, region="IT"), verify=True)
    result = benchmark(wrapped())
    assert result.attrs["raw"].attrs["difference"] < 1e-6 if "difference" in result.attrs["raw"].attrs else result.attrs["difference"] < 1e-6
    assert benchmark.ceiling.attrs["difference"] < 1e-6


def test_each_score_runs_on_the_engine_it_names(stimuli, recordings, tmp_path, monkeypatch):
    benchmark = local_benchmark(one_bin(recordings), stimuli, tmp_path, region="IT")
    own, own_ceiling = benchmark._similarity_metric, benchmark._ceiling_func
    calls = []
    for name in ("FastCrossRegression", "FastCeiling"):
        kind = getattr(acceleration, name)
        monkeypatch.setattr(kind, "__call__", lambda self, *a, _was=kind.__call__, _name=name: (calls.append(_name), _was(self, *a))[1])
    first = score(wrapped(), benchmark)
    assert calls == ["FastCrossRegression", "FastCeiling"]
    assert benchmark._similarity_metric is own and benchmark._ceiling_func is own_ceiling
    score(wrapped(), benchmark)
    assert calls == ["FastCrossRegression", "FastCeiling", "FastCrossRegression"]  # the ceiling is kept
    slow = score(wrapped(), benchmark, fast=False)
    assert len(calls) == 3
    np.testing.assert_allclose(first.values, slow.values, atol=1e-6)
    first_verified = score(wrapped(), benchmark, verify=True)
    assert len(calls) == 5 and 0 <= first_verified.attrs["largest_difference"] < 1e-6
    assert "difference" in first_verified.attrs["ceiling"].attrs and "largest_difference" not in first.attrs
    accelerate(benchmark)
    monkeypatch.setattr(acceleration._Verified, "__call__", lambda self, *a: (self._differences.append(0.0), self._fast(*a))[1])
    assert score(wrapped(), benchmark, verify=True).attrs["largest_difference"] == 0  # of this call alone
    assert isinstance(benchmark._similarity_metric, acceleration.FastCrossRegression)


def test_ceilings_are_not_confused_by_identifiers(stimuli, recordings, tmp_path):
    noisy = one_bin(recordings) + 20 * np.random.default_rng(0).normal(size=one_bin(recordings).shape)
    benchmarks = [local_benchmark(r, stimuli, tmp_path / str(k), region="IT") for k, r in enumerate((one_bin(recordings), noisy))]
    assert benchmarks[0].identifier != benchmarks[1].identifier
    for b in benchmarks:
        b._identifier = "the same"
        accelerate(b)
    assert float(benchmarks[0].ceiling) > float(benchmarks[1].ceiling) + 0.2


def test_train_test_metrics(stimuli, recordings):
    rng = np.random.default_rng(0)
    assembly = to_assembly(one_bin(recordings)[:120].assign_coords(time_bin_start=("time_bin", [70]), time_bin_end=("time_bin", [90])), region="IT").squeeze(
        "time_bin"
    )
    source = NeuroidAssembly(
        rng.normal(size=(120, 25)) + assembly.values @ rng.normal(size=(12, 25)) * 0.1,
        dims=["presentation", "neuroid"],
        coords={
            "stimulus_id": ("presentation", assembly["stimulus_id"].values),
            "n": ("presentation", np.arange(120)),
            "neuroid_id": ("neuroid", np.arange(25)),
            "k": ("neuroid", np.arange(25)),
        },
    )
    train, test = np.arange(100), np.arange(100, 120)
    for regression in (
        library_metrics.pls_regression({"n_components": 10}),
        library_metrics.ridge_regression(),
        library_metrics.ridge_cv_regression(alphas=[1.0, 10.0, 100.0]),
    ):
        metric = library_metrics.TrainTestSplitCorrelation(regression=regression, correlation=library_metrics.pearsonr_correlation())
        args = [source[train], source[test], assembly[train], assembly[test]]
        want, got = metric(*args), _fast_metric(metric)(*args)
        np.testing.assert_allclose(got.values, want.values, atol=1e-6)
        assert got.raw.attrs.get("alpha") == want.raw.attrs.get("alpha")


def test_unknown_metrics_and_ceilings_are_left_alone(stimuli, recordings, tmp_path):
    benchmark = local_benchmark(one_bin(recordings), stimuli, tmp_path, region="IT")
    benchmark._similarity_metric = bv.load_metric("linear_predictivity")
    before = benchmark._similarity_metric
    benchmark._ceiling_func = lambda: 0.5
    accelerate(benchmark)
    assert benchmark._similarity_metric is before
    assert benchmark.accelerated == ()
    assert benchmark.ceiling == 0.5


def test_score_and_registration(stimuli, recordings, tmp_path):
    register("model", "neurodyn-test-model", lambda: as_brain_model(Leaky(seed=1), {"IT": "IT"}))
    register("benchmark", "neurodyn-test-benchmark", lambda: local_benchmark(one_bin(recordings), stimuli, tmp_path, region="IT"))
    assert bv.load_model("neurodyn-test-model").visual_degrees() == 8
    result = score(bv.load_model("neurodyn-test-model"), "neurodyn-test-benchmark")
    assert 0.05 < float(result) < 1
    assert result.attrs["convention"] == "r^2/c"
    with pytest.raises(ConfigError, match="unknown kind"):
        register("modell", "x", wrapped)
    with pytest.raises(ConfigError, match=r"nothing_like_it|unknown benchmark"):
        score(wrapped(), "nothing_like_it")


def test_bad_input(stimuli, recordings, tmp_path):
    with pytest.raises(ConfigError, match="did you mean `IT`"):
        as_brain_model(Leaky(), {"IT": "it"})
    model = wrapped()
    with pytest.raises(ConfigError, match="fix: start_recording"):
        model.look_at([])
    with pytest.raises(ConfigError, match="unknown region `V1`"):
        model.start_recording("V1", [(70, 170)])
    timeless = Leaky()
    timeless.dt_ms = None
    with pytest.raises(ConfigError, match="fix: dt_ms"):
        as_brain_model(timeless, {"IT": "IT"})
    assert as_brain_model(timeless, {"IT": "IT"}, dt_ms=5.0)._model.dt_ms == 5.0
    with pytest.raises(ConfigError, match="spantime"):
        local_benchmark(recordings, stimuli, tmp_path, region="IT", metric="pls")
    with pytest.raises(SchemaError, match="lacks"):
        local_benchmark(one_bin(recordings), stimuli[:10], tmp_path, region="IT")
    fewer = _fast_metric(
        library_metrics.CrossRegressedCorrelation(regression=library_metrics.pls_regression(), correlation=library_metrics.pearsonr_correlation())
    )
    target = to_assembly(one_bin(recordings)[:120], region="IT").squeeze("time_bin")
    with pytest.raises(SchemaError, match="every recorded stimulus once"):
        fewer(target[:50], target)


def test_absent_brainscore_is_one_clear_error(monkeypatch):
    real = builtins.__import__

    def broken(name, *args, **kwargs):
        if name.startswith("brainscore"):
            raise RuntimeError("operator torchvision::nms does not exist")
        return real(name, *args, **kwargs)

    for name in [n for n in sys.modules if n.startswith("brainscore_vision")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", broken)
    monkeypatch.setitem(sys.modules, "brainscore_vision", None)
    with pytest.raises(ConfigError, match=r"pip install .neurodyn\[brainscore\]"):
        as_brain_model(Leaky(), {"IT": "IT"})


def test_the_same_recording_in_our_own_analysis(stimuli, recordings):
    responses = simulate(Leaky(seed=1), stimuli, record=Record(layers=("IT",), bins_ms=BINS[:1]), progress=False)
    own = predictivity(responses, one_bin(recordings), regression="pls", n_components=10, seed=0)
    assert float(own.median_raw) > 0.1
    assert isinstance(own, xr.Dataset)
