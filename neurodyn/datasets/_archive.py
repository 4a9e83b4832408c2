"""Image archives: decoded once, kept as one array in the user's cache, read back in a fraction of a second."""

from __future__ import annotations

import hashlib
import io
import lzma
import os
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import numpy as np

from neurodyn import places
from neurodyn.errors import DataError

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".ppm")


def decode(where: str, name: str, raw: bytes, n_channels: int | None = 3) -> np.ndarray:
    """Decode one image to uint8, (channel, row, column)."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(raw)) as image:
            pixels = np.asarray(image.convert("L" if n_channels == 1 else "RGB"))
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(where, f"{name} is not a whole image ({error})", expected="a JPEG or PNG file", fix="fetch the file again") from error
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


def read_tar(path: Path) -> dict[str, bytes]:
    """Every image file of a tar archive, name -> bytes; nothing is written to disk, so no member can escape a folder."""
    found = {}
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                if member.isfile() and member.name.lower().endswith(IMAGE_SUFFIXES):
                    handle = archive.extractfile(member)
                    assert handle is not None
                    found[PurePosixPath(member.name).as_posix().removeprefix("./")] = handle.read()
    except (tarfile.TarError, EOFError, lzma.LZMAError, OSError) as error:
        raise DataError(str(path), f"is not a whole tar archive ({error})", expected="the archive as published", fix="fetch the file again") from error
    return found


def read_zip(path: Path) -> dict[str, bytes]:
    """Every image file of a zip archive, name -> bytes; nothing is written to disk."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [n for n in archive.namelist() if n.lower().endswith(IMAGE_SUFFIXES) and not PurePosixPath(n).name.startswith(".")]
            return {n: archive.read(n) for n in names if "__MACOSX" not in n}
    except (zipfile.BadZipFile, EOFError, OSError, RuntimeError) as error:
        raise DataError(str(path), f"is not a whole zip archive ({error})", expected="the archive as published", fix="fetch the file again") from error


def sha256_of(path: Path) -> str:
    """The sha256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as lines:
        for block in iter(lambda: lines.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def cached(source: Path, kind: str, make: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """The arrays made from `source`, kept in the user's cache under the sha256 of its content.

    A cache that cannot be written or read is passed over: the arrays are made again.
    """
    file = places.cache_dir() / "datasets" / f"{kind}-{sha256_of(source)[:24]}.npz"
    if file.is_file():
        try:
            with np.load(file, allow_pickle=False) as saved:
                return {k: saved[k] for k in saved.files}
        except (OSError, ValueError, EOFError, zipfile.BadZipFile, KeyError):
            pass  # a damaged cache is made again
    arrays = make()
    temporary = None
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=file.parent, suffix=".npz")
        with os.fdopen(handle, "wb") as out:
            np.savez(out, **arrays)  # type: ignore[arg-type]
        os.replace(temporary, file)
    except OSError:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
    return arrays
