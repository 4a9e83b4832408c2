import io
import zipfile

import numpy as np
import pytest
import scipy.io
import xarray as xr
from PIL import Image

from neurodyn import places
from neurodyn.datasets import assembly, cowley2023, zhang2011
from neurodyn.errors import ConfigError, DataError, SchemaError
from neurodyn.schema import check_recordings


def png(seed, size=8):
    out = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(256, size=(size, size, 3)).astype(np.uint8)).save(out, "PNG")
    return out.getvalue()


def write_cowley(folder, session="210325", n=6, neurons=4, repeats=3):
    rng = np.random.default_rng(0)
    raw = rng.poisson(3.0, size=(neurons, n, repeats)).astype(float)
    raw[:, ::2, -1] = np.nan
    np.save(folder / f"responses_raw_{session}.npy", raw)
    np.save(folder / f"responses_avg_{session}.npy", np.nanmean(raw, axis=2))
    with zipfile.ZipFile(folder / f"images_{session}.zip", "w") as archive:
        archive.writestr(f"images_{session}/", "")
        for k in reversed(range(n)):  # out of order in the archive
            archive.writestr(f"images_{session}/image{k + 1:04d}.png", png(k))
    return raw


def test_cowley_rows_are_repeats_and_ids_join_images(tmp_path):
    raw = write_cowley(tmp_path)
    stimuli, recordings = cowley2023.load(tmp_path, "210325")
    check_recordings(recordings, where="test")
    assert recordings.shape == (6 * 3 - 3, 4, 1)
    for k, row in enumerate(zip(recordings.stimulus_id.values, recordings.repetition.values, strict=True)):
        image = stimuli.stimulus_id.values.tolist().index(row[0])
        np.testing.assert_allclose(recordings.values[k, :, 0], raw[:, image, row[1]])
    mean = recordings.groupby("stimulus_id").mean("presentation")
    _, averaged = cowley2023.load(tmp_path, "210325", repeats=False)
    np.testing.assert_allclose(mean.sel(stimulus_id=averaged.stimulus_id.values).values, averaged.values, rtol=1e-6)
    assert cowley2023.load(tmp_path, "210325", image_size=4)[0].shape == (6, 3, 4, 4)
    first = np.asarray(Image.open(io.BytesIO(png(0)))).transpose(2, 0, 1) / 255
    np.testing.assert_allclose(stimuli.sel(presentation=stimuli.stimulus_id == "210325.image0001").values[0], first, atol=1e-6)


@pytest.mark.parametrize(
    ("spoil", "error", "match"),
    [
        (lambda d: (d / "responses_avg_210325.npy").write_bytes((d / "responses_avg_210325.npy").read_bytes()[:-9]), DataError, "fix: fetch the file again"),
        (lambda d: (d / "images_210325.zip").write_bytes((d / "images_210325.zip").read_bytes()[:-40]), DataError, "whole zip archive"),
        (lambda d: np.save(d / "responses_avg_210325.npy", np.zeros((4, 7))), DataError, "6 images for 7 columns"),
        (lambda d: np.save(d / "responses_avg_210325.npy", np.zeros((6, 4))), DataError, "6 images for 4 columns"),  # transposed
        (lambda d: np.save(d / "responses_raw_210325.npy", np.zeros((5, 6, 3))), DataError, r"expected: \(4, 6\)"),
        (lambda d: np.save(d / "responses_avg_210325.npy", np.full((4, 6), np.nan)), DataError, "NaN in 4 neurons"),
        (lambda d: np.save(d / "responses_avg_210325.npy", np.array([None, 1]), allow_pickle=True), DataError, "whole .npy file"),
        (lambda d: (d / "images_210325.zip").unlink(), DataError, "images_210325.zip does not exist"),
    ],
)
def test_damaged_cowley(tmp_path, spoil, error, match):
    write_cowley(tmp_path)
    spoil(tmp_path)
    with pytest.raises(error, match=match):
        cowley2023.load(tmp_path, "210325")


def test_unknown_session(tmp_path):
    write_cowley(tmp_path)
    with pytest.raises(ConfigError, match="did you mean `210325`"):
        cowley2023.load(tmp_path, "210326")


def write_zhang(folder, n_neurons=2, repeats=(3, 2)):
    rng = np.random.default_rng(0)
    rasters = []
    for k in range(n_neurons):
        trials = [(o, p) for o in ("car", "face") for p in ("lower", "upper") for _ in range(repeats[k])]
        trials = [trials[i] for i in rng.permutation(len(trials))]
        raster = (rng.random((len(trials), 1000)) < 0.02).astype(np.uint8)
        cells = {key: np.array([[np.array([t[j]]) for t in trials]], dtype=object) for j, key in enumerate(("stimulus_ID", "stimulus_position"))}
        content = {"raster_data": raster, "raster_labels": cells, "raster_site_info": {"session_ID": 1000 + k}}
        scipy.io.savemat(folder / f"n{k}_raster_data.mat", content)
        rasters.append((trials, raster))
    return rasters


def test_zhang_counts_spikes(tmp_path):
    rasters = write_zhang(tmp_path)
    r = zhang2011.load(tmp_path, [(-100, 0), (50, 150)])
    assert r.shape == (4 * 2, 2, 2)
    trials, raster = rasters[0]
    rows = [i for i, t in enumerate(trials) if t == ("car", "upper")][:2]
    got = r.sel(presentation=(r.stimulus_id == "car@upper")).values[:, 0, 1]
    np.testing.assert_allclose(got, raster[rows, 550:650].sum(1) * 10)
    assert set(r.object.values) == {"car", "face"}
    assert zhang2011.load(tmp_path, n_neurons=1, n_repetitions=3).shape == (12, 1, 24)


@pytest.mark.parametrize("cut", [0, 100, 200, 0.5])
def test_truncated_mat(tmp_path, cut):
    write_zhang(tmp_path)
    file = tmp_path / "n0_raster_data.mat"
    raw = file.read_bytes()
    file.write_bytes(raw[: int(cut * len(raw)) if isinstance(cut, float) else cut])
    with pytest.raises(DataError, match="n0_raster_data"):
        zhang2011.load(tmp_path)


def test_zhang_bad_input(tmp_path):
    with pytest.raises(DataError, match="no \\*_raster_data"):
        zhang2011.load(tmp_path)
    write_zhang(tmp_path)
    for bins in ([(0.5, 10)], [(10, 10)], [(0, 600)], []):
        with pytest.raises(ConfigError, match="whole ms"):
            zhang2011.load(tmp_path, bins)
    with pytest.raises(ConfigError, match="1 to 2"):
        zhang2011.load(tmp_path, n_repetitions=9)
    scipy.io.savemat(tmp_path / "n2_raster_data.mat", {"other": 1})
    with pytest.raises(DataError, match="raster_labels"):
        zhang2011.load(tmp_path)


def write_assembly(folder, identifier="test.Set2020", bins=((0, 20), (10, 30), (20, 40)), n=5, transpose=False):
    rng = np.random.default_rng(0)
    ids = np.repeat([f"s{k}" for k in range(n)], 2)
    data = xr.DataArray(
        rng.normal(size=(2 * n, 3, len(bins))),
        dims=("presentation", "neuroid", "time_bin"),
        coords={
            "stimulus_id": ("presentation", ids),
            "repetition": ("presentation", np.tile([0, 1], n)),
            "neuroid_id": ("neuroid", ["a", "b", "c"]),
            "region": ("neuroid", ["V4", "IT", "IT"]),
            "time_bin_start": ("time_bin", [b[0] for b in bins]),
            "time_bin_end": ("time_bin", [b[1] for b in bins]),
        },
        name="activity",
        attrs={"stimulus_set_identifier": "test.Images"},
    )
    folder.mkdir(exist_ok=True)
    (data.transpose("neuroid", "time_bin", "presentation") if transpose else data).to_netcdf(folder / f"assy_{identifier.replace('.', '_')}.nc")
    rows = "\n".join(f"s{k},s{k}.png,{'dog' if k % 2 else 'cat'},{k / 10}" for k in range(n))
    (folder / "stimulus_test_Images.csv").write_text(f"stimulus_id,filename,object_name,size\n{rows}\n")
    with zipfile.ZipFile(folder / "stimulus_test_Images.zip", "w") as archive:
        for k in range(n):
            archive.writestr(f"s{k}.png", png(k))
    return data


@pytest.mark.parametrize("transpose", [False, True])
def test_assembly_with_its_stimuli(tmp_path, transpose):
    data = write_assembly(tmp_path / "hash", transpose=transpose)
    stimuli, recordings = assembly.load(tmp_path, "test.Set2020", region="IT", bins_ms=[(10, 30), (30, 40)])
    assert recordings.shape == (10, 2, 2)
    np.testing.assert_allclose(recordings.values[..., 0], data.values[:, 1:, 1])
    np.testing.assert_allclose(recordings.values[..., 1], data.values[:, 1:, 2])
    assert stimuli.shape == (5, 3, 8, 8)
    assert recordings.object_name.values[:4].tolist() == ["cat", "cat", "dog", "dog"]
    assert float(recordings["size"][2]) == 0.1
    _, all_bins = assembly.load(tmp_path / "hash" / "assy_test_Set2020.nc", images=False)
    assert all_bins.time_bin_start.values.tolist() == [0, 20]
    assert all_bins.attrs["n_bins_left_out"] == 1


def test_assembly_without_time(tmp_path):
    data = write_assembly(tmp_path).isel(time_bin=0).drop_vars(["time_bin_start", "time_bin_end"])
    data.to_netcdf(tmp_path / "assy_flat.nc")
    with pytest.raises(SchemaError, match=r"fix: bins_ms=\[\(70, 170\)\]"):
        assembly.load(tmp_path / "assy_flat.nc", images=False)
    assert assembly.load(tmp_path / "assy_flat.nc", images=False, bins_ms=[(70, 170)])[1].time_bin_end.values == [170]


@pytest.mark.parametrize(
    ("spoil", "kwargs", "error", "match"),
    [
        (lambda d: (d / "assy_test_Set2020.nc").write_bytes((d / "assy_test_Set2020.nc").read_bytes()[:900]), {}, DataError, "whole netCDF"),
        (lambda d: None, {"region": "it"}, ConfigError, "did you mean `IT`"),
        (lambda d: None, {"identifier": "test.Set2021"}, ConfigError, "did you mean `test_Set2020`"),
        (lambda d: None, {"bins_ms": [(30, 60)]}, ConfigError, "not covered"),
        (lambda d: (d / "stimulus_test_Images.csv").unlink(), {}, DataError, "fix: images=False"),
        (lambda d: (d / "stimulus_test_Images.csv").write_text("stimulus_id\ns0\n"), {}, DataError, "lacks 4 stimuli of the assembly"),
        (lambda d: (d / "stimulus_test_Images.csv").write_text("name\nx\n"), {}, DataError, "expected: a column stimulus_id"),
        (lambda d: (d / "stimulus_test_Images.csv").write_text("stimulus_id\ns0\ns0\n"), {}, DataError, "twice"),
        (lambda d: zipfile.ZipFile(d / "stimulus_test_Images.zip", "w").close(), {}, DataError, "lacks the images of 5 of 5"),
        (lambda d: (d / "assy_test_Set2020.nc").unlink(), {}, DataError, "no netCDF file"),
    ],
)
def test_damaged_assembly(tmp_path, spoil, kwargs, error, match):
    write_assembly(tmp_path)
    spoil(tmp_path)
    with pytest.raises(error, match=match):
        assembly.load(tmp_path, **kwargs)


@pytest.mark.parametrize(("session", "shape"), [("190923", (1200, 33, 1)), ("201025", (1200, 89, 1)), ("210325", (4840, 50, 1))])
def test_real_v4(session, shape):
    if places.find_data("recordings/cowley2023_v4") is None:
        pytest.skip("needs recordings/cowley2023_v4 under NEURODYN_DATA")
    stimuli, recordings = cowley2023.load(session=session, image_size=16)
    assert recordings.shape == shape
    assert set(recordings.stimulus_id.values) == set(stimuli.stimulus_id.values)


def test_real_it():
    if places.find_data("recordings/zhang2011_it") is None:
        pytest.skip("needs recordings/zhang2011_it under NEURODYN_DATA")
    r = zhang2011.load(bins_ms=[(-100, 0), (100, 200)])
    assert r.shape == (21 * 19, 132, 2)
    assert float(r[..., 1].mean()) > float(r[..., 0].mean())
