"""fastMRI: raw k-space of knees and brains, one HDF5 file a volume (Zbontar et al. 2018, arXiv 1811.08839).

==========================  ======================================  ==========================================================================
folder                      fields                                  meaning
==========================  ======================================  ==========================================================================
``multicoil_<split>``       ``kspace`` (slice, coil, row, column)   complex64, centred
``singlecoil_<split>``      ``kspace`` (slice, row, column)         complex64, one simulated coil
train and val of either     ``reconstruction_rss`` (slice, row,     float32 target magnitude, cropped to a square; single-coil volumes also
                            column)                                 hold ``reconstruction_esc``, which is theirs
test of either              ``mask`` (column)                       which columns of `kspace` were kept; no target
all                         ``ismrmrd_header``, attributes          ``acquisition``, ``max``, ``norm``, ``patient_id``
==========================  ======================================  ==========================================================================

Access needs registration at fastmri.med.nyu.edu; nothing here needs it but these files.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from neurodyn.datasets._labelled import locate
from neurodyn.errors import ConfigError, DataError, unknown_name
from neurodyn.numerics.coils import compression
from neurodyn.numerics.fourier import as_channels
from neurodyn.numerics.sampling_masks import check_mask, column_mask, n_center
from neurodyn.schema import PRESENTATION
from neurodyn.seeding import subseed

__all__ = ["SPLITS", "load", "read_volume", "volumes"]

SPLITS = tuple(f"{kind}_{split}" for kind in ("multicoil", "singlecoil") for split in ("train", "val", "test", "challenge"))
_OPEN_ERRORS = (OSError, RuntimeError, ValueError)


def load(
    root: str | Path | None = None,
    split: str = "multicoil_val",
    *,
    n_volumes: int | None = None,
    slices: Sequence[int] | None = None,
    n_coils: int = 8,
    pad: bool = False,
    acceleration: float = 4,
    center_fraction: float | None = None,
    mask: str = "random",
    seed: int = 0,
) -> tuple[xr.Dataset, xr.DataArray | None]:
    """Undersampled frames and targets of some volumes.

    Parameters
    ----------
    root : path, optional
        Folder that holds the splits; ``fastmri`` under ``NEURODYN_DATA`` when absent.
    split : str
        One of :data:`SPLITS`.
    n_volumes : int, optional
        The first ones in alphabetical order; all when absent.
    slices : sequence of int, optional
        Of each volume; all when absent.
    n_coils : int
        Virtual coils that the coils of each volume are compressed to.
    pad : bool
        Fill up with empty coils where a volume has fewer.
    acceleration, center_fraction, mask
        Of :func:`neurodyn.numerics.sampling_masks.column_mask`; one mask a volume, drawn from its file name.  Volumes that hold a mask keep it.
    seed : int
        Of the masks.

    Returns
    -------
    frames : Dataset
        ``kspace``, (presentation, channel, row, column), float32, two channels a coil; ``mask``, (presentation, mask_channel, row, column).
        Coords ``stimulus_id volume slice acquisition energy``: `energy` is the share that coil compression kept.
    targets : DataArray, (presentation, row, column), or None
        Magnitudes of all coils, cropped as in the files; None where the split has none.

    Raises
    ------
    DataError
        Files that are missing, cut short, without a field, or of several sizes.
    ConfigError
        An unknown split, fewer coils than asked for, or slices that are not there.
    NumericsError
        A mask that measures nothing.
    """
    files = volumes(root, split)[:n_volumes]
    read = [read_volume(f, slices=slices) for f in files]
    sizes = {f.name: v.kspace.shape[-2:] for f, v in zip(files, read, strict=True)}
    if len(set(sizes.values())) > 1:
        first = {size: name for name, size in reversed(list(sizes.items()))}
        raise DataError(
            f"fastmri {split}",
            f"volumes have {len(first)} sizes ({', '.join(f'{n}: {s[0]} x {s[1]}' for s, n in list(first.items())[:-4:-1])})",
            expected="one size at a time",
            fix="read_volume(file) for each of volumes(root, split), or n_volumes=1",
        )
    parts = [
        _frames(f, v, n_coils, pad, _mask_of(f, v, acceleration, center_fraction, mask, seed), center_fraction, acceleration)
        for f, v in zip(files, read, strict=True)
    ]
    frames = xr.concat(parts, PRESENTATION, combine_attrs="drop_conflicts")
    if not all("target" in v for v in read):
        return frames, None
    target = np.concatenate([v.target.values for v in read])
    ids = {"stimulus_id": (PRESENTATION, frames.stimulus_id.values)}
    return frames, xr.DataArray(target, dims=(PRESENTATION, "row", "column"), coords=ids, name="target", attrs={"units": "1"})


def volumes(root: str | Path | None = None, split: str = "multicoil_val") -> list[Path]:
    """The files of one split in alphabetical order.

    Raises
    ------
    ConfigError
        For an unknown split.
    DataError
        If there is none.
    """
    if split not in SPLITS:
        raise unknown_name("fastmri", "split", split, SPLITS)
    folder = locate("fastmri", root, "fastmri")
    inner = folder / split if (folder / split).is_dir() else folder
    files = sorted(inner.glob("*.h5"))
    if not files:
        raise DataError("fastmri", f"no .h5 file in {inner}", expected=f"{split}/<volume>.h5", fix="unpack the archive of fastmri.med.nyu.edu there")
    return files


def read_volume(path: str | Path, *, slices: Sequence[int] | None = None) -> xr.Dataset:
    """One file as it is.

    Parameters
    ----------
    path : path
    slices : sequence of int, optional
        All when absent.

    Returns
    -------
    Dataset
        ``kspace``, (slice, coil, row, column), complex64; single-coil volumes get one coil.  Where the file holds them: ``target``, (slice, target_row,
        target_column), `reconstruction_esc` or `reconstruction_rss`; ``mask``, (column), bool.  Attributes of the file that are numbers or text.

    Raises
    ------
    DataError
        A file that is missing, cut short, or without ``kspace``, or whose fields disagree.
    ConfigError
        Slices that are not there, or h5py missing.
    """
    try:
        import h5py
    except ImportError as error:
        raise ConfigError("fastmri", "h5py is not installed", expected="it beside neurodyn", fix="pip install h5py") from error
    path = Path(path)
    if not path.is_file():
        raise DataError("fastmri", f"{path} does not exist", expected="an HDF5 file")
    try:
        with h5py.File(path, "r") as file:
            fields = {k: file[k] for k in file if isinstance(file[k], h5py.Dataset)}
            if "kspace" not in fields:
                raise DataError("fastmri", f"{path.name} has no field `kspace` (it has {', '.join(fields) or 'none'})", expected="raw k-space")
            n = fields["kspace"].shape[0] if fields["kspace"].shape else 0
            keep = _slices(path.name, slices, n)
            single = fields["kspace"].ndim == 3
            kspace = np.asarray(fields["kspace"][keep] if n else [])
            named = [k for k in (("reconstruction_esc", "reconstruction_rss") if single else ("reconstruction_rss",)) if k in fields]
            target = np.asarray(fields[named[0]][keep]) if named and fields[named[0]].shape[0] == n else None
            lengths = {k: fields[k].shape[0] for k in named}
            mask = np.asarray(fields["mask"][()]).astype(bool).reshape(-1) if "mask" in fields else None
            attributes = {str(k): _plain(v) for k, v in file.attrs.items()}
    except _OPEN_ERRORS as error:
        if isinstance(error, DataError | ConfigError):
            raise
        size = path.stat().st_size
        raise DataError(
            "fastmri", f"{path.name} ({size} bytes) cannot be read ({str(error).splitlines()[0]})", expected="a whole HDF5 file", fix="fetch the file again"
        ) from error
    _check_fields(path.name, kspace, mask, lengths, n)
    kspace = kspace[:, None] if single else kspace
    data: dict[str, Any] = {"kspace": (("slice", "coil", "row", "column"), kspace.astype(np.complex64), {"units": "1"})}
    if target is not None:
        data["target"] = (("slice", "target_row", "target_column"), target.astype(np.float32), {"units": "1"})
    if mask is not None:
        data["mask"] = ("column", mask)
    return xr.Dataset(data, {"slice": np.asarray(keep)}, {"volume": path.stem, **{k: v for k, v in attributes.items() if v is not None}})


def _frames(file: Path, volume: xr.Dataset, n_coils: int, pad: bool, mask: np.ndarray, center_fraction: float | None, acceleration: float) -> xr.Dataset:
    full = volume.kspace.values
    if n_coils > full.shape[1] and not pad:
        raise ConfigError(
            f"fastmri {file.name}",
            f"{n_coils} virtual coils are asked for but the volume has {full.shape[1]}",
            expected=f"n_coils of 1 to {full.shape[1]}",
            fix=f"n_coils={full.shape[1]}, or pad=True to fill up with empty coils",
        )
    low = max(1, n_center(full.shape[-1], center_fraction if center_fraction is not None else 0.32 / acceleration))
    mixed = compression(full, n_coils, n_center=low, pad=pad)
    measured = as_channels(mixed.apply(full) * mask).astype(np.float32)
    n, names = len(measured), [f"{file.stem}-{k:03d}" for k in volume.slice.values]
    check_mask(mask[None], where="fastmri", ids=[file.name])
    return xr.Dataset(
        {
            "kspace": ((PRESENTATION, "channel", "row", "column"), measured, {"units": "1"}),
            "mask": (
                (PRESENTATION, "mask_channel", "row", "column"),
                np.broadcast_to(mask.astype(np.float32), (n, 1, *measured.shape[-2:])).copy(),
                {"units": "1"},
            ),
        },
        {
            "stimulus_id": (PRESENTATION, names),
            "volume": (PRESENTATION, [file.stem] * n),
            "slice": (PRESENTATION, volume.slice.values),
            "acquisition": (PRESENTATION, [str(volume.attrs.get("acquisition", ""))] * n),
            "energy": (PRESENTATION, [mixed.energy] * n),
        },
    )


def _mask_of(file: Path, volume: xr.Dataset, acceleration: float, center_fraction: float | None, kind: str, seed: int) -> np.ndarray:
    if "mask" in volume:
        return np.asarray(volume.mask.values)
    return column_mask(volume.sizes["column"], acceleration, center_fraction, kind=kind, seed=subseed(seed, "fastmri", file.stem))


def _slices(name: str, slices: Sequence[int] | None, n: int) -> list[int]:
    if slices is None:
        return list(range(n))
    missing = [k for k in slices if not 0 <= k < n]
    if missing:
        raise ConfigError(f"fastmri {name}", f"slice {missing[0]} is asked for but the volume has {n}", expected=f"0..{n - 1}")
    return sorted({int(k) for k in slices})


def _check_fields(name: str, kspace: np.ndarray, mask: np.ndarray | None, lengths: dict[str, int], n: int) -> None:
    if kspace.ndim not in (3, 4) or not np.iscomplexobj(kspace) or 0 in kspace.shape:
        raise DataError("fastmri", f"`kspace` of {name} has shape {kspace.shape} and dtype {kspace.dtype}", expected="complex (slice, [coil,] row, column)")
    for key, length in lengths.items():
        if length != n:
            raise DataError("fastmri", f"`{key}` of {name} has {length} slices and `kspace` {n}", expected="as many in both", fix="fetch the file again")
    if mask is not None and len(mask) != kspace.shape[-1]:
        raise DataError("fastmri", f"`mask` of {name} has {len(mask)} columns and `kspace` {kspace.shape[-1]}", expected="as many in both")
    if not np.isfinite(kspace).all():
        raise DataError("fastmri", f"`kspace` of {name} holds NaN or infinity", expected="finite samples", fix="fetch the file again")


def _plain(value: Any) -> str | int | float | None:
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    if isinstance(value, str | int | float):
        return value
    return value.item() if isinstance(value, np.generic) and np.isscalar(value.item()) else None
