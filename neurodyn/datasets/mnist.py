"""MNIST: 60,000 + 10,000 handwritten digits, 28 x 28 pixels, in the four canonical IDX files.

``load`` looks for ``mnist`` or ``MNIST/raw`` under ``NEURODYN_DATA``.
"""

from neurodyn.datasets._idx import IdxSet

__all__ = ["CLASSES", "load"]

CLASSES = tuple(str(k) for k in range(10))
load = IdxSet("mnist", CLASSES, ("mnist", "MNIST/raw")).load
