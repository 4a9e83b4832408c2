"""Fashion-MNIST: 60,000 + 10,000 grey images of clothing, 28 x 28 pixels, in MNIST's four IDX files.

``load`` looks for ``fashion_mnist``, ``fashion-mnist`` or ``FashionMNIST/raw`` under ``NEURODYN_DATA``.
"""

from neurodyn.datasets._idx import IdxSet

__all__ = ["CLASSES", "load"]

CLASSES = ("t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")
load = IdxSet("fashion_mnist", CLASSES, ("fashion_mnist", "fashion-mnist", "FashionMNIST/raw")).load
