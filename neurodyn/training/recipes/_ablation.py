"""Many small CordsNets, each trained with other loss settings: what the loss asks for and what it gets."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

from neurodyn.architectures import cordsnet as architecture
from neurodyn.training.recipes import cordsnet
from neurodyn.training.recipes._trials import load_images

if TYPE_CHECKING:
    from neurodyn.architectures.cordsnet import CordsNet

__all__ = ["small_network"]


def small_network(
    *,
    first_exponent: float = -3.0,
    penalty: float = 0.1,
    window_start_ms: float = 50.0,
    window_stop_ms: float = 80.0,
    n_epochs: int = 10,
    channels: int = 6,
    learning_rate: float = 0.01,
    seed: int = 0,
) -> CordsNet:
    """Train a two-area CordsNet on 8-pixel digits from random weights; about ten seconds.

    Parameters
    ----------
    first_exponent : float
        Exponent of ten of the first supervised step's weight; the last weighs 1.  0 weighs all alike.
    penalty : float
        Weight of the return to baseline.
    window_start_ms, window_stop_ms : float
        Supervised part of the image, which lasts until the end of the window.
    n_epochs, channels, learning_rate
    seed : int

    Returns
    -------
    CordsNet
        Trained, in eval mode.
    """
    config = architecture.Config(
        depth=2,
        channels=channels,
        image_size=8,
        n_classes=10,
        in_channels=1,
        stem_kernel=3,
        stem_stride=1,
        mean=(0.3,),
        std=(0.37,),
        before_ms=100.0,
        stimulus_ms=window_stop_ms,
        after_ms=80.0,
    )
    p = cordsnet.Parameters(
        dataset="digits",
        stages=("tune",),
        tune_epochs=n_epochs,
        learning_rate=learning_rate,
        before_ms=60.0,
        stimulus_ms=window_stop_ms,
        window_ms=(window_start_ms, window_stop_ms),
        log_range=(first_exponent, 0.0),
        penalty=penalty,
    )
    model = architecture.build(config, seed=seed)
    train_set, test_set = (load_images("digits", split, image_size=8) for split in ("train", "test"))
    with tempfile.TemporaryDirectory() as folder:
        cordsnet.train_on(model, train_set, test_set, p, seed=seed, folder=folder, progress=False)
    return model
