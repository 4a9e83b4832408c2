"""Import brainscore_vision, or say how to get it."""

from __future__ import annotations

import importlib
import os
import sys
from types import ModuleType

from neurodyn.errors import ConfigError

__all__ = ["require"]


def require(module: str = "brainscore_vision") -> ModuleType:
    """Import a module of Brain-Score's.

    Raises
    ------
    ConfigError
        If Brain-Score is absent or cannot be imported.

    Notes
    -----
    Sets ``BS_INSTALL_DEPENDENCIES=no`` unless the user has set it: loading a metric or benchmark would otherwise run pip.
    """
    os.environ.setdefault("BS_INSTALL_DEPENDENCIES", "no")
    try:
        return importlib.import_module(module)
    except Exception as error:
        raise ConfigError(
            "neurodyn.brainscore",
            f"{module} cannot be imported ({type(error).__name__}: {error})",
            expected=f"brainscore-vision 2.4 or newer on Python 3.11 (this is {sys.version_info.major}.{sys.version_info.minor})",
            fix='pip install "neurodyn[brainscore]"',
        ) from error
