"""A model whose frame holds an image among other things, seen as one of images alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from neurodyn.dynamics.noise import NoiseSource
    from neurodyn.dynamics.protocol import Drive, DynamicalModel, State

__all__ = ["ImageView", "image_view"]


class ImageView(torch.nn.Module):
    """A model under the contract that shows its frames' one image and holds the rest of the frame at the blank's values.

    For a sensor that reports its position with each image, this is the sensor at rest.

    Parameters
    ----------
    model : DynamicalModel
        Its ``blank`` is a dict.
    key : str
        The image among the blank's entries.
    """

    def __init__(self, model: DynamicalModel, key: str) -> None:
        super().__init__()
        self.model, self.key = model, key
        self.dt_ms, self.layers, self.phase = model.dt_ms, model.layers, model.phase
        for optional in ("finished", "trial"):
            if hasattr(model, optional):
                setattr(self, optional, getattr(model, optional))
        self.train(bool(getattr(model, "training", False)))

    @property
    def blank(self) -> Tensor:
        """The image of the model's own blank."""
        return self.model.blank[self.key]  # type: ignore[call-overload, index, no-any-return]

    def encode(self, frame: Tensor) -> Drive:
        """The model's own encoding of the image, with the rest of its blank."""
        blank: Any = self.model.blank
        rest = {k: v.to(frame).expand(len(frame), *v.shape) for k, v in blank.items() if k != self.key}
        return self.model.encode({k: frame if k == self.key else rest[k] for k in blank})

    def initial_state(self, drive: Drive, *, noise: NoiseSource | None = None) -> State:
        """The model's own start."""
        return self.model.initial_state(drive, noise=noise)

    def step(self, state: State, drive: Drive, *, noise: NoiseSource | None = None) -> State:
        """The model's own step."""
        return self.model.step(state, drive, noise=noise)

    def rates(self, state: State, drive: Drive, layers: tuple[str, ...]) -> dict[str, Tensor]:
        """The model's own rates."""
        return self.model.rates(state, drive, layers)

    def readout(self, state: State) -> Tensor:
        """The model's own readout."""
        return self.model.readout(state)


def image_view(model: DynamicalModel) -> DynamicalModel:
    """The model itself where its frame is one image; else, where exactly one entry of its frame is an image, a view of it.

    Examples
    --------
    >>> from neurodyn.testing.toys import ConvNetwork
    >>> model = ConvNetwork()
    >>> image_view(model) is model
    True
    """
    blank = getattr(model, "blank", None)
    if not isinstance(blank, dict):
        return model
    images = [k for k, v in blank.items() if v.dim() == 3]
    return ImageView(model, images[0]) if len(images) == 1 else model
