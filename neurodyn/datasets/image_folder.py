"""Images in a folder: ``<class>/<image>`` or ``<split>/<class>/<image>``, or images without classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr

from neurodyn.datasets._archive import IMAGE_SUFFIXES, decode
from neurodyn.datasets._labelled import locate
from neurodyn.errors import DataError, first_of
from neurodyn.numerics.image_resize import resize_images
from neurodyn.schema import make_stimuli

__all__ = ["listing", "load", "read"]


def load(
    root: str | Path, split: str | None = None, *, image_size: int | None = None, n_channels: int = 3, n_per_class: int | None = None
) -> tuple[xr.DataArray, np.ndarray]:
    """Load a folder of images; classes are the folder names in alphabetical order.

    Parameters
    ----------
    root : path
    split : str, optional
        Subfolder to read, for example ``"train"``.
    image_size : int, optional
        Scale the shorter side to this many pixels (antialiased) and crop the centre; needed where sizes differ.
    n_channels : {1, 3}
    n_per_class : int, optional
        Keep only the first images of each class by name.

    Returns
    -------
    stimuli : DataArray, (presentation, channel, row, column)
        float32 in [0, 1]; ``stimulus_id`` is the path below the folder; ``label category`` along `presentation`.
    labels : int array, (presentation)
        All 0 where there are no class folders.

    Raises
    ------
    DataError
        If there is no image, an image is damaged, or sizes differ and `image_size` is absent.
    """
    folder = locate("image_folder", root) / (split or "")
    files, labels, classes = listing(folder, n_per_class=n_per_class)
    ids = [f.relative_to(folder).as_posix() for f in files]
    return make_stimuli(read(files, image_size=image_size, n_channels=n_channels), ids, label=labels, category=np.asarray(classes)[labels]), labels


def listing(folder: Path, *, n_per_class: int | None = None, where: str = "image_folder") -> tuple[list[Path], np.ndarray, list[str]]:
    """The image files below a folder, their labels and the class names; nothing is decoded."""
    if not folder.is_dir():
        raise DataError(where, f"{folder} is not a folder", expected="a folder of images, or of class folders")
    classes = sorted(p.name for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
    groups = [folder / c for c in classes] if classes else [folder]
    files: list[Path] = []
    labels: list[int] = []
    for k, group in enumerate(groups):
        images = sorted(p for p in group.rglob("*") if p.suffix.lower() in IMAGE_SUFFIXES and not p.name.startswith("."))
        images = images[:n_per_class]
        files += images
        labels += [k] * len(images)
    if not files:
        raise DataError(where, f"{folder} holds no image", expected=f"files ending in {', '.join(IMAGE_SUFFIXES)}")
    return files, np.asarray(labels, dtype=np.int64), classes or ["image"]


def read(files: list[Path], *, image_size: int | None, n_channels: int = 3, where: str = "image_folder") -> np.ndarray:
    """Decode image files to float32 in [0, 1], (presentation, channel, row, column)."""
    out: list[np.ndarray] = []
    for file in files:
        image = decode(where, str(file), file.read_bytes(), n_channels).astype(np.float32) / np.float32(255)
        out.append(image if image_size is None else cover(image, image_size))
    sizes = {i.shape for i in out}
    if len(sizes) > 1:
        odd = [f.name for f, i in zip(files, out, strict=True) if i.shape != out[0].shape]
        raise DataError(where, f"images differ in size from {files[0].name} ({first_of(odd)})", expected="one size", fix="image_size=224")
    return np.stack(out)


def cover(image: np.ndarray, size: int) -> np.ndarray:
    """Scale the shorter side to `size` pixels and crop the centre, (channel, size, size)."""
    rows, columns = image.shape[-2:]
    scale = size / min(rows, columns)
    target = (max(size, round(rows * scale)), max(size, round(columns * scale)))
    resized = image if target == (rows, columns) else np.clip(resize_images(image, target), 0.0, 1.0)
    top, left = (target[0] - size) // 2, (target[1] - size) // 2
    return resized[..., top : top + size, left : left + size]
