"""The manifests in ``data/``: what a data set is, and whether the files on disk are the ones it names."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import yaml

from neurodyn import places
from neurodyn.datasets._archive import sha256_of
from neurodyn.errors import DataError, unknown_name

REQUIRED = ("name", "what", "reader", "files", "licence", "citation", "dims", "coords")


def read_manifest(name: str) -> dict[str, Any]:
    """The manifest of a data set, by the name of its file.

    Raises
    ------
    ConfigError
        If there is none of that name.
    DataError
        If it lacks a key.
    """
    known = places.declarations("data")
    if name not in known:
        raise unknown_name("data", "data set", name, known)
    content = yaml.safe_load(known[name].read_text(encoding="utf-8"))
    missing = [k for k in REQUIRED if k not in (content or {})]
    if missing:
        raise DataError(str(known[name]), f"lacks {', '.join(missing)}", expected=f"the keys {', '.join(REQUIRED)}")
    return content


def readers_of_recordings() -> list[str]:
    """The readers of data sets that hold recordings and the pictures that were shown."""
    manifests = [read_manifest(name) for name in places.declarations("data")]
    return sorted({str(m["reader"]) for m in manifests if {"stimuli", "recordings"} <= set(m["dims"])})


def verify(name: str, root: str | Path | None = None) -> dict[str, str]:
    """Compare the files on disk with a manifest, file -> ``"same"``, ``"missing"``, ``"differs"`` or ``"no digest"``."""
    manifest = read_manifest(name)
    folder = Path(root) if root is not None else places.find_data(str(manifest.get("folder", name)))
    found: dict[str, str] = {}
    for entry in manifest["files"]:
        if "glob" in entry:
            found[entry["glob"]] = _state_of_glob(entry, folder)
            continue
        file = None if folder is None else folder / entry["name"]
        if file is None or not file.exists():
            found[entry["name"]] = "missing"
        elif "sha256" in entry:
            found[entry["name"]] = "same" if sha256_of(file) == entry["sha256"] else "differs"
        elif "sha1" in entry:
            found[entry["name"]] = "same" if hashlib.sha1(file.read_bytes(), usedforsecurity=False).hexdigest() == entry["sha1"] else "differs"
        else:
            found[entry["name"]] = "no digest"
    return found


def _state_of_glob(entry: dict[str, Any], folder: Path | None) -> str:
    files = sorted(folder.glob(entry["glob"])) if folder is not None else []
    if not files:
        return "missing"
    digest = hashlib.sha256("".join(sha256_of(f) for f in files).encode()).hexdigest()
    return "same" if len(files) == entry["n"] and digest == entry["sha256_of_sha256"] else "differs"
