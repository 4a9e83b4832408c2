"""ImageNet (ILSVRC 2012) as folders: ``train/<wnid>/<image>.JPEG`` and ``val/<wnid>/<image>.JPEG``.

The flat validation folder of the original archive is read too, where ``LOC_val_solution.csv`` (ImageId, PredictionString) or
``ILSVRC2012_validation_ground_truth.txt`` with ``synset_words.txt`` stands beside it.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import xarray as xr

from neurodyn.datasets._labelled import check_split, locate
from neurodyn.datasets.image_folder import listing, read
from neurodyn.errors import DataError
from neurodyn.schema import make_stimuli

__all__ = ["files", "load"]


def load(
    root: str | Path | None = None, split: str = "val", *, image_size: int = 224, n_per_class: int | None = None, n: int | None = None
) -> tuple[xr.DataArray, np.ndarray]:
    """Load images of one split: shorter side scaled to ``image_size`` (antialiased), centre cropped.

    Parameters
    ----------
    root : path, optional
        Folder that holds the splits; ``imagenet`` or ``ILSVRC2012`` under ``NEURODYN_DATA`` when absent.
    split : {"train", "val"}
    image_size : int
        Pixels of the result; an image takes 12 bytes a pixel (float32, three channels).
    n_per_class, n : int, optional
        Keep only the first images of each class, and the first `n` in all.

    Returns
    -------
    stimuli : DataArray, (presentation, channel, row, column)
        float32 in [0, 1]; ``stimulus_id`` is the file name; ``label category`` along `presentation`, category is the wnid.
    labels : int array, (presentation)
        Index of the wnid in alphabetical order, the usual one.

    Raises
    ------
    DataError
        If folders or labels are missing, or an image is damaged.
    """
    paths, labels, wnids = files(root, split, n_per_class=n_per_class)
    paths, labels = paths[:n], labels[:n]
    values = read(paths, image_size=image_size, where="imagenet_folder")
    return make_stimuli(values, [p.name for p in paths], label=labels, category=np.asarray(wnids)[labels]), labels


def files(root: str | Path | None = None, split: str = "val", *, n_per_class: int | None = None) -> tuple[list[Path], np.ndarray, list[str]]:
    """The image files of one split, their labels and the wnids, without decoding: what a training loop reads batch by batch.

    Returns
    -------
    files : list of Path
    labels : int array
    wnids : list of str
    """
    check_split("imagenet_folder", split, ("train", "val"))
    base = locate("imagenet_folder", root, "imagenet", "ILSVRC2012", "ILSVRC/Data/CLS-LOC")
    folder = base / split
    if split == "val" and folder.is_dir() and not any(p.is_dir() for p in folder.iterdir()):
        return _flat(base, folder, n_per_class)
    return listing(folder, n_per_class=n_per_class, where="imagenet_folder")


def _flat(base: Path, folder: Path, n_per_class: int | None) -> tuple[list[Path], np.ndarray, list[str]]:
    images, _, _ = listing(folder, where="imagenet_folder")
    wnid_of = _kaggle_labels(base) or _ground_truth(base, images)
    missing = [p.stem for p in images if p.stem not in wnid_of]
    if missing:
        raise DataError("imagenet_folder", f"{len(missing)} images of {folder} have no label (first: {missing[0]})", expected="a label for every image")
    wnids = sorted(set(wnid_of.values()))
    place = {w: k for k, w in enumerate(wnids)}
    labels = np.array([place[wnid_of[p.stem]] for p in images], dtype=np.int64)
    if n_per_class is None:
        return images, labels, wnids
    keep = np.sort(np.concatenate([np.nonzero(labels == k)[0][:n_per_class] for k in range(len(wnids))]))
    return [images[k] for k in keep], labels[keep], wnids


def _kaggle_labels(base: Path) -> dict[str, str]:
    file = base / "LOC_val_solution.csv"
    if not file.is_file():
        return {}
    with file.open(newline="", encoding="utf-8") as lines:
        return {row["ImageId"]: row["PredictionString"].split()[0] for row in csv.DictReader(lines)}


def _ground_truth(base: Path, images: list[Path]) -> dict[str, str]:
    numbers, words = base / "ILSVRC2012_validation_ground_truth.txt", base / "synset_words.txt"
    if not (numbers.is_file() and words.is_file()):
        raise DataError(
            "imagenet_folder",
            f"{base / 'val'} holds images without class folders and no labels stand beside it",
            expected="val/<wnid>/<image>.JPEG, LOC_val_solution.csv, or ILSVRC2012_validation_ground_truth.txt with synset_words.txt",
        )
    wnids = [line.split()[0] for line in words.read_text(encoding="utf-8").splitlines() if line.strip()]
    index = [int(x) for x in numbers.read_text(encoding="utf-8").split()]
    if len(index) != len(images) or min(index) < 1 or max(index) > len(wnids):
        raise DataError("imagenet_folder", f"{len(index)} labels up to {max(index)} for {len(images)} images", expected="one label an image, counted from 1")
    return {image.stem: wnids[k - 1] for image, k in zip(images, index, strict=True)}
