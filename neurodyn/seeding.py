"""One seed, many named and independent generators.

Every random draw in the library descends from a seed given by the user and a path of names, so that adding a draw
somewhere never changes the numbers drawn elsewhere, and nothing touches a global generator.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

__all__ = ["numpy_generator", "subseed", "torch_generator"]


def subseed(seed: int, *path: object) -> int:
    """Derive a 63-bit seed from `seed` and a path of names.

    Parameters
    ----------
    seed : int
        The user's seed.
    *path : object
        Names or numbers that say what the stream is for.

    Examples
    --------
    >>> subseed(0, "weights") == subseed(0, "weights")
    True
    >>> subseed(0, "weights") == subseed(0, "noise")
    False
    """
    text = "\x1f".join([str(int(seed)), *(str(p) for p in path)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def numpy_generator(seed: int, *path: object) -> np.random.Generator:
    """Make a numpy generator for the stream named by `path`.

    Examples
    --------
    >>> float(numpy_generator(0, "a").normal()) == float(numpy_generator(0, "a").normal())
    True
    """
    return np.random.Generator(np.random.PCG64(subseed(seed, *path)))


def torch_generator(seed: int, *path: object, device: str | torch.device = "cpu") -> torch.Generator:
    """Make a torch generator for the stream named by `path`, on `device`."""
    import torch

    generator = torch.Generator(device=device)
    generator.manual_seed(subseed(seed, *path))
    return generator
