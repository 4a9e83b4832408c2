"""neurodyn: recurrent vision models as dynamical systems, measured the way a neuroscientist measures a brain.

Importing the package imports neither torch nor matplotlib; names are loaded when first used.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_LAZY = {
    "Record": "neurodyn.dynamics.record",
    "Schedule": "neurodyn.dynamics.schedule",
    "as_dynamical": "neurodyn.dynamics.adapters",
    "build": "neurodyn.experiment.resolve",
    "check_model": "neurodyn.dynamics.check",
    "list_models": "neurodyn.experiment.resolve",
    "load_model": "neurodyn.experiment.resolve",
    "make_recordings": "neurodyn.schema",
    "make_stimuli": "neurodyn.schema",
    "simulate": "neurodyn.dynamics.simulate",
    "state_at": "neurodyn.dynamics.simulate",
}
_SUBPACKAGES = ("analysis", "architectures", "brainscore", "cells", "datasets", "dynamics", "numerics", "plot", "stimuli", "testing", "training")

__all__ = ["__version__", *_LAZY, *_SUBPACKAGES]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        value = getattr(importlib.import_module(_LAZY[name]), name)
        globals()[name] = value
        return value
    if name in _SUBPACKAGES:
        return importlib.import_module(f"neurodyn.{name}")
    from neurodyn.errors import nearest

    guess = nearest(name, [*_LAZY, *_SUBPACKAGES])
    raise AttributeError(f"neurodyn has no `{name}`" + (f"; did you mean `{guess}`?" if guess else ""))


def __dir__() -> list[str]:
    return sorted(__all__)
