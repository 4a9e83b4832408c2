"""Adapted modules against the modules themselves."""

import numpy as np
import pytest
import torch

import neurodyn as nd
from neurodyn.errors import ConfigError, ModelError
from neurodyn.schema import make_stimuli

RECURRENT = {
    "rnn": lambda: torch.nn.RNN(3, 5),
    "gru": lambda: torch.nn.GRU(3, 5, num_layers=2),
    "lstm": lambda: torch.nn.LSTM(3, 5, num_layers=2, batch_first=True),
    "lstm projected": lambda: torch.nn.LSTM(3, 5, proj_size=2),
    "rnn cell": lambda: torch.nn.RNNCell(3, 5),
    "gru cell": lambda: torch.nn.GRUCell(3, 5),
    "lstm cell": lambda: torch.nn.LSTMCell(3, 5),
}


@pytest.mark.parametrize("kind", RECURRENT)
def test_torch_modules_step_as_they_run(kind):
    module = RECURRENT[kind]().eval()
    model = nd.check_model(nd.as_dynamical(module))
    movie = make_stimuli(np.random.default_rng(0).random((2, 6, 3, 1, 1)))
    ours = nd.simulate(model, movie, record=nd.Record(layers=model.layers[-1])).values
    x = torch.from_numpy(movie.values[..., 0, 0])
    with torch.no_grad():
        if "cell" in kind:
            h, path = None, []
            for t in range(6):
                h = module(x[:, t], h)
                path.append(h[0] if isinstance(h, tuple) else h)
            theirs = torch.stack(path, -1)
        else:
            out, _ = module(x if module.batch_first else x.transpose(0, 1))
            theirs = (out if module.batch_first else out.transpose(0, 1)).transpose(1, 2)
    np.testing.assert_allclose(ours, theirs.numpy(), atol=1e-6)


def test_an_encoder_and_a_readout():
    encoder, head = torch.nn.Linear(16, 3).eval(), torch.nn.Linear(5, 10).eval()
    model = nd.as_dynamical(torch.nn.GRU(3, 5).eval(), blank=torch.zeros(1, 4, 4), encode=lambda m, f: encoder(f.flatten(1)), readout=head)
    with torch.no_grad():
        drive = model.encode(torch.rand(2, 1, 4, 4))
        assert model.readout(model.step(model.initial_state(drive), drive)).shape == (2, 10)


class Loops(torch.nn.Module):
    """A forward that runs its own three steps."""

    def __init__(self):
        super().__init__()
        self.stem = torch.nn.Conv2d(1, 2, 3, padding=1)
        self.cell = torch.nn.LSTMCell(32, 4)
        self.head = torch.nn.Linear(4, 3)
        self.unused = torch.nn.Linear(1, 1)

    def forward(self, image):
        x = self.stem(image).flatten(1)
        hidden = None
        for _ in range(3):
            hidden = self.cell(x, hidden)
        return self.head(hidden[0])


def test_a_forward_that_loops_inside_is_recorded_call_by_call():
    module = Loops().eval()
    model = nd.check_model(nd.as_dynamical(module, record=["stem", "cell"], blank=torch.zeros(1, 4, 4)))
    assert model.layers == ("stem", "cell.0", "cell.1")
    assert model.phase == ()
    images = make_stimuli(np.random.default_rng(0).random((3, 1, 4, 4)))
    r = nd.simulate(model, images, record=nd.Record(layers=("cell.0", "readout")))
    assert r.sizes["time_bin"] == 3
    with torch.no_grad():
        x = module.stem(torch.from_numpy(images.values)).flatten(1)
        hidden = None
        for t in range(3):
            hidden = module.cell(x, hidden)
            np.testing.assert_allclose(r.sel(neuroid=r.layer == "cell.0").values[..., t], hidden[0].numpy(), atol=1e-6)
        np.testing.assert_allclose(r.sel(neuroid=r.layer == "readout").values[..., -1], module(torch.from_numpy(images.values)).numpy(), atol=1e-6)
    assert not module.cell._forward_hooks


class Ragged(Loops):
    def forward(self, image):
        x = self.stem(image) + self.stem(image)
        hidden = None
        for _ in range(3):
            hidden = self.cell(x.flatten(1), hidden)
        return self.head(hidden[0])


@pytest.mark.parametrize(
    ("call", "kind", "says"),
    [
        (lambda: nd.as_dynamical(lambda x: x), ModelError, "torch.nn.Module"),
        (lambda: nd.as_dynamical(torch.nn.Linear(2, 2).eval()), ModelError, "`step` and `initial`"),
        (lambda: nd.as_dynamical(torch.nn.GRU(2, 2)), ModelError, "model.eval|module.eval"),
        (lambda: nd.as_dynamical(torch.nn.GRU(2, 2, bidirectional=True).eval()), ModelError, "sees the future"),
        (lambda: nd.as_dynamical(Loops().eval(), record=["sell"], blank=torch.zeros(1, 4, 4)), ConfigError, "did you mean `cell`"),
        (lambda: nd.as_dynamical(Loops().eval(), record=["unused"], blank=torch.zeros(1, 4, 4)), ModelError, "never called"),
        (lambda: nd.as_dynamical(Loops().eval(), record=["cell"]), ModelError, "`blank` is absent"),
        (lambda: nd.as_dynamical(Ragged().eval(), record=["stem", "cell"], blank=torch.zeros(1, 4, 4)), ModelError, "one at a time"),
        (lambda: nd.as_dynamical(torch.nn.Linear(2, 2).eval(), step=lambda m, s, d: s), ModelError, "without `initial`"),
        (lambda: nd.as_dynamical(torch.nn.GRU(3, 5).eval(), blank=torch.zeros(1, 4, 4)).encode(torch.zeros(1, 1, 4, 4)), ModelError, "input_size of 3"),
    ],
)
def test_bad_input(call, kind, says):
    with pytest.raises(kind, match=says):
        call()
