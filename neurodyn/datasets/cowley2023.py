"""Macaque V4 on Utah arrays: spike counts to natural images (Cowley, Stan, Pillow and Smith 2023).

The folder holds ``images_<session>.zip`` (JPEG, 112 x 112 pixels, sorted by name) and ``responses_avg_<session>.npy``
(neurons, images); session 210325 also ``responses_raw_210325.npy`` (neurons, images, repeats), NaN where an image had fewer repeats.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import numpy as np
import xarray as xr

from neurodyn.datasets._archive import decode, read_zip
from neurodyn.datasets._labelled import locate
from neurodyn.errors import DataError, first_of, unknown_name
from neurodyn.schema import make_recordings, make_stimuli

__all__ = ["SESSIONS", "TIME_BIN_MS", "load"]

SESSIONS = {"190923": "WE", "201025": "PE", "210325": "PE"}
TIME_BIN_MS = (50.0, 150.0)


def load(root: str | Path | None = None, session: str = "210325", *, image_size: int | None = None, repeats: bool = True) -> tuple[xr.DataArray, xr.DataArray]:
    """Load one session, images and activity aligned by ``stimulus_id``.

    Parameters
    ----------
    root : path, optional
        Folder with the files; ``recordings/cowley2023_v4`` under ``NEURODYN_DATA`` when absent.
    session : str
        ``"190923"`` (33 neurons), ``"201025"`` (89) or ``"210325"`` (50), or any other session whose files lie in the folder.
    image_size : int, optional
        Resize from 112 to this many pixels.
    repeats : bool
        Keep single repeats as rows where the file holds them (210325); otherwise one row an image, the mean over repeats.

    Returns
    -------
    stimuli : DataArray, (presentation, channel, row, column)
        One row an image, float32 in [0, 1].
    recordings : DataArray, (presentation, neuroid, time_bin)
        Spike counts in one bin of 100 ms (50 to 150 ms after onset); ``stimulus_id repetition`` along `presentation`,
        ``neuroid_id region animal session`` along `neuroid`.

    Raises
    ------
    DataError
        If files are missing, truncated, or do not fit each other.
    ConfigError
        If the session is unknown.
    """
    folder = locate("cowley2023", root, "recordings/cowley2023_v4", "cowley2023_v4", "cowley2023")
    session = str(session)
    known = sorted({p.name.removeprefix("responses_avg_").removesuffix(".npy") for p in folder.glob("responses_avg_*.npy")} | set(SESSIONS))
    if session not in known:
        raise unknown_name("cowley2023", "session", session, known)
    mean = _array(folder / f"responses_avg_{session}.npy", 2)
    stimuli = _images(folder / f"images_{session}.zip", session, mean.shape[1], image_size)
    ids = stimuli.stimulus_id.values
    raw_file = folder / f"responses_raw_{session}.npy"
    if repeats and raw_file.is_file():
        raw = _array(raw_file, 3)
        if raw.shape[:2] != mean.shape:
            raise DataError(str(raw_file), f"holds {raw.shape[:2]} (neurons, images)", expected=f"{mean.shape}, as in {f'responses_avg_{session}.npy'}")
        image, repetition = np.nonzero(np.isfinite(raw).all(axis=0))
        values = raw[:, image, repetition].T
    else:
        image, repetition, values = np.arange(len(ids)), None, mean.T
    n = mean.shape[0]
    recordings = make_recordings(
        values.astype(np.float32),
        stimulus_id=ids[image],
        neuroid_id=[f"{session}.{k:03d}" for k in range(n)],
        time_bins_ms=[TIME_BIN_MS],
        units="spikes per bin",
        presentation={} if repetition is None else {"repetition": repetition},
        neuroid={"region": ["V4"] * n, "animal": [SESSIONS.get(session, "unknown")] * n, "session": [session] * n},
    )
    recordings.attrs.update(source="Cowley et al. 2023", dataset=f"cowley2023.{session}")
    return stimuli, recordings


def _array(path: Path, ndim: int) -> np.ndarray:
    if not path.is_file():
        raise DataError("cowley2023", f"{path} does not exist", expected=f"the file {path.name}", fix="see data/cowley2023_v4.yaml for the source")
    try:
        values = np.load(path, allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise DataError(str(path), f"is not a whole .npy file ({error})", expected="a float array", fix="fetch the file again") from error
    if values.ndim != ndim or not np.issubdtype(values.dtype, np.floating):
        raise DataError(
            str(path), f"holds {values.dtype} of shape {values.shape}", expected=f"floats with {ndim} axes (neurons, images{', repeats' * (ndim > 2)})"
        )
    if ndim == 2 and not np.isfinite(values).all():
        bad = np.nonzero(~np.isfinite(values).all(axis=1))[0]
        raise DataError(str(path), f"holds NaN in {len(bad)} neurons ({first_of(bad)})", expected="finite means")
    return values


def _images(path: Path, session: str, n: int, image_size: int | None) -> xr.DataArray:
    from neurodyn.datasets.image_folder import cover

    if not path.is_file():
        raise DataError("cowley2023", f"{path} does not exist", expected=f"the file {path.name}", fix="see data/cowley2023_v4.yaml for the source")
    files = read_zip(path)
    if len(files) != n:
        raise DataError(str(path), f"holds {len(files)} images for {n} columns of responses", expected="one image a column")
    names = sorted(files)
    pixels = np.stack([decode(str(path), name, files[name]) for name in names]).astype(np.float32) / np.float32(255)
    if image_size is not None:
        pixels = np.stack([cover(p, image_size) for p in pixels])
    return make_stimuli(pixels, [f"{session}.{PurePosixPath(name).stem}" for name in names])
