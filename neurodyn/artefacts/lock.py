"""One writer a cell: an advisory lock that dies with its process."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from neurodyn.errors import ArtefactError

__all__ = ["hold"]


@contextlib.contextmanager
def hold(path: Path) -> Iterator[None]:
    """Hold the lock of the file `path` while the block runs; wait for whoever holds it.

    The lock is ``.<name>.lock`` beside the file.  A killed process loses it, and it is removed when released.

    Raises
    ------
    ArtefactError
        If the folder cannot be written.
    """
    import fcntl

    lock = path.with_name(f".{path.name}.lock")
    while True:
        try:
            lock.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise ArtefactError(
                "run",
                f"{lock.parent} cannot be written ({error.strerror})",
                expected="a folder that can be written, with free space",
                fix="export NEURODYN_RESULTS=/another/folder",
            ) from error
        fcntl.flock(handle, fcntl.LOCK_EX)
        with contextlib.suppress(FileNotFoundError):
            if os.fstat(handle).st_ino == os.stat(lock).st_ino:  # else its last holder removed it while we waited
                break
        os.close(handle)
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)
        os.close(handle)
