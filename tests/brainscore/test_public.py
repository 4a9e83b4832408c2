"""Public identifiers of Brain-Score's on files of the same form, and the side effects that scoring must not have."""

import hashlib
import os
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

bv = pytest.importorskip("brainscore_vision")

from brainscore_core.supported_data_standards.brainio import fetch  # noqa: E402
from brainscore_vision.metric_helpers import xarray_utils  # noqa: E402

from neurodyn.brainscore import (  # noqa: E402
    accelerate,
    as_brain_model,
    files,
    missing_files,
    public_benchmarks,
    register,
    score,
)
from neurodyn.brainscore.command import benchmark_lines  # noqa: E402
from neurodyn.brainscore.installed import require  # noqa: E402
from neurodyn.cli import main  # noqa: E402
from neurodyn.dynamics.record import Record  # noqa: E402
from neurodyn.dynamics.simulate import simulate  # noqa: E402
from neurodyn.errors import ConfigError, DataError, NeurodynWarning  # noqa: E402
from neurodyn.schema import make_stimuli  # noqa: E402
from neurodyn.testing import synthetic_recording  # noqa: E402
from neurodyn.testing.toys import ConvNetwork  # noqa: E402

N, OBJECTS = 160, 8
BINS = [(t, t + 10) for t in range(0, 70, 10)]


@pytest.fixture
def brainio(tmp_path, monkeypatch):
    """Empty folders for everything that Brain-Score keeps, and none of the network."""
    monkeypatch.setattr(fetch, "_local_data_path", str(tmp_path / "brainio_home"))
    monkeypatch.setenv("RESULTCACHING_HOME", str(tmp_path / "caching"))
    monkeypatch.setenv("NEURODYN_DATA", str(tmp_path / "data"))
    (tmp_path / "data" / "brain-score").mkdir(parents=True)

    def no_network(self):
        raise OSError("no network in this test")

    monkeypatch.setattr(fetch.BotoFetcher, "download_boto", no_network)
    return tmp_path / "data" / "brain-score"


def write_majajhong(folder, *, temporal=False):
    """Synthetic recordings in exactly the layout of dicarlo.MajajHong2015[.temporal].public and hvm-public."""
    rng = np.random.default_rng(0)
    ids = [f"image{k:04d}" for k in range(N)]
    pixels = rng.integers(256, size=(N, 3, 8, 8))
    objects = np.array([f"object{k % OBJECTS}" for k in range(N)])
    stimuli = make_stimuli(pixels / 255, ids, object_name=objects)
    bins = BINS if temporal else [(70, 170)]
    responses = simulate(ConvNetwork(n_inputs=3), stimuli, record=Record(layers=("V2",), bins_ms=[(float(a), float(b)) for a, b in bins]), progress=False)
    recorded = synthetic_recording(responses, n_neuroids=14, n_repeats=4, explainable_variance=0.8, seed=0)
    flat = recorded.drop_vars(["explainable_variance", "source", "object_name"], errors="ignore")
    flat = flat.assign_coords(
        region=("neuroid", np.array(["V4"] * 6 + ["IT"] * 8)),
        animal=("neuroid", np.array(["a"] * 14)),
        time_bin_start=("time_bin", np.array([a for a, _ in bins])),
        time_bin_end=("time_bin", np.array([b for _, b in bins])),
    )
    flat.attrs = {"stimulus_set_identifier": "hvm-public"}
    name = f"assy_dicarlo_MajajHong2015_{'temporal_' if temporal else ''}public.nc"
    flat.rename("activity").to_netcdf(folder / name)
    rows = "\n".join(f"{i},{i}.png,{o}" for i, o in zip(ids, objects, strict=True))
    (folder / "stimulus_hvm-public.csv").write_text(f"stimulus_id,filename,object_name\n{rows}\n")
    with zipfile.ZipFile(folder / "stimulus_hvm-public.zip", "w") as archive:
        for i, image in zip(ids, pixels, strict=True):
            path = folder / f"{i}.png"
            Image.fromarray(image.transpose(1, 2, 0).astype(np.uint8)).save(path)
            archive.write(path, f"{i}.png")
            path.unlink()
    return name


def model(**kwargs):
    return as_brain_model(ConvNetwork(n_inputs=3), {"V4": "V1", "IT": ["V1", "V2"]}, **kwargs)


def site_packages():
    return {p for p in Path(bv.__file__).parents[1].glob("conda_score--*.pkl")}


def test_a_public_identifier_runs_on_local_files_of_its_form(brainio):
    write_majajhong(brainio)
    litter, before = site_packages(), os.environ.get("RESULTCACHING_DISABLE")
    with pytest.warns(NeurodynWarning, match="is not the published file"):
        result = score(model(), "MajajHong2015public.IT-pls", verify=True)
    assert 0.2 < float(result) < 1.3
    assert result.attrs["convention"] == "r^2/c"
    np.testing.assert_allclose(float(result), float(result.attrs["raw"]) ** 2 / float(result.attrs["ceiling"]))
    np.testing.assert_allclose(
        result.attrs["error_normalised"], float(result.attrs["raw"].attrs["error"]) * 2 * float(result.attrs["raw"]) / float(result.attrs["ceiling"])
    )
    assert result.attrs["raw"].attrs["difference"] < 1e-8
    assert result.attrs["ceiling"].attrs["difference"] < 1e-6
    assert "brainscore_vision" in result.attrs["versions"]
    assert site_packages() == litter  # no pickle beside the library
    assert not (brainio.parent.parent / "caching").exists()  # and none of its caches
    assert os.environ.get("RESULTCACHING_DISABLE") == before
    assert sorted(p.name for p in brainio.iterdir()) == ["assy_dicarlo_MajajHong2015_public.nc", "stimulus_hvm-public.csv", "stimulus_hvm-public.zip"]


def test_scores_over_time_keep_their_bins_and_their_own_ceiling(brainio, monkeypatch):
    monkeypatch.setitem(xarray_utils.apply_over_dims.__kwdefaults__, "njobs", 1)
    write_majajhong(brainio, temporal=True)
    write_majajhong(brainio)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NeurodynWarning)
        still = score(model(), "MajajHong2015public.IT-pls")
        moving = score(model(), "MajajHong2015public.IT-temporal-pls")  # the library gives both one identifier, and so one cached ceiling
    assert moving.dims == ("time_bin",)
    starts = moving["time_bin_start"].values
    assert starts.tolist() == list(range(0, 10 * len(starts), 10))
    assert moving.attrs["ceiling"].shape == moving.shape
    assert np.ndim(still.attrs["ceiling"].values) == 0


def test_missing_files_are_named_with_their_place(brainio):
    with pytest.raises(DataError) as caught:
        score(model(), "MajajHong2015public.IT-pls")
    text = str(caught.value)
    for name, sha1 in (("assy_dicarlo_MajajHong2015_public.nc", "13d28ca0"), ("stimulus_hvm-public.csv", "5ca7a3da"), ("stimulus_hvm-public.zip", "8aa44e03")):
        assert name in text
        assert sha1 in text
    assert str(brainio) in text
    write_majajhong(brainio)
    (brainio / "stimulus_hvm-public.zip").unlink()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NeurodynWarning)
        assert list(missing_files("MajajHong2015public.IT-pls")) == ["stimulus_hvm-public.zip"]


def test_published_files_are_taken_without_a_warning(brainio, monkeypatch):
    (brainio / "one.nc").write_bytes(b"content")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        staged = files._staged(brainio / "one.nc", "one.nc", hashlib.sha1(b"content", usedforsecurity=False).hexdigest())
    assert staged.read_bytes() == b"content"
    assert staged.parent.name == hashlib.sha1(b"content", usedforsecurity=False).hexdigest()


def test_loading_never_runs_pip(monkeypatch):
    monkeypatch.delenv("BS_INSTALL_DEPENDENCIES", raising=False)
    monkeypatch.setattr("subprocess.run", lambda *a, **k: pytest.fail(f"ran {a}"))
    require()
    assert os.environ["BS_INSTALL_DEPENDENCIES"] == "no"
    bv.load_metric("ost")  # its requirements name tensorflow
    monkeypatch.setenv("BS_INSTALL_DEPENDENCIES", "yes")
    require()
    assert os.environ["BS_INSTALL_DEPENDENCIES"] == "yes"  # the user's own word counts


def test_identifiers_are_known_without_loading_anything():
    known = public_benchmarks()
    assert {"MajajHong2015public.IT-pls", "Kar2019-ost", "Cowley2026.V4-pls", "FreemanZiemba2013public.V1-pls"} <= set(known)
    with pytest.raises(ConfigError, match=r"did you mean `MajajHong2015public\.IT-pls`"):
        score(model(), "MajajHong2015public.IT-pl")


def test_the_command_takes_public_identifiers(brainio, capsys):
    write_majajhong(brainio)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NeurodynWarning)
        code = main(["score", "convrnn-rgc", "MajajHong2015public.V4-pls", "--layer", "conv3"])
    out = capsys.readouterr().out
    assert code == 0
    assert "layer conv3" in out
    assert "convention: r^2/c" in out
    assert "versions: brainscore_vision" in out
    assert main(["score", "convrnn-rgc", "MajajHong2015public.V4-pls", "--layer", "conv9"]) == 2
    assert main(["score", "convrnn-rgc", "MajajHong2015public.IT-temporal-pls"]) == 2
    assert "assy_dicarlo_MajajHong2015_temporal_public.nc" in capsys.readouterr().err
    with pytest.raises(ConfigError, match="unknown layer"):
        next(benchmark_lines("convrnn-rgc", "MajajHong2015public.V4-pls", layer="conv9"))


class Plain:
    """A benchmark of a kind that is not accelerated."""

    identifier, _ceiling_func = "plain", staticmethod(lambda: 1.0)

    def __init__(self, value):
        self.value = value

    def preallocate_memory(self, *_, **__):
        raise MemoryError("an estimate that refuses what would fit")

    def __call__(self, candidate):
        from brainscore_vision.metrics import Score

        raw = Score(self.value)
        result = Score(self.value / 0.5)
        result.attrs.update(raw=raw, ceiling=Score(0.5))
        return result


def test_no_memory_estimate_and_other_conventions_are_named():
    assert score(model(), Plain(0.2)).attrs["convention"] == "r/c"
    other = Plain(0.2)
    other.__class__ = type("Odd", (Plain,), {"__call__": lambda self, candidate: _odd()})
    assert score(model(), other, fast=False).attrs["convention"] == "the benchmark's own"


def _odd():
    from brainscore_vision.metrics import Score

    result = Score(0.9)
    result.attrs.update(raw=Score(0.2), ceiling=Score(0.5))
    return result


def test_registered_names_work_in_load_model_and_in_the_librarys_own_score(monkeypatch, tmp_path):
    register("model", "neurodyn-public-model", model)
    register("benchmark", "neurodyn-public-benchmark", lambda: Plain(0.3))
    assert bv.load_model("neurodyn-public-model").identifier == model().identifier
    monkeypatch.setattr(Plain, "preallocate_memory", lambda self, *a, **k: None)
    monkeypatch.setattr(
        bv,
        "wrap_score",
        lambda path, model_identifier, benchmark_identifier, score_function, conda_active: score_function(model_identifier, benchmark_identifier),
    )
    assert float(bv.score("neurodyn-public-model", "neurodyn-public-benchmark")) == pytest.approx(0.6)
    assert float(score("neurodyn-public-model", "neurodyn-public-benchmark")) == pytest.approx(0.6)


def test_benchmarks_made_of_benchmarks(brainio):
    write_majajhong(brainio)

    class Mean:
        def __init__(self, parts):
            self._sessions, self._ceiling_func = parts, lambda: np.mean([float(p.ceiling) for p in parts])

        @property
        def ceiling(self):
            return self._ceiling_func()

        def __call__(self, candidate):
            from brainscore_vision.metrics import Score

            found = [p(candidate) for p in self._sessions]
            result = Score(np.mean([float(s) for s in found]))
            result.attrs.update(raw=Score(np.mean([float(s.raw) for s in found])), ceiling=Score(self.ceiling))
            return result

    files.use_local_files()
    with pytest.warns(NeurodynWarning):
        parts = [bv.load_benchmark(f"MajajHong2015public.{r}-pls") for r in ("V4", "IT")]
    joined = accelerate(Mean(parts))
    assert joined.accelerated == ("metric", "ceiling", "metric", "ceiling")
    assert 0.1 < float(score(model(), joined)) < 1.5
    assert parts[0].ceiling is parts[0].ceiling  # computed once
