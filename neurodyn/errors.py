"""Errors that name what was given, what was expected, and the mend.

Every error of the library is a :class:`NeurodynError`.  It is built from parts, so that all messages read alike::

    SchemaError: predictivity: `recordings` holds NaN in 3 of 168 neuroids (first: A-017, A-031, B-004)
      expected: finite values for every (presentation, neuroid, time_bin)
      fix: pass nan="drop-neuroid", or recordings.dropna("neuroid")
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from pathlib import Path

__all__ = [
    "AccuracyWarning",
    "ArtefactError",
    "CapacityError",
    "ConfigError",
    "ConvergenceWarning",
    "DataError",
    "ModelError",
    "NeurodynError",
    "NeurodynWarning",
    "NumericsError",
    "SchemaError",
    "first_of",
    "nearest",
    "seen_from_here",
    "unknown_name",
]

_MOST = 12  # names that a message lists


class NeurodynError(Exception):
    """Base class of every error raised on purpose by neurodyn.

    Parameters
    ----------
    where : str
        The function or file that refuses, as the user would call it.
    what : str
        What was given, with numbers and the first offenders by id.
    expected : str, optional
        What would have been accepted.
    fix : str, optional
        A mend that can be pasted.

    Examples
    --------
    >>> print(SchemaError("simulate", "`stimuli` has 5 channels", expected="3", fix="stimuli[:, :3]"))
    simulate: `stimuli` has 5 channels
      expected: 3
      fix: stimuli[:, :3]
    """

    def __init__(self, where: str, what: str, *, expected: str | None = None, fix: str | None = None) -> None:
        self.where, self.what, self.expected, self.fix = where, what, expected, fix
        lines = [f"{where}: {what}"]
        if expected:
            lines.append(f"  expected: {expected}")
        if fix:
            lines.append(f"  fix: {fix}")
        super().__init__("\n".join(lines))

    def __reduce__(self) -> tuple:  # errors cross process boundaries in sweeps
        return _rebuild, (type(self), self.where, self.what, self.expected, self.fix)


def _rebuild(kind: type[NeurodynError], where: str, what: str, expected: str | None, fix: str | None) -> NeurodynError:
    return kind(where, what, expected=expected, fix=fix)


class SchemaError(NeurodynError, ValueError):
    """Labelled data has wrong dims, coords, units or values."""


class ConfigError(NeurodynError, ValueError):
    """A name, key or parameter value is unknown or out of range."""


class DataError(NeurodynError, ValueError):
    """A file is missing, truncated, corrupt or of another format."""


class ModelError(NeurodynError, ValueError):
    """A model breaks the contract, or its weights do not fit."""


class NumericsError(NeurodynError, ValueError):
    """A numerical routine was given arrays it cannot work on."""


class ArtefactError(NeurodynError, OSError):
    """A result could not be written or read back."""


class CapacityError(NeurodynError, MemoryError):
    """A computation needs more memory or disk than there is."""


class NeurodynWarning(UserWarning):
    """Base class of the library's warnings."""


class ConvergenceWarning(NeurodynWarning):
    """An iteration stopped before its tolerance; the result says which parts converged."""


class AccuracyWarning(NeurodynWarning):
    """A result is as good as its data allows, which is less than its tolerance suggests."""


def first_of(ids: Iterable[object], limit: int = 3) -> str:
    """List the first offenders by id.

    Examples
    --------
    >>> first_of(["a", "b", "c", "d"])
    'first: a, b, c'
    >>> first_of(["a"])
    'first: a'
    """
    shown = [str(i) for _, i in zip(range(limit), ids, strict=False)]
    return f"first: {', '.join(shown)}"


def nearest(name: str, known: Sequence[str]) -> str | None:
    """Return the known name closest in spelling to `name`, or None.

    Examples
    --------
    >>> nearest("n_mode", ["n_modes", "tol"])
    'n_modes'
    """
    lowered = {k.lower(): k for k in known}
    given = str(name).lower()
    cutoff = 0.5 if len(given) < 4 else 0.65  # `V2` and `V1` share half their letters; unrelated longer names often do
    hits = difflib.get_close_matches(given, list(lowered), n=1, cutoff=cutoff) or [k for k in lowered if given and k.startswith(given)]
    return lowered[hits[0]] if hits else None


def seen_from_here(path: Path) -> str:
    """A path as messages name it, so that it can be opened: from the current folder where it lies below, else in full.

    Examples
    --------
    >>> seen_from_here(Path.cwd() / "analyses" / "toy.yaml")
    'analyses/toy.yaml'
    """
    full, here = path.absolute(), Path.cwd()
    return str(full.relative_to(here)) if full.is_relative_to(here) else str(full)


def unknown_name(where: str, kind: str, name: object, known: Iterable[str], *, look: str | None = None) -> ConfigError:
    """Build the error for a misspelt name, with the nearest known one; of more than twelve known names the nearest five are shown.

    Parameters
    ----------
    where, kind : str
    name : object
    known : iterable of str
    look : str, optional
        How to see what there is, for example a command; the mend where no known name is near.

    Examples
    --------
    >>> print(unknown_name("eigenspectrum", "parameter", "n_mode", ["n_modes", "tol"]))
    eigenspectrum: unknown parameter `n_mode`; did you mean `n_modes`?
      expected: one of n_modes, tol
      fix: use `n_modes`
    """
    names = [str(k) for k in known]
    guess = nearest(str(name), names)
    hint = f"; did you mean `{guess}`?" if guess else ""
    expected = f"one of {', '.join(names)}" if names else f"no {kind} is known here"
    if len(names) > _MOST:
        near = difflib.get_close_matches(str(name), names, n=5, cutoff=0.0)
        expected = f"one of {len(names)}, the nearest of them {', '.join(near)}" + (f" ({look} has all)" if look else "")
    return ConfigError(where, f"unknown {kind} `{name}`{hint}", expected=expected, fix=f"use `{guess}`" if guess else look)
