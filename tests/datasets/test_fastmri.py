"""fastMRI's reader on small files written in exactly its layout, and on files that are not."""

import h5py
import numpy as np
import pytest

from neurodyn.datasets import fastmri
from neurodyn.errors import ConfigError, DataError, NumericsError
from neurodyn.numerics.fourier import as_channels, as_complex, fft2c, ifft2c, rss
from neurodyn.numerics.sampling_masks import column_mask


def write(path, *, n_slices=3, n_coils=4, size=(40, 36), mask=None, target=True, drop=(), single=False, seed=0, fields=None):
    """A volume as the data set's own files are: complex64 k-space, float32 targets cropped to a square, attributes, an XML header."""
    draw = np.random.default_rng(seed)
    shape = (n_slices, *size) if single else (n_slices, n_coils, *size)
    kspace = (draw.normal(size=shape) + 1j * draw.normal(size=shape)).astype(np.complex64)
    image = np.abs(ifft2c(kspace.astype(complex)))
    image = image if single else np.sqrt((image**2).sum(axis=1))
    square = min(size)
    cut = [(n - square) // 2 for n in size]
    cropped = image[:, cut[0] : cut[0] + square, cut[1] : cut[1] + square].astype(np.float32)
    written = {"kspace": kspace, "ismrmrd_header": b"<ismrmrdHeader/>"}
    if mask is not None:
        written |= {"kspace": kspace * mask, "mask": mask.astype(np.float32)}
    elif target:
        written["reconstruction_rss"] = cropped
        if single:
            written["reconstruction_esc"] = cropped
    written |= fields or {}
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        for key, value in written.items():
            if key not in drop:
                file.create_dataset(key, data=value)
        file.attrs.update({"acquisition": "CORPD_FBK", "max": float(cropped.max()), "norm": float(np.linalg.norm(cropped)), "patient_id": "0" * 8})
    return kspace, cropped


def test_a_volume_is_what_was_written(tmp_path):
    kspace, target = write(tmp_path / "multicoil_val" / "file1.h5")
    volume = fastmri.read_volume(tmp_path / "multicoil_val" / "file1.h5")
    np.testing.assert_array_equal(volume.kspace.values, kspace)
    np.testing.assert_array_equal(volume.target.values, target)
    assert volume.attrs["acquisition"] == "CORPD_FBK" and volume.attrs["volume"] == "file1" and isinstance(volume.attrs["max"], float)
    one = fastmri.read_volume(tmp_path / "multicoil_val" / "file1.h5", slices=[2, 0])
    np.testing.assert_array_equal(one.kspace.values, kspace[[0, 2]])
    assert one.slice.values.tolist() == [0, 2]


def test_frames_have_one_mask_a_volume_and_compressed_coils(tmp_path):
    root = tmp_path / "fastmri"
    kspace, target = write(root / "multicoil_val" / "file1.h5")
    write(root / "multicoil_val" / "file2.h5", seed=1)
    frames, targets = fastmri.load(root, "multicoil_val", n_coils=4)
    assert frames.kspace.shape == (6, 8, 40, 36) and frames.kspace.dtype == np.float32
    np.testing.assert_array_equal(targets.values[:3], target)
    assert list(frames.stimulus_id.values[:4]) == ["file1-000", "file1-001", "file1-002", "file2-000"]
    masks = frames.mask.values[:, 0, 0]
    assert (masks[:3] == masks[0]).all() and not np.array_equal(masks[0], masks[3]) and (frames.mask.values == masks[:, None, None]).all()
    np.testing.assert_allclose(frames.energy.values, 1)
    measured = ifft2c(kspace[0].astype(complex) * masks[0])
    np.testing.assert_allclose(rss(as_channels(ifft2c(as_complex(frames.kspace.values[:1])))), rss(as_channels(measured))[None], atol=1e-5)
    fewer, _ = fastmri.load(root, "multicoil_val", n_volumes=1, slices=[1], n_coils=2)
    assert fewer.kspace.shape == (1, 4, 40, 36) and 0.3 < fewer.energy.item() < 1
    again, _ = fastmri.load(root, "multicoil_val", n_coils=4)
    assert np.array_equal(again.mask, frames.mask)


def test_single_coil_and_test_files(tmp_path):
    _, target = write(tmp_path / "singlecoil_train" / "a.h5", single=True)
    frames, targets = fastmri.load(tmp_path, "singlecoil_train", n_coils=1)
    assert frames.kspace.shape == (3, 2, 40, 36) and np.array_equal(targets.values, target)
    mask = column_mask(36, 4, seed=0)
    write(tmp_path / "multicoil_test" / "b.h5", mask=mask)
    frames, targets = fastmri.load(tmp_path, "multicoil_test", n_coils=4)
    assert targets is None and np.array_equal(frames.mask.values[0, 0, 0], mask)
    assert not frames.kspace.values[..., ~mask].any()


def test_few_coils_are_filled_up_on_request(tmp_path):
    write(tmp_path / "multicoil_val" / "file1.h5", n_coils=3)
    frames, _ = fastmri.load(tmp_path, "multicoil_val", n_coils=5, pad=True)
    assert frames.kspace.shape[1] == 10 and not frames.kspace.values[:, 6:].any()


def test_the_transform_is_the_data_sets(tmp_path):
    """Targets in the files are the magnitude of this library's inverse transform."""
    kspace, target = write(tmp_path / "x.h5", size=(36, 36))
    volume = fastmri.read_volume(tmp_path / "x.h5")
    np.testing.assert_allclose(rss(as_channels(ifft2c(volume.kspace.values.astype(complex)))), target, atol=1e-5)
    np.testing.assert_allclose(fft2c(ifft2c(kspace.astype(complex))), kspace, atol=1e-5)


def cut_short(path):
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


@pytest.mark.parametrize(
    ("options", "damage", "arguments", "kind", "message"),
    [
        ({}, cut_short, {}, DataError, r"file1.h5 \(\d+ bytes\) cannot be read"),
        ({}, lambda p: p.write_bytes(b"no HDF5"), {}, DataError, r"file1.h5 \(7 bytes\) cannot be read"),
        ({}, lambda p: p.write_bytes(b""), {}, DataError, r"file1.h5 \(0 bytes\) cannot be read"),
        ({}, lambda p: p.unlink(), {}, DataError, "no .h5 file in"),
        ({"drop": ("kspace",)}, None, {}, DataError, r"file1.h5 has no field `kspace` \(it has ismrmrd_header, reconstruction_rss\)"),
        ({"fields": {"kspace": np.zeros((3, 4, 8, 8), np.float32)}}, None, {}, DataError, "dtype float32"),
        ({"fields": {"kspace": np.zeros((0, 4, 8, 8), np.complex64)}, "target": False}, None, {}, DataError, r"shape \(0,"),
        (
            {"fields": {"reconstruction_rss": np.zeros((2, 8, 8), np.float32)}},
            None,
            {},
            DataError,
            "`reconstruction_rss` of file1.h5 has 2 slices and `kspace` 3",
        ),
        ({"fields": {"mask": np.ones(35, bool)}}, None, {}, DataError, "35 columns and `kspace` 36"),
        ({"mask": np.zeros(36, bool)}, None, {}, NumericsError, "central columns of k-space are empty|measures nothing"),
        ({"fields": {"kspace": np.full((3, 4, 8, 8), np.nan + 0j, np.complex64)}, "target": False}, None, {}, DataError, "NaN or infinity"),
        ({"n_coils": 3}, None, {"n_coils": 8}, ConfigError, "8 virtual coils are asked for but the volume has 3"),
        ({}, None, {"slices": [7]}, ConfigError, "slice 7 is asked for but the volume has 3"),
        ({}, None, {"split": "multicoil_validation"}, ConfigError, "did you mean `multicoil_val"),
    ],
)
def test_bad_files(tmp_path, options, damage, arguments, kind, message):
    path = tmp_path / "multicoil_val" / "file1.h5"
    write(path, **options)
    if damage is not None:
        damage(path)
    with pytest.raises(kind, match=message):
        fastmri.load(tmp_path, **{"n_coils": 3, **arguments})


def test_volumes_of_several_sizes_are_read_one_by_one(tmp_path):
    write(tmp_path / "multicoil_val" / "file1.h5", size=(40, 36))
    write(tmp_path / "multicoil_val" / "file2.h5", size=(40, 38))
    with pytest.raises(DataError, match=r"volumes have 2 sizes \(file1.h5: 40 x 36, file2.h5: 40 x 38\)"):
        fastmri.load(tmp_path, "multicoil_val", n_coils=4)
    frames, _ = fastmri.load(tmp_path, "multicoil_val", n_volumes=1, n_coils=4)
    assert frames.sizes["column"] == 36
    with pytest.raises(DataError, match="does not exist"):
        fastmri.read_volume(tmp_path / "absent.h5")
