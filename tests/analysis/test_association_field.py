"""The association field of a kernel built to have one."""

import numpy as np
import pytest
import torch

from neurodyn.analysis import association_field
from neurodyn.architectures import adrnn
from neurodyn.errors import ConfigError, ModelError


def contour_network(sign=1.0):
    """Channels tuned to 8 orientations; senders along a channel's own orientation, tuned alike, get weight `sign`, all others -0.1."""
    model = adrnn.build(
        adrnn.Config(
            task="class", stem="gabor", image_channels=1, n_channels=16, kernel=5, kernel_inter=3, norm="none", stem_stride=1, stem_pool=1, image_size=40
        ),
        seed=0,
    )
    theta = np.repeat(90 - np.degrees(np.linspace(0, np.pi, 8)), 2) % 180  # a filter that varies along the row answers vertical bars
    rows, columns = np.mgrid[-2:3, -2:3]
    place = np.degrees(np.arctan2(-rows, columns)) % 180
    fold = lambda a: np.minimum(np.abs(a) % 180, 180 - np.abs(a) % 180)  # noqa: E731
    alike = fold(theta[:, None] - theta[None]) < 20
    ahead = fold(place[None] - theta[:, None, None]) < 22
    weight = np.where(alike[:, :, None, None] & ahead[:, None], sign, -0.1)
    with torch.no_grad():
        model.cell.lateral["out"].weight[:, :16] = torch.tensor(weight, dtype=torch.float32)
    return model, theta


def test_a_built_in_field_is_found():
    model, theta = contour_network()
    found = association_field(model, probe_layer="stem", frequency_cpp=2 / 11)
    gap = np.abs((found.preferred.values - theta + 90) % 180 - 90)
    assert gap.max() < 12 and found.selectivity.values.min() > 0.05
    assert found.field.values[0, 0] > 0.5 and found.field.values[0, 0] == found.field.values.max()
    assert (found.field.values[2:] < 0).all() and found.field.values[0, -1] < 0
    assert found.kernel.shape == (16, 16, 5, 5) and (found.n_weights.values > 0).all()
    assert association_field(contour_network(-1.0)[0], probe_layer="stem", frequency_cpp=2 / 11).field.values[0, 0] < -0.5


def test_bad_input():
    with pytest.raises(ModelError, match="no recurrent_kernel"):
        association_field(_Plain())
    with pytest.raises(ConfigError, match="4, 1, 1 and 1"):
        association_field(contour_network()[0], n_orientations=2)


class _Plain:
    """A model without lateral kernels."""

    dt_ms, layers, phase, blank = None, ("out",), ("out",), torch.zeros(1, 8, 8)

    def encode(self, frame):
        return {"x": frame}

    def initial_state(self, drive, *, noise=None):
        return {"out": drive["x"]}

    def step(self, state, drive, *, noise=None):
        return state

    def rates(self, state, drive, layers):
        return {k: state[k] for k in layers}

    def readout(self, state):
        return state["out"].mean(dim=(2, 3))
