import gzip
import io
import struct
import tarfile

import numpy as np
import pytest
from PIL import Image

from neurodyn import places
from neurodyn.datasets import cifar10, digits, image_folder, mnist
from neurodyn.errors import ConfigError, DataError


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def idx(values):
    return struct.pack(f">{1 + values.ndim}I", {1: 2049, 3: 2051}[values.ndim], *values.shape) + values.tobytes()


def write_mnist(folder, n=20, zipped=True):
    rng = np.random.default_rng(0)
    pixels, labels = rng.integers(256, size=(n, 28, 28)).astype(np.uint8), np.arange(n, dtype=np.uint8) % 10
    for stem in ("train", "t10k"):
        for name, values in ((f"{stem}-images-idx3-ubyte", pixels), (f"{stem}-labels-idx1-ubyte", labels)):
            path = folder / (name + ".gz" * zipped)
            path.write_bytes(gzip.compress(idx(values)) if zipped else idx(values))
    return pixels, labels


def jpeg(seed, size=32):
    out = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(256, size=(size, size, 3)).astype(np.uint8)).save(out, "PNG")
    return out.getvalue()


def write_cifar_tar(path, n=2, splits=("train", "test"), spoil=None):
    with tarfile.open(path, "w:xz") as archive:
        for s, split in enumerate(splits):
            for c, name in enumerate(cifar10.CLASSES):
                for k in range(n):
                    raw = jpeg(100 * s + 10 * c + k)
                    info = tarfile.TarInfo(f"{split}/{name}/{k:04d}.png")
                    if spoil == (split, name, k):
                        raw = raw[:60]
                    info.size = len(raw)
                    archive.addfile(info, io.BytesIO(raw))


def test_digits_splits_are_fixed_and_disjoint():
    (train, a), (test, b), (both, _) = (digits.load(s) for s in ("train", "test", "all"))
    assert len(train) + len(test) == len(both) == 1797
    rows = {r.tobytes() for r in train.values}
    assert not any(r.tobytes() in rows for r in test.values)
    assert np.bincount(b).min() >= 34
    assert digits.load("test", image_size=16, n=5)[0].shape == (5, 1, 16, 16)
    assert (train.label.values == a).all()
    with pytest.raises(ConfigError, match="did you mean `test`"):
        digits.load("tset")


@pytest.mark.parametrize("zipped", [True, False])
def test_mnist_reads_its_canonical_files(tmp_path, zipped):
    pixels, labels = write_mnist(tmp_path, zipped=zipped)
    stimuli, got = mnist.load(tmp_path, "test")
    np.testing.assert_allclose(stimuli.values[:, 0] * 255, pixels, atol=1e-4)
    assert got.tolist() == labels.tolist()
    assert mnist.load(tmp_path, "train", image_size=14, n=3)[0].shape == (3, 1, 14, 14)


@pytest.mark.parametrize(
    ("spoil", "match"),
    [
        (lambda p: p.write_bytes(p.read_bytes()[:-30]), "fix: fetch the file again"),
        (lambda p: p.write_bytes(gzip.compress(b"\x00\x00\x08\x01" + bytes(12))), "magic number 2049"),
        (lambda p: p.write_bytes(gzip.compress(gzip.decompress(p.read_bytes())[:-7])), "expected: 15680 values"),
        (lambda p: p.write_bytes(gzip.compress(b"\x00")), "header of 16 bytes"),
        (lambda p: p.write_bytes(b"not gzip"), "whole gzip file"),
        (lambda p: p.unlink(), "expected: the file t10k-images-idx3-ubyte.gz"),
    ],
)
def test_damaged_mnist(tmp_path, spoil, match):
    write_mnist(tmp_path)
    spoil(tmp_path / "t10k-images-idx3-ubyte.gz")
    with pytest.raises(DataError, match=match):
        mnist.load(tmp_path, "test")


def test_missing_data_names_the_setting(monkeypatch, tmp_path):
    monkeypatch.setenv("NEURODYN_DATA", str(tmp_path))
    for reader in (mnist, cifar10):
        with pytest.raises(DataError, match="NEURODYN_DATA"):
            reader.load()
    with pytest.raises(DataError, match="does not exist"):
        mnist.load(tmp_path / "nowhere")


def test_cifar10_layouts_agree(tmp_path):
    write_cifar_tar(tmp_path / "cifar10-jpeg.tar.xz")
    stimuli, labels = cifar10.load(tmp_path, "train")
    assert stimuli.shape == (20, 3, 32, 32)
    assert sorted(labels) == sorted(list(range(10)) * 2)
    again, _ = cifar10.load(tmp_path / "cifar10-jpeg.tar.xz", "train")  # from the cache
    assert again.identical(stimuli)
    assert list((places.cache_dir() / "datasets").iterdir())
    with tarfile.open(tmp_path / "cifar10-jpeg.tar.xz") as archive:
        archive.extractall(tmp_path / "folders", filter="data")
    assert cifar10.load(tmp_path / "folders", "train")[0].identical(stimuli)
    pixels, _ = cifar10.pixels(tmp_path, "test")
    assert pixels.dtype == np.uint8


def test_cifar10_binary(tmp_path):
    rng = np.random.default_rng(0)
    for k in range(1, 6):
        rng.integers(10, size=(4, 3073)).astype(np.uint8).tofile(tmp_path / f"data_batch_{k}.bin")
    assert cifar10.load(tmp_path, "train", n=7)[0].shape == (7, 3, 32, 32)
    np.zeros(3073 + 5, np.uint8).tofile(tmp_path / "test_batch.bin")
    with pytest.raises(DataError, match="multiple of 3073"):
        cifar10.load(tmp_path, "test")


def test_a_damaged_cache_is_made_again(tmp_path):
    write_cifar_tar(tmp_path / "cifar10-jpeg.tar.xz")
    first, _ = cifar10.load(tmp_path, "train")
    file = next((places.cache_dir() / "datasets").iterdir())
    file.write_bytes(b"nonsense")
    assert cifar10.load(tmp_path, "train")[0].identical(first)


def test_damaged_cifar10(tmp_path):
    archive = tmp_path / "cifar10-jpeg.tar.xz"
    write_cifar_tar(archive, spoil=("train", "cat", 1))
    with pytest.raises(DataError, match="train/cat/0001"):
        cifar10.load(tmp_path, "train")
    whole = archive.read_bytes()
    archive.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="whole tar archive"):
        cifar10.load(tmp_path, "test")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="none of the three layouts"):
        cifar10.load(tmp_path / "empty", "test")


def test_image_folder(tmp_path):
    for name in ("b", "a"):
        (tmp_path / "train" / name).mkdir(parents=True)
        for k in range(2):
            (tmp_path / "train" / name / f"{k}.png").write_bytes(jpeg(k, size=8))
    stimuli, labels = image_folder.load(tmp_path, "train")
    assert stimuli.stimulus_id.values.tolist() == ["a/0.png", "a/1.png", "b/0.png", "b/1.png"]
    assert labels.tolist() == [0, 0, 1, 1]
    assert image_folder.load(tmp_path, "train", n_per_class=1, n_channels=1)[0].shape == (2, 1, 8, 8)
    (tmp_path / "train" / "a" / "9.png").write_bytes(jpeg(3, size=10))
    with pytest.raises(DataError, match="fix: image_size=224"):
        image_folder.load(tmp_path, "train")
    assert image_folder.load(tmp_path, "train", image_size=4)[0].shape == (5, 3, 4, 4)
    (tmp_path / "train" / "a" / "9.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"9\.png is not a whole image"):
        image_folder.load(tmp_path, "train")
    (tmp_path / "none").mkdir()
    with pytest.raises(DataError, match="holds no image"):
        image_folder.load(tmp_path / "none")


def test_wide_images_are_cropped_in_the_centre(tmp_path):
    picture = np.zeros((4, 12, 3), np.uint8)
    picture[:, 4:8] = 255
    Image.fromarray(picture).save(tmp_path / "wide.png")
    stimuli, _ = image_folder.load(tmp_path, image_size=4)
    assert float(stimuli.min()) == 1


@pytest.mark.parametrize("reader", [mnist, cifar10])
def test_real_files(reader, monkeypatch):
    name = reader.__name__.split(".")[-1]
    if places.find_data(name) is None:
        pytest.skip(f"needs {name} under NEURODYN_DATA")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    stimuli, labels = reader.load(split="test")
    assert len(stimuli) == 10000
    assert np.bincount(labels).min() > 800
