r"""The feedforward network that a CordsNet grows out of, and that it is measured against.

With the wiring of :mod:`neurodyn.architectures.cordsnet` and a second convolution :math:`K_i` in the place of recurrence,

.. math:: y_i = \mathrm{BN}_2(K_i * \mathrm{BN}_1(A_i * s_i)), \qquad x_i = [y_i]_+ .

:func:`fold` absorbs the batch normalisations into kernels and spatial biases (spatial, because a shift that passes a
zero-padded kernel differs at the border):

.. math:: y_i = K'_i * (A'_i * s_i + a_i) + c_i .

As a dynamical system it comes in two kinds: all areas at once (a step shows the answer), or one area a step, which is the
same network unrolled in discrete time.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from neurodyn.architectures import cordsnet
from neurodyn.architectures._weight_norm import WeightNormed, materialise
from neurodyn.dynamics.schedule import Schedule
from neurodyn.errors import SchemaError, unknown_name
from neurodyn.seeding import torch_generator

if TYPE_CHECKING:
    from neurodyn.dynamics.noise import NoiseSource
    from neurodyn.dynamics.protocol import Drive, State

__all__ = ["Config", "CordsNetCNN", "Folded", "build", "fold"]


@dataclass(frozen=True)
class Config(cordsnet.Config):
    """A CordsNet's feedforward twin: the fields of :class:`neurodyn.architectures.cordsnet.Config`, and two more.

    Attributes
    ----------
    delays : bool
        Whether each area reads the previous step of the areas below (one area a step) instead of the present one.
    identity : float
        Weight of the identity in the initial second kernels: 0 is the default initialisation; 1 adds a centred unit impulse, which
        keeps the kernels easy to invert, as the step from convolution to recurrence asks.
    """

    delays: bool = False
    identity: float = 0.0


class CordsNetCNN(nn.Module):
    """The equivalent CNN; build it with :func:`build`.

    Attributes
    ----------
    layers, phase : tuple of str
        As in CordsNet; the state of an area is its rectified output.
    """

    blank: Tensor
    mean: Tensor
    std: Tensor

    def __init__(self, config: Config, *, seed: int) -> None:
        super().__init__()
        self.config = config
        self.dt_ms: float | None = config.dt_ms
        self.trial = Schedule.ms(before=config.before_ms, stimulus=config.stimulus_ms, after=config.after_ms)
        self.phase = tuple(f"area{i}" for i in range(config.depth))
        self.layers = ("stem", *self.phase)
        shapes = cordsnet.area_shapes(config)
        widths = [s[0] for s in shapes]

        def conv(name: str, n_in: int, n_out: int, kernel: int) -> WeightNormed:
            return WeightNormed((n_out, n_in, kernel, kernel), torch_generator(seed, "cordsnet_cnn", name))

        self.stem = conv("stem", config.in_channels, widths[0], config.stem_kernel)
        self.input_skip = conv("input_skip", widths[0], widths[0], 3)
        self.forward_conv = nn.ModuleList(conv(f"forward{i}", widths[max(i - 1, 0)], c, 3) for i, c in enumerate(widths))
        self.second_conv = nn.ModuleList(conv(f"second{i}", c, c, 3) for i, c in enumerate(widths))
        self.area_skip = nn.ModuleList(conv(f"skip{i}", widths[i - 2], widths[i], 1) for i in range(3, config.depth, 2))
        self.bn_stem = nn.BatchNorm2d(widths[0])
        self.bn_forward = nn.ModuleList(nn.BatchNorm2d(c) for c in widths)
        self.bn_second = nn.ModuleList(nn.BatchNorm2d(c) for c in widths)
        self.bn_skip = nn.ModuleList(nn.BatchNorm2d(widths[i]) for i in range(3, config.depth, 2))
        self.classifier = WeightNormed((config.n_classes, widths[-1]), torch_generator(seed, "cordsnet_cnn", "classifier"))
        self.class_bias = nn.Parameter(torch.zeros(config.n_classes))
        if config.identity:
            for module in self.second_conv:
                _add_identity(module, config.identity)  # type: ignore[arg-type]
        self.area_bias: tuple[Tensor, ...] = ()
        mean, std = (torch.tensor(v).reshape(-1, 1, 1).expand(config.in_channels, 1, 1) for v in (config.mean, config.std))
        self.register_buffer("mean", mean.clone(), persistent=False)
        self.register_buffer("std", std.clone(), persistent=False)
        self.register_buffer("blank", mean.expand(-1, config.image_size, config.image_size).clone(), persistent=False)
        self._kernels: dict[str, Any] = {}

    def forward(self, frame: Tensor) -> Tensor:
        """Logits, (batch, class)."""
        outputs = self.outputs(frame)
        return self._classify(outputs)

    def outputs(self, frame: Tensor) -> list[Tensor]:
        """Rectified output of every area, all in one pass."""
        w = self.kernels(fresh=True)
        p, skip = self._pooled(frame, w)
        x: list[Tensor] = []
        for i in range(self.config.depth):
            x.append(torch.relu(self._second(i, self._first(i, x, p, skip, w), w)))
        return x

    def encode(self, frame: Tensor) -> Drive:
        """The stem and the input skip; without delays the whole network, since nothing depends on the state."""
        if frame.dim() != 4 or tuple(frame.shape[1:]) != tuple(self.blank.shape):
            raise SchemaError("cordsnet_cnn.encode", f"`frame` has shape {tuple(frame.shape)}", expected=f"(batch, {', '.join(map(str, self.blank.shape))})")
        w = self.kernels(fresh=True)
        p, skip = self._pooled(frame, w)
        if self.config.delays:
            return {"stem": p, "skip": skip}
        return {"stem": p, **dict(zip(self.phase, self.outputs(frame), strict=True))}

    def initial_state(self, drive: Drive, *, noise: NoiseSource | None = None) -> State:
        """Silence."""
        like, n = drive["stem"], len(drive["stem"])
        shapes = cordsnet.area_shapes(self.config)
        return {name: like.new_zeros((n, *shape)) for name, shape in zip(self.phase, shapes, strict=True)}

    def step(self, state: State, drive: Drive, *, noise: NoiseSource | None = None) -> State:
        """All areas from the present image, or, with delays, each area from the previous step of those below."""
        if not self.config.delays:
            return {name: drive[name] + 0.0 * state[name] for name in self.phase}
        w = self.kernels()
        x = [state[name] for name in self.phase]
        new = (torch.relu(self._second(i, self._first(i, x, drive["stem"], drive["skip"], w), w)) for i in range(self.config.depth))
        return dict(zip(self.phase, new, strict=True))

    def rates(self, state: State, drive: Drive, layers: tuple[str, ...]) -> dict[str, Tensor]:
        """Outputs of the areas and of the stem."""
        for name in layers:
            if name not in self.layers:
                raise unknown_name("cordsnet_cnn.rates", "layer", name, self.layers)
        return {name: drive["stem"] if name == "stem" else state[name] for name in layers}

    def readout(self, state: State) -> Tensor:
        """Logits, (batch, class)."""
        return self._classify([state[name] for name in self.phase])

    def kernels(self, *, fresh: bool = False) -> dict[str, Tensor]:
        """All weight-normalised kernels, computed once for each set of parameters."""
        return materialise(self, self._kernels, fresh=fresh)

    def normed(self) -> dict[str, WeightNormed]:
        """The weight-normalised kernels by name."""
        found: dict[str, Any] = {"stem": self.stem, "input_skip": self.input_skip, "classifier": self.classifier}
        found |= {f"forward{i}": m for i, m in enumerate(self.forward_conv)}
        found |= {f"second{i}": m for i, m in enumerate(self.second_conv)}
        found |= {f"skip{2 * k + 3}": m for k, m in enumerate(self.area_skip)}
        return found

    def _pooled(self, frame: Tensor, w: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        image = (frame.to(self.class_bias.dtype) - self.mean) / self.std
        p = self.bn_stem(F.conv2d(image, w["stem"], stride=self.config.stem_stride, padding=self.config.stem_kernel // 2))
        p = F.avg_pool2d(p, 3, stride=2, padding=1) if self.config.pool else p
        return p, F.conv2d(p, w["input_skip"], padding=1)

    def _first(self, i: int, x: list[Tensor], p: Tensor, skip: Tensor, w: dict[str, Tensor]) -> Tensor:
        if i == 0:
            s = p
        elif i == 1:
            s = x[0] + skip
        elif i % 2 == 0:
            s = x[i - 1] + x[i - 2]
        else:
            s = x[i - 1] + self.bn_skip[(i - 3) // 2](F.conv2d(x[i - 2], w[f"skip{i}"], stride=2))
        return self.bn_forward[i](F.conv2d(s, w[f"forward{i}"], stride=2 if i and i % 2 == 0 else 1, padding=1))

    def _second(self, i: int, first: Tensor, w: dict[str, Tensor]) -> Tensor:
        return self.bn_second[i](F.conv2d(first, w[f"second{i}"], padding=1))

    def _classify(self, x: list[Tensor]) -> Tensor:
        return F.linear((x[-1] + x[-2]).mean(dim=(-2, -1)), self.kernels()["classifier"], self.class_bias)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_kernels": {}}


@dataclass(frozen=True)
class Folded:
    """A CNN without normalisations: kernels, and for each area the spatial biases before and after the second kernel.

    Attributes
    ----------
    kernels : dict of Tensor
        As :meth:`CordsNetCNN.kernels`, gains of the normalisations included.
    before, after : list of Tensor, each (channel, row, column) or (channel, 1, 1)
        a and c of y = K * (A * s + a) + c.
    class_bias : Tensor
    config : Config
    mean, std : Tensor
    """

    kernels: dict[str, Tensor]
    before: list[Tensor]
    after: list[Tensor]
    class_bias: Tensor
    config: Config
    mean: Tensor
    std: Tensor

    def pooled(self, frame: Tensor) -> Tensor:
        """The pooled output of the stem, (batch, channel, row, column)."""
        c, image = self.config, (frame - self.mean) / self.std
        p = F.conv2d(image, self.kernels["stem"], stride=c.stem_stride, padding=c.stem_kernel // 2)
        return F.avg_pool2d(p, 3, stride=2, padding=1) if c.pool else p

    def run(self, frame: Tensor) -> tuple[list[Tensor], list[Tensor], Tensor]:
        """One pass.

        Returns
        -------
        inputs : list of Tensor
            A * s of every area: what its recurrent twin is driven by.
        currents : list of Tensor
            y of every area, before rectification.
        logits : Tensor, (batch, class)
        """
        p, k = self.pooled(frame), self.kernels
        inputs: list[Tensor] = []
        currents: list[Tensor] = []
        x: list[Tensor] = []
        for i in range(self.config.depth):
            if i == 0:
                s = p
            elif i == 1:
                s = x[0] + F.conv2d(p, k["input_skip"], padding=1)
            elif i % 2 == 0:
                s = x[i - 1] + x[i - 2]
            else:
                s = x[i - 1] + F.conv2d(x[i - 2], k[f"skip{i}"], stride=2)
            inputs.append(F.conv2d(s, k[f"forward{i}"], stride=2 if i and i % 2 == 0 else 1, padding=1))
            currents.append(F.conv2d(inputs[-1] + self.before[i], k[f"second{i}"], padding=1) + self.after[i])
            x.append(torch.relu(currents[-1]))
        return inputs, currents, F.linear((x[-1] + x[-2]).mean(dim=(-2, -1)), k["classifier"], self.class_bias)


def fold(model: CordsNetCNN) -> Folded:
    """Absorb all batch normalisations (their running statistics) into kernels and biases; exact up to rounding.

    Parameters
    ----------
    model : CordsNetCNN
        In eval mode.

    Returns
    -------
    Folded
    """
    with torch.no_grad():
        k = {name: w.clone() for name, w in model.kernels().items() if not name.startswith("bias")}
        shift = {"stem": _absorb(k, "stem", model.bn_stem)}
        for i in range(model.config.depth):
            shift[f"forward{i}"] = _absorb(k, f"forward{i}", model.bn_forward[i])
            shift[f"second{i}"] = _absorb(k, f"second{i}", model.bn_second[i])
        for m, bn in enumerate(model.bn_skip):
            shift[f"skip{2 * m + 3}"] = _absorb(k, f"skip{2 * m + 3}", bn)
        shapes = cordsnet.area_shapes(model.config)
        side = -(-model.config.image_size // model.config.stem_stride)
        pooled = shift["stem"].expand(-1, side, side).unsqueeze(0)
        pooled = F.avg_pool2d(pooled, 3, stride=2, padding=1) if model.config.pool else pooled
        before = []
        for i, shape in enumerate(shapes):
            a = shift[f"forward{i}"]
            if i == 0:
                a = a + F.conv2d(pooled, k["forward0"], padding=1)[0]
            elif i == 1:
                a = a + F.conv2d(F.conv2d(pooled, k["input_skip"], padding=1), k["forward1"], padding=1)[0]
            elif i % 2:
                a = a + F.conv2d(shift[f"skip{i}"].expand(shape).unsqueeze(0), k[f"forward{i}"], padding=1)[0]
            before.append(a)
        after = [shift[f"second{i}"] for i in range(model.config.depth)]
        return Folded(k, before, after, model.class_bias.detach().clone(), model.config, model.mean, model.std)


def build(config: Config, *, seed: int) -> CordsNetCNN:
    """Build an untrained CNN in eval mode.

    Examples
    --------
    >>> model = build(Config(depth=2, channels=4, image_size=8, n_classes=3, in_channels=1), seed=0)
    >>> model(torch.zeros(1, 1, 8, 8)).shape
    torch.Size([1, 3])
    """
    return CordsNetCNN(config, seed=seed).eval()


def twin_config(config: cordsnet.Config, **changes: Any) -> Config:
    """The CNN's config for a CordsNet's."""
    return Config(**{f.name: getattr(config, f.name) for f in fields(cordsnet.Config)} | changes)


def _absorb(kernels: dict[str, Tensor], name: str, bn: Any) -> Tensor:
    scale = bn.weight / torch.sqrt(bn.running_var + bn.eps)
    kernels[name] = kernels[name] * scale.reshape(-1, 1, 1, 1)
    return (bn.bias - bn.running_mean * scale).reshape(-1, 1, 1)


def _add_identity(module: WeightNormed, weight: float) -> None:
    kernel = module.v.detach().clone()
    channels = torch.arange(len(kernel))
    kernel[channels, channels, kernel.shape[-2] // 2, kernel.shape[-1] // 2] += weight
    module.assign(kernel)
