"""Where the declarations and the user's data lie; the only file that knows the outer folders.

Declarations (model cards, weights, data manifests, experiments, figure scripts) are looked for in ``NEURODYN_HOME``, then in
the checkout this package was imported from, then in ``<prefix>/share/neurodyn``, where an installed copy puts them.
Data sets are looked for in the folders of ``NEURODYN_DATA`` (a path list).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

__all__ = ["analyses_dir", "cache_dir", "data_roots", "declarations", "figures_dir", "find_data", "find_declaration", "homes", "results_dir", "weights_file"]

_FOLDERS = ("models", "data", "analyses", "figures")


def homes() -> list[Path]:
    """Folders searched for declarations, in order of precedence.

    Examples
    --------
    >>> all(isinstance(h, Path) for h in homes())
    True
    """
    found = []
    if os.environ.get("NEURODYN_HOME"):
        found.append(Path(os.environ["NEURODYN_HOME"]).expanduser())
    checkout = Path(__file__).resolve().parent.parent
    if (checkout / "setup.cfg").is_file():
        found.append(checkout)
    found.append(Path(sys.prefix) / "share" / "neurodyn")
    return [h for h in dict.fromkeys(found) if h.is_dir()]


def declarations(folder: str, pattern: str = "*.yaml") -> dict[str, Path]:
    """All declarations in one of the outer folders, key -> file; the first home that has a key wins.

    Parameters
    ----------
    folder : {"models", "data", "analyses", "figures"}
    pattern : str
        Glob, searched below the folder; keys are relative paths without suffix.
    """
    if folder not in _FOLDERS:
        raise ValueError(f"this is a bug: {folder!r} is not one of the outer folders {_FOLDERS}")
    found: dict[str, Path] = {}
    for home in homes():
        root = home / folder
        for path in sorted(root.rglob(pattern)) if root.is_dir() else ():
            relative = path.relative_to(root)
            if any(part in ("raw", "artefacts", "weights", "gallery", "notebooks") for part in relative.parts[:-1]):
                continue
            found.setdefault(relative.with_suffix("").as_posix(), path)
    return dict(sorted(found.items()))


def find_declaration(folder: str, key: str) -> Path | None:
    """The file that declares `key` in an outer folder, or None."""
    return declarations(folder, "*.py" if folder == "figures" else "*.yaml").get(key)


def weights_file(card: Path, name: str) -> Path:
    """The weights that a model card names: they lie in ``weights/`` beside the card."""
    return card.parent / "weights" / name


def analyses_dir() -> Path | None:
    """The first home's ``analyses`` folder, or None."""
    return next((h / "analyses" for h in homes() if (h / "analyses").is_dir()), None)


def figures_dir() -> Path | None:
    """The first home's ``figures`` folder, or None."""
    return next((h / "figures" for h in homes() if (h / "figures").is_dir()), None)


def data_roots() -> list[Path]:
    """The folders of ``NEURODYN_DATA`` that exist, in order."""
    listed = os.environ.get("NEURODYN_DATA", "").split(os.pathsep)
    return [p for p in (Path(x).expanduser() for x in listed if x) if p.is_dir()]


def find_data(*relative: str) -> Path | None:
    """The first of the given relative paths that exists under a data root, or None.

    Parameters
    ----------
    *relative : str
        Candidate paths, for example ``"mnist"``, ``"recordings/cowley2023_v4"``.
    """
    for root in data_roots():
        for candidate in relative:
            if (root / candidate).exists():
                return root / candidate
    return None


def results_dir() -> Path:
    """Where results go unless the user says otherwise: ``NEURODYN_RESULTS``, or ``results`` in the current folder."""
    return Path(os.environ.get("NEURODYN_RESULTS", "results")).expanduser()


def cache_dir() -> Path:
    """Where decoded archives are kept between runs: ``neurodyn`` below ``XDG_CACHE_HOME``, or below ``~/.cache``."""
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "neurodyn"
