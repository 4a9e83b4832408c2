"""A model that holds an image in its frame is looked at as one of images."""

import numpy as np
import pytest
import torch

import neurodyn as nd
from neurodyn.analysis import grating_tuning, optimal_stimulus
from neurodyn.dynamics.image_view import ImageView, image_view
from neurodyn.errors import ModelError
from neurodyn.testing.toys import ConvNetwork


class Sensor(ConvNetwork):
    """Its frame is an image and where it was taken; the position shifts every response."""

    def __init__(self):
        super().__init__()
        self.picture = self._buffers.pop("blank")

    @property
    def blank(self):
        return {"image": self.picture, "position": torch.zeros(2)}

    def encode(self, frame):
        drive = super().encode(frame["image"])
        return {k: v + frame["position"].sum(1).reshape(-1, *[1] * (v.dim() - 1)) for k, v in drive.items()}


def test_the_view_keeps_the_contract_and_holds_the_rest():
    view = image_view(Sensor())
    assert isinstance(view, ImageView)
    nd.check_model(view)
    frame = torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    for name, value in view.encode(frame).items():
        torch.testing.assert_close(value, ConvNetwork().encode(frame)[name])


def test_gratings_and_best_stimuli_see_the_image():
    grid = {"spatial_frequency_cpp": [0.1, 0.2, 0.3], "temporal_frequency_hz": [10, 20, 30], "n_steps": 20, "units": "center"}
    np.testing.assert_allclose(grating_tuning(Sensor(), "V2", **grid).tuning, grating_tuning(ConvNetwork(), "V2", **grid).tuning)
    assert optimal_stimulus(Sensor(), "V1", n_frames=2, n_iterations=1, n_restarts=1, n_candidates=1, seed=0).sizes["neuroid"] == 4


def test_a_model_in_train_mode_is_still_refused():
    with pytest.raises(ModelError, match="eval"):
        grating_tuning(Sensor().train(), "V2")
