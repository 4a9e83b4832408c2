import gzip
import importlib
import io

import numpy as np
import pytest
from PIL import Image

from neurodyn import places, registry
from neurodyn.datasets import cifar100, fashion_mnist, imagenet_folder
from neurodyn.datasets._manifest import read_manifest, verify
from neurodyn.errors import ConfigError, DataError


def idx(values):
    head = np.array([{1: 2049, 3: 2051}[values.ndim], *values.shape], ">u4").tobytes()
    return gzip.compress(head + values.tobytes())


def png(size=(10, 8)):
    out = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(256, size=(*size, 3)).astype(np.uint8)).save(out, "PNG")
    return out.getvalue()


def test_fashion_mnist(tmp_path):
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(idx(np.zeros((3, 28, 28), np.uint8)))
    (tmp_path / "train-labels-idx1-ubyte.gz").write_bytes(idx(np.array([9, 0, 3], np.uint8)))
    stimuli, labels = fashion_mnist.load(tmp_path, "train")
    assert labels.tolist() == [9, 0, 3]
    assert stimuli.category.values[0] == "ankle boot"
    (tmp_path / "train-labels-idx1-ubyte.gz").write_bytes(idx(np.array([9, 0], np.uint8)))
    with pytest.raises(DataError, match=r"3 images .* 2 labels"):
        fashion_mnist.load(tmp_path)


def test_cifar100(tmp_path):
    rng = np.random.default_rng(0)
    rows = rng.integers(256, size=(6, 3074)).astype(np.uint8)
    rows[:, 0], rows[:, 1] = 7, np.arange(6) + 90
    (tmp_path / "cifar-100-binary").mkdir()
    rows.tofile(tmp_path / "cifar-100-binary" / "test.bin")
    stimuli, labels = cifar100.load(tmp_path, "test", image_size=16)
    assert stimuli.shape == (6, 3, 16, 16)
    assert sorted(labels) == list(range(90, 96))
    pixels, again = cifar100.pixels(tmp_path, "test")
    np.testing.assert_array_equal(pixels[0].ravel(), rows[again[0] - 90, 2:])
    (tmp_path / "cifar-100-binary" / "fine_label_names.txt").write_text("a b")
    with pytest.raises(DataError, match="100 class names"):
        cifar100.load(tmp_path, "test")
    with pytest.raises(DataError, match="every file of the split"):
        cifar100.pixels(tmp_path, "train")


def test_imagenet_folders_and_flat_validation(tmp_path):
    for split in ("train", "val"):
        for wnid in ("n02", "n01"):
            (tmp_path / split / wnid).mkdir(parents=True)
            (tmp_path / split / wnid / f"{split}_{wnid}.JPEG").write_bytes(png())
    stimuli, labels = imagenet_folder.load(tmp_path, "train", image_size=8)
    assert stimuli.category.values.tolist() == ["n01", "n02"]
    assert labels.tolist() == [0, 1]
    flat = tmp_path / "flat"
    (flat / "val").mkdir(parents=True)
    for k in (1, 2, 3):
        (flat / "val" / f"ILSVRC2012_val_{k:08d}.JPEG").write_bytes(png())
    with pytest.raises(DataError, match="LOC_val_solution"):
        imagenet_folder.load(flat)
    (flat / "synset_words.txt").write_text("n05 cat\nn03 dog\n")
    (flat / "ILSVRC2012_validation_ground_truth.txt").write_text("1\n2\n1\n")
    _, labels, wnids = imagenet_folder.files(flat)
    assert [wnids[k] for k in labels] == ["n05", "n03", "n05"]
    (flat / "LOC_val_solution.csv").write_text("ImageId,PredictionString\n" + "".join(f"ILSVRC2012_val_{k:08d},n0{k} 1 2 3 4\n" for k in (1, 2, 3)))
    assert imagenet_folder.load(flat, image_size=8, n=2)[1].tolist() == [0, 1]
    assert len(imagenet_folder.files(flat, n_per_class=1)[0]) == 3
    with pytest.raises(ConfigError, match="did you mean `val`"):
        imagenet_folder.files(flat, "vall")


@pytest.mark.parametrize("name", registry.names("datasets"))
def test_every_reader_has_load(name):
    module = importlib.import_module(f"neurodyn.datasets.{name}")
    assert callable(module.load)
    assert module.load.__doc__.count("----------") >= 1


@pytest.mark.parametrize("name", sorted(places.declarations("data")))
def test_manifests_name_a_reader_and_the_files_on_disk(name):
    manifest = read_manifest(name)
    assert manifest["name"] == name
    assert manifest["reader"] in registry.names("datasets")
    state = verify(name)
    assert "differs" not in state.values(), state


def test_verify_sees_a_changed_file(tmp_path):
    for file in ("train-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"):
        (tmp_path / file).write_bytes(b"other")
    state = verify("mnist", tmp_path)
    assert sorted(state.values()) == ["differs", "differs", "missing", "missing"]
    with pytest.raises(ConfigError, match="did you mean `mnist`"):
        read_manifest("mnst")
