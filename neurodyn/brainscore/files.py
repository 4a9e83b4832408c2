"""The files behind Brain-Score's public identifiers: taken from local folders where they lie there, and named where they are missing.

Brain-Score fetches every assembly and stimulus set through one function.  It is wrapped so that a file of the same name in a folder ``brain-score``
or ``brainio`` below ``NEURODYN_DATA`` is used first.  Everything else about a benchmark - bins, splits, degrees, ceiling - stays its own.
"""

from __future__ import annotations

import hashlib
import shutil
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from neurodyn import places
from neurodyn.brainscore.installed import require
from neurodyn.errors import DataError, NeurodynWarning

__all__ = ["FOLDERS", "missing_files", "refusal", "use_local_files"]

FOLDERS = ("brain-score", "brainio")
_SEVERAL = ("Cowley2026", "Papale2025")  # of several data sets; their loaders stop at the first that is missing
_S3 = "brainscore_core.supported_data_standards.brainio.s3"


@dataclass
class _Wrapped:
    """What the wrapped lookup of files is to do."""

    offline: bool = False
    missing: dict[str, str] = field(default_factory=dict)


_STATE = _Wrapped()


def use_local_files() -> None:
    """Let Brain-Score find its files below ``NEURODYN_DATA``; called twice it does nothing more.

    Notes
    -----
    A file whose sha1 is not the published one is used all the same, with a warning: scores on it are not those of the public benchmark.
    """
    module: Any = require(_S3)
    if getattr(module.get_path, "_neurodyn", False):
        return
    original = module.get_path

    def get_path(identifier: str, file_type: str, bucket: str, version_id: str, sha1: str, filename_prefix: str | None = None, folder_name: Any = None) -> Any:
        prefix = filename_prefix or ("stimulus_" if file_type in ("csv", "zip") else "assy_")
        name = f"{prefix}{identifier.replace('.', '_')}.{file_type}"
        found = _local(name)
        if found is not None:
            return str(_staged(found, name, sha1))
        if _STATE.offline:
            cached = _brainio_home() / str(sha1) / name
            if not cached.is_file():
                _STATE.missing[name] = str(sha1)
            return str(cached)
        return original(identifier, file_type, bucket, version_id, sha1, filename_prefix=filename_prefix, folder_name=folder_name)

    get_path._neurodyn = True  # type: ignore[attr-defined]
    module.get_path = get_path


def missing_files(identifier: str, load: Callable[[str], Any] | None = None) -> dict[str, str]:
    """Files of a benchmark that lie neither below ``NEURODYN_DATA`` nor in Brain-Score's own folder.

    Parameters
    ----------
    identifier : str
        Of a benchmark, for example ``"MajajHong2015public.IT-pls"``.
    load : callable, optional
        What loads it; Brain-Score's ``load_benchmark`` when absent, ``load_dataset`` for the name of a data set.

    Returns
    -------
    dict
        Name of the file -> its published sha1; as far as the benchmark's loader goes without them.
    """
    library = require()
    use_local_files()
    with _offline() as missing:
        with suppress(Exception):  # whatever a loader does with files that are not there
            (load or library.load_benchmark)(identifier)
        for name in [n for n in library.data_registry if load is None and n.startswith(tuple(s for s in _SEVERAL if identifier.startswith(s)))]:
            with suppress(Exception):
                library.load_dataset(name)
        return dict(missing)


@contextmanager
def _offline() -> Iterator[dict[str, str]]:
    _STATE.offline, _STATE.missing = True, {}
    try:
        yield _STATE.missing
    finally:
        _STATE.offline = False


def _local(name: str) -> Path | None:
    for root in places.data_roots():
        for folder in FOLDERS:
            base = root / folder
            for candidate in (base / name, *sorted(base.glob(f"*/{name}"))):
                if candidate.is_file():
                    return candidate
    return None


def _staged(file: Path, name: str, published: str) -> Path:
    """The file in Brain-Score's own folder, where archives are unpacked beside it; the data folder stays as it is."""
    digest = hashlib.sha1(file.read_bytes(), usedforsecurity=False).hexdigest()
    if published and digest != published:
        warnings.warn(
            f"{file} is not the published file (sha1 {digest[:12]} instead of {published[:12]}): scores on it are not those of the public benchmark",
            NeurodynWarning,
            stacklevel=2,
        )
    target = _brainio_home() / digest / name
    if not target.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            target.symlink_to(file.resolve())
        except OSError:
            shutil.copyfile(file, target)
    return target


def _brainio_home() -> Path:
    return Path(require("brainscore_core.supported_data_standards.brainio.fetch").get_local_data_path())


def refusal(identifier: str, cause: Exception, load: Callable[[str], Any] | None = None) -> DataError:
    """The error for a benchmark (or what `load` loads) whose data cannot be had: which file goes where."""
    names = missing_files(identifier, load)
    roots = places.data_roots()
    folder = (roots[0] if roots else Path("$NEURODYN_DATA")) / FOLDERS[0]
    listed = "; ".join(f"{name} (sha1 {sha1})" for name, sha1 in names.items())
    reason = f"{type(cause).__name__}: {cause}".splitlines()[0][:160]
    if not names:
        return DataError(
            "brainscore.score",
            f"Brain-Score's loader fails on the files of `{identifier}` ({reason})",
            expected="files in exactly the form of the published ones",
            fix="with files of your own: neurodyn.brainscore.local_benchmark(recordings, stimuli), read by neurodyn.datasets.assembly",
        )
    return DataError(
        "brainscore.score",
        f"the data of `{identifier}` cannot be had ({reason})",
        expected=f"these files in {folder}, or network and credentials for brainscore-storage: {listed}",
        fix="with files of your own: neurodyn.brainscore.local_benchmark(recordings, stimuli), read by neurodyn.datasets.assembly",
    )
