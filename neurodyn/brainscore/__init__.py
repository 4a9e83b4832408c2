"""The bridge to Brain-Score: models go over as brain models, assemblies come back as recordings, and its metrics can run on our engine.

Importing this package does not import brainscore_vision; calling into it does, without letting it install packages.
"""

from __future__ import annotations

import importlib
from typing import Any

_LAZY = {
    "BrainScoreModel": "brain_model",
    "accelerate": "acceleration",
    "as_brain_model": "brain_model",
    "from_assembly": "assemblies",
    "load_dataset": "loading",
    "local_benchmark": "local",
    "missing_files": "files",
    "public_benchmarks": "registration",
    "register": "registration",
    "score": "registration",
    "to_assembly": "assemblies",
}

__all__ = sorted(_LAZY)  # noqa: PLE0605


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"neurodyn.brainscore has no `{name}`")
    return getattr(importlib.import_module(f"neurodyn.brainscore.{_LAZY[name]}"), name)
