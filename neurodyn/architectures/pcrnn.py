"""PC-RNN: images from few measurements by three recurrent modules, coarse to fine, and a convolutional network that fuses them.

With the zero-filled image x0 = F^-1 y, each module i = 1, 2, 3 iterates

    h(k + 1) = a(r(h(k)) + e(x(k))),        x(k + 1) = F^-1[ D y + (1 - D) F d(h(k + 1)) ]

from h(0) = 0 (the first iteration has no residual term) and from the image that the module before has left; the reconstruction is
F^-1[ D y + (1 - D) F c(x1, x2, x3) ].  The encoder e and the decoder d of module i work at 1 / stride of the size, with images of full size at
either end; r(h) = h + conv(relu(conv(h))); weights are shared by the iterations of a module and by no two modules.

One step is one iteration of one module, and ``clock`` in the state says which.  After the last one, steps go on with the last module.

Source: Chen, Wang, Chen, Chen and Sun (2022), IEEE TMI 41:2033 (arXiv 1912.00543).  The modules, their additive hidden state, hard data
consistency, coils as channels and the fusion are the paper's.  Its table of strides and channels, the number of iterations, activations,
the depth of r and c and whether c ends with data consistency are not known to us: strides 4, 2, 1, five iterations, 64 channels and the rest are our
choices, after later work of the same group.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import nn

from neurodyn.architectures._measurements import blank_frame, consistent, encode_measurement, in_units, initialise
from neurodyn.dynamics.schedule import Schedule
from neurodyn.errors import ConfigError, unknown_name
from neurodyn.numerics.fourier import crop, pad_to_multiple

if TYPE_CHECKING:
    from torch import Tensor

    from neurodyn.dynamics.protocol import Drive, State

__all__ = ["SMALL", "Config", "PyramidConvRNN", "build"]

ACTIVATIONS = ("relu", "none")


@dataclass(frozen=True)
class Config:
    """What a network looks like.

    Attributes
    ----------
    n_coils : int
        Virtual coils; real and imaginary parts are channels.
    image_size : (int, int)
        Rows and columns of the blank; any size is taken, padding is inside the modules and outside the Fourier transform.
    channels : int
        Of the hidden state.
    strides : tuple of 1, 2 or 4, (module)
        Coarse to fine; one module is the single-scale ablation.
    n_iterations : tuple of int, (module)
    fusion_channels : int
        Hidden channels of the fusion network; 0 leaves it out, and the last module's image is the output.
    tied : bool
        Iterations of a module share weights.
    data_consistency : bool
        After every iteration and after the fusion.
    activation : {"relu", "none"}
        ``"none"`` makes the network linear, for tests.
    """

    n_coils: int = 8
    image_size: tuple[int, int] = (320, 320)
    channels: int = 64
    strides: tuple[int, ...] = (4, 2, 1)
    n_iterations: tuple[int, ...] = (5, 5, 5)
    fusion_channels: int = 64
    tied: bool = True
    data_consistency: bool = True
    activation: str = "relu"

    def __post_init__(self) -> None:
        for name in ("image_size", "strides", "n_iterations"):
            object.__setattr__(self, name, tuple(int(v) for v in getattr(self, name)))
        if not self.strides or len(self.strides) != len(self.n_iterations) or not set(self.strides) <= {1, 2, 4} or min(self.n_iterations) < 1:
            raise ConfigError(
                "pcrnn.Config",
                f"`strides` is {self.strides} and `n_iterations` {self.n_iterations}",
                expected="a stride of 1, 2 or 4 and a positive number of iterations for each module",
                fix="strides=(4, 2, 1), n_iterations=(5, 5, 5)",
            )
        if len(self.image_size) != 2 or min(self.image_size) < 8:
            raise ConfigError("pcrnn.Config", f"`image_size` is {self.image_size}", expected="(rows, columns), 8 or more each", fix="image_size=(320, 320)")
        if self.n_coils < 1 or self.channels < 1 or self.fusion_channels < 0:
            raise ConfigError(
                "pcrnn.Config",
                f"`n_coils` is {self.n_coils}, `channels` {self.channels} and `fusion_channels` {self.fusion_channels}",
                expected="1 or more coils and channels, 0 or more channels of the fusion",
            )
        if self.activation not in ACTIVATIONS:
            raise unknown_name("pcrnn.Config", "activation", self.activation, ACTIVATIONS)


SMALL = Config(n_coils=2, image_size=(17, 14), channels=4, n_iterations=(2, 1, 2), fusion_channels=4)


class Iteration(nn.Module):
    """Encoder, residual part and decoder of one module; see the file for the equations.

    Parameters
    ----------
    n_channels : int
        Of the image: two a coil.
    width : int
    stride : {1, 2, 4}
    linear : bool
        Leave out every nonlinearity.
    """

    def __init__(self, n_channels: int, width: int, stride: int, *, linear: bool = False) -> None:
        super().__init__()
        n_halvings = {1: 0, 2: 1, 4: 2}[stride]
        self.stride = stride
        down: list[nn.Module] = [nn.Conv2d(width, width, 4, 2, 1) for _ in range(n_halvings)]
        up: list[nn.Module] = [nn.ConvTranspose2d(width, width, 4, 2, 1) for _ in range(n_halvings)]
        self.enter = nn.Conv2d(n_channels, width, 3, padding=1)
        self.down = nn.ModuleList(down or [nn.Conv2d(width, width, 3, padding=1)])
        self.residual = nn.ModuleList([nn.Conv2d(width, width, 3, padding=1), nn.Conv2d(width, width, 3, padding=1)])
        self.up = nn.ModuleList(up or [nn.Conv2d(width, width, 3, padding=1)])
        self.leave = nn.Conv2d(width, n_channels, 3, padding=1)
        self.slope = nn.Parameter(torch.tensor(0.25))
        self.linear = linear

    def encode(self, image: Tensor) -> Tensor:
        """e: an image of full size to the hidden state's size, padded with zeros to a multiple of the stride."""
        y = self._relu(self.enter(pad_to_multiple(image, self.stride)))
        for k, layer in enumerate(self.down):
            y = layer(y) if k == len(self.down) - 1 else self._relu(layer(y))
        return y

    def recur(self, h: Tensor) -> Tensor:
        """r: the hidden state plus two convolutions of it."""
        first, second = self.residual
        return h + second(self._relu(first(h)))

    def activate(self, h: Tensor) -> Tensor:
        """a: a PReLU whose one slope is learned."""
        return h if self.linear else F.prelu(h, self.slope.reshape(1))

    def decode(self, h: Tensor, size: tuple[int, int]) -> Tensor:
        """d: the hidden state to an image of full size."""
        for layer in self.up:
            h = self._relu(layer(h))
        return crop(self.leave(h), size)

    def _relu(self, x: Tensor) -> Tensor:
        return x if self.linear else torch.relu(x)


class PyramidConvRNN(nn.Module):
    """The network; build it with :func:`build`.

    Notes
    -----
    Phase space: the image ``x``, in units of the zero-filled image's largest magnitude, and the hidden state ``h<i>`` of every module; those
    of modules that are not at work are zero and map to zero.  Not in it: the images ``x<i>`` that earlier modules have left, ``clock`` and
    ``scale``.  With these held, a step repeats the same module's iteration, so fixed points and Jacobians are those of one module.

    The readout is the reconstruction in the units of the measurement, real and imaginary parts of every coil: the fused image once the last
    module is at work, the image so far before.
    """

    dt_ms = None

    def __init__(self, config: Config, *, seed: int) -> None:
        super().__init__()
        self.config = config
        n, n_channels = len(config.strides), 2 * config.n_coils
        self.hidden = tuple(f"h{i + 1}" for i in range(n))
        self.kept = tuple(f"x{i + 1}" for i in range(n - 1))
        self.phase = ("x", *self.hidden)
        self.layers = (*self.hidden, "x")
        self.trial = Schedule.steps(stimulus=sum(config.n_iterations))
        self.ends = tuple(sum(config.n_iterations[: i + 1]) for i in range(n))
        linear = config.activation == "none"
        self.iterations = nn.ModuleList(
            Iteration(n_channels, config.channels, stride, linear=linear)
            for stride, count in zip(config.strides, config.n_iterations, strict=True)
            for _ in range(1 if config.tied else count)
        )
        self.fusion: nn.ModuleList | None = None
        if config.fusion_channels:
            widths = (n * n_channels, *[config.fusion_channels] * 3, n_channels)
            self.fusion = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in itertools.pairwise(widths))
        initialise(self, seed, "pcrnn", damped=("residual.1", "leave", "fusion.3"))
        self.eval()

    @property
    def blank(self) -> dict[str, Tensor]:
        """A black image, fully measured."""
        return blank_frame(self.config.n_coils, self.config.image_size, self.iterations[0].slope)  # type: ignore[arg-type]

    def encode(self, frame: dict[str, Tensor]) -> Drive:
        """Zero-filled image, missing samples and scale."""
        return encode_measurement(frame, self.config.n_coils, where="PyramidConvRNN.encode")

    def initial_state(self, drive: Drive, *, noise: object = None) -> State:
        """The zero-filled image, and silence."""
        x0 = drive["x0"]
        state = {"x": x0}
        for name, stride in zip(self.hidden, self.config.strides, strict=True):
            rows, columns = (-(-size // stride) for size in x0.shape[-2:])
            state[name] = x0.new_zeros(len(x0), self.config.channels, rows, columns)
        for name in self.kept:
            state[name] = torch.zeros_like(x0)
        return state | {"clock": torch.zeros(len(x0), dtype=torch.long, device=x0.device), "scale": drive["scale"], "missing": drive["missing"], "x0": x0}

    def step(self, state: State, drive: Drive, *, noise: object = None) -> State:
        """One iteration of the module whose turn it is; the rows of a batch may be at different iterations."""
        turn = state["clock"].clamp(max=self.ends[-1] - 1)
        turns = turn.unique().tolist()
        if len(turns) == 1:
            return self._iterate(int(turns[0]), state, drive)
        rows = [(turn == t).nonzero()[:, 0] for t in turns]
        parts = [self._iterate(int(t), {k: v[r] for k, v in state.items()}, {k: v[r] for k, v in drive.items()}) for t, r in zip(turns, rows, strict=True)]
        order = torch.cat(rows).argsort()
        return {k: torch.cat([p[k] for p in parts])[order] for k in state}

    def rates(self, state: State, drive: Drive, layers: tuple[str, ...]) -> dict[str, Tensor]:
        """Hidden states, and the image in the units of the measurement, of the step that led to `state`."""
        for name in layers:
            if name not in self.layers:
                raise unknown_name("PyramidConvRNN.rates", "layer", name, self.layers)
        return {name: in_units(state[name], state["scale"]) if name == "x" else state[name] for name in layers}

    def readout(self, state: State) -> Tensor:
        """The reconstruction, (batch, 2 * coil, row, column), in the units of the measurement."""
        x = state["x"]
        if self.fusion is not None:
            started = state["clock"] > (self.ends[-2] if len(self.ends) > 1 else 0)
            if bool(started.all()):
                x = self._fuse(state)
            elif bool(started.any()):
                x = torch.where(started[:, None, None, None], self._fuse(state), x)
        return in_units(x, state["scale"])

    def with_iterations(self, n_iterations: tuple[int, ...]) -> PyramidConvRNN:
        """The same weights with another number of iterations for each module.

        Raises
        ------
        ConfigError
            Where every iteration has weights of its own.
        """
        if not self.config.tied:
            raise ConfigError("PyramidConvRNN.with_iterations", "every iteration has its own weights", expected="a network with tied weights")
        other = PyramidConvRNN(replace(self.config, n_iterations=n_iterations), seed=0)
        other.load_state_dict(self.state_dict())
        return other.to(next(self.parameters()))

    def _iterate(self, turn: int, state: State, drive: Drive) -> State:
        module = next(i for i, end in enumerate(self.ends) if turn < end)
        first = turn == (self.ends[module - 1] if module else 0)
        cell: Iteration = self.iterations[module if self.config.tied else turn]  # type: ignore[assignment]
        given = cell.encode(state["x"])
        h = cell.activate(given if first else given + cell.recur(state[self.hidden[module]]))
        x = cell.decode(h, tuple(state["x"].shape[-2:]))  # type: ignore[arg-type]
        x = consistent(x, drive) if self.config.data_consistency else x
        new = {name: h if i == module else torch.zeros_like(state[name]) for i, name in enumerate(self.hidden)}
        kept = {name: x if i == module else state[name] for i, name in enumerate(self.kept)}
        held = {"clock": state["clock"] + 1, "scale": drive["scale"], "missing": drive["missing"], "x0": drive["x0"]}
        return {"x": x, **new, **kept, **held}

    def _fuse(self, state: State) -> Tensor:
        assert self.fusion is not None
        y = torch.cat([*(state[name] for name in self.kept), state["x"]], dim=1)
        for k, layer in enumerate(self.fusion):
            y = layer(y)
            if k < len(self.fusion) - 1 and self.config.activation == "relu":
                y = torch.relu(y)
        return consistent(y, state) if self.config.data_consistency else y


def build(config: Config, *, seed: int) -> PyramidConvRNN:
    """Build an untrained network in eval mode.

    Parameters
    ----------
    config : Config
    seed : int
        Every weight tensor has its own stream.

    Returns
    -------
    PyramidConvRNN

    Examples
    --------
    >>> model = build(Config(n_coils=1), seed=0)
    >>> model.phase, round(sum(p.numel() for p in model.parameters()) / 1e6, 2)
    (('x', 'h1', 'h2', 'h3'), 0.77)
    """
    return PyramidConvRNN(config, seed=seed)
