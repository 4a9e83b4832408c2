"""Silence classes of units and see what the task loses, beside matched random controls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import xarray as xr

from neurodyn.dynamics.schedule import Schedule, Timeline
from neurodyn.dynamics.simulate import check_ready, timeline_of, walk
from neurodyn.errors import ConfigError, SchemaError, unknown_name
from neurodyn.schema import PRESENTATION, check_stimuli
from neurodyn.seeding import numpy_generator

if TYPE_CHECKING:
    from torch import Tensor

    from neurodyn.dynamics.noise import NoiseSource
    from neurodyn.dynamics.protocol import Drive, DynamicalModel, State

__all__ = ["LesionedModel", "lesions", "selectivity_classes"]

WHERE = "lesions"
KINDS = ("output", "lateral")


class LesionedModel(torch.nn.Module):
    """A model some of whose channels are silenced; under the contract itself.

    Parameters
    ----------
    model : DynamicalModel
    layer : str
        A key of the state.
    channels : sequence of int
        Along the layer's first axis after the batch.
    kind : {"output", "lateral"}
        ``output``: after every step the channels are 0, so nothing that reads the state sees them (a layer computed within
        the same step still sees what they were before silencing).  ``lateral``: only the other channels of the same layer
        stop seeing them; what leaves the layer is intact.

    Examples
    --------
    >>> from neurodyn.testing.toys import ConvNetwork
    >>> import torch
    >>> model = LesionedModel(ConvNetwork(), "V1", [0], "output")
    >>> drive = model.encode(torch.rand(1, 1, 8, 8))
    >>> model.step(model.initial_state(drive), drive)["V1"][:, 0].abs().max().item()
    0.0
    """

    def __init__(self, model: DynamicalModel, layer: str, channels: Sequence[int] | np.ndarray, kind: str) -> None:
        if kind not in KINDS:
            raise unknown_name(WHERE, "kind", kind, KINDS)
        super().__init__()
        self.model, self.layer, self.kind = model, layer, kind
        self.channels = [int(c) for c in channels]
        self.dt_ms, self.layers, self.phase = model.dt_ms, model.layers, model.phase
        for optional in ("finished", "trial"):
            if hasattr(model, optional):
                setattr(self, optional, getattr(model, optional))

        self.eval()

    @property
    def blank(self) -> Any:
        """The model's own blank."""
        return self.model.blank

    def encode(self, frame: Any) -> Drive:
        """The model's own encoding."""
        return self.model.encode(frame)

    def initial_state(self, drive: Drive, *, noise: NoiseSource | None = None) -> State:
        """The model's own start, the channels silent where their output is."""
        state = self.model.initial_state(drive, noise=noise)
        return self._silence(state) if self.kind == "output" else state

    def step(self, state: State, drive: Drive, *, noise: NoiseSource | None = None) -> State:
        """One step of the lesioned model."""
        whole = self.model.step(state, drive, noise=noise)
        if self.kind == "output":
            return self._silence(whole)
        without = self.model.step(self._silence(state), drive, noise=noise)
        own = self._mask(whole[self.layer])
        return {**whole, self.layer: torch.where(own, whole[self.layer], without[self.layer])}

    def rates(self, state: State, drive: Drive, layers: tuple[str, ...]) -> dict[str, Tensor]:
        """The model's own rates at the lesioned state."""
        return self.model.rates(state, drive, layers)

    def readout(self, state: State) -> Tensor:
        """The model's own readout."""
        return self.model.readout(state)

    def _mask(self, like: Tensor) -> Tensor:
        mask = torch.zeros(like.shape[1], dtype=torch.bool, device=like.device)
        mask[self.channels] = True
        return mask.reshape(1, -1, *([1] * (like.dim() - 2))).expand_as(like)

    def _silence(self, state: State) -> State:
        layer = state[self.layer]
        return {**state, self.layer: layer.masked_fill(self._mask(layer), 0.0)}


def lesions(
    model: DynamicalModel,
    stimuli: xr.DataArray | xr.Dataset,
    layer: str,
    groups: Mapping[str, Sequence[int]],
    *,
    kinds: Sequence[str] = KINDS,
    schedule: Schedule | None = None,
    n_controls: int = 10,
    n_resamples: int = 2000,
    level: float = 0.95,
    batch_size: int = 64,
    seed: int,
) -> xr.Dataset:
    """Accuracy lost by silencing groups of channels, and by silencing as many others with like activity.

    Parameters
    ----------
    model : DynamicalModel
        Its readout's largest entry is the answer.
    stimuli : DataArray, (presentation[, frame], channel, row, column), or Dataset
        With a coord ``label`` along `presentation`; a Dataset for a model whose frame is a dict.
    layer : str
        A key of the model's state.
    groups : mapping of name to channels
        For example from :func:`selectivity_classes`.
    kinds : sequence of {"output", "lateral"}
        See :class:`LesionedModel`.
    schedule : Schedule, optional
        The answer is read at the last step with the stimulus on.
    n_controls : int
        Random draws for each group, of as many channels outside it whose activity varies most alike: each lesioned channel
        gives its place to one of the nearest in the logarithm of the variance.
    n_resamples, level : int, float
        Bootstrap over the images (and over the controls' draws).
    batch_size : int
    seed : int

    Returns
    -------
    Dataset
        =================================  =====================  =====  ==============================================
        variable                           dims                   units  meaning
        =================================  =====================  =====  ==============================================
        accuracy_intact                                           1
        loss, loss_low, loss_high          group, kind            1      accuracy lost, with its interval
        control_loss, _low, _high          group, kind            1      mean over the controls, with its interval
        excess, excess_low, excess_high    group, kind            1      loss - control_loss, paired by image
        control_draw_loss                  group, kind, control   1      each draw
        n_channels                         group
        log_variance_gap                   group                  1      mean difference to the controls' log variance
        =================================  =====================  =====  ==============================================

    Raises
    ------
    SchemaError
        Stimuli without labels.
    ConfigError
        A layer that is not in the state, channels beyond it, empty groups, or too few others for controls.

    Examples
    --------
    >>> from neurodyn.schema import make_stimuli
    >>> from neurodyn.testing.toys import ConvNetwork
    >>> images = make_stimuli(np.random.default_rng(0).random((8, 1, 8, 8)), label=np.arange(8) % 4)
    >>> ds = lesions(ConvNetwork(), images, "V2", {"first": [0]}, n_controls=2, seed=0)
    >>> ds.loss.dims
    ('group', 'kind')
    """
    check_ready(model)
    if not isinstance(stimuli, xr.Dataset):
        stimuli = check_stimuli(stimuli, where=WHERE)
    if "label" not in stimuli.coords:
        raise SchemaError(WHERE, "`stimuli` has no coord `label`", expected="one label an image", fix='stimuli.assign_coords(label=("presentation", labels))')
    if n_controls < 1 or not kinds:
        raise ConfigError(WHERE, f"`n_controls` is {n_controls}, `kinds` {tuple(kinds)}", expected="at least one of each")
    for kind in kinds:
        if kind not in KINDS:
            raise unknown_name(WHERE, "kind", kind, KINDS)
    timeline = timeline_of(model, stimuli, schedule)
    label = stimuli["label"].values
    intact, variance = _score(model, stimuli, timeline, label, batch_size, layer)
    assert variance is not None
    chosen = {name: _check_group(name, channels, len(variance)) for name, channels in groups.items()}
    controls = {name: _controls(name, ids, variance, n_controls, seed) for name, ids in chosen.items()}
    shape = (len(chosen), len(kinds))
    hit, hit_control = np.zeros((*shape, len(label))), np.zeros((*shape, n_controls, len(label)))
    for g, name in enumerate(chosen):
        for k, kind in enumerate(kinds):
            hit[g, k] = _score(LesionedModel(model, layer, chosen[name], kind), stimuli, timeline, label, batch_size)[0]
            for c, ids in enumerate(controls[name]):
                hit_control[g, k, c] = _score(LesionedModel(model, layer, ids, kind), stimuli, timeline, label, batch_size)[0]
    gap = [np.mean([np.log(variance[c] + 1e-12).mean() for c in controls[n]]) - np.log(variance[chosen[n]] + 1e-12).mean() for n in chosen]
    return _label(intact, hit, hit_control, list(chosen), list(kinds), [len(v) for v in chosen.values()], gap, (n_resamples, level, seed))


def selectivity_classes(space: np.ndarray, time: np.ndarray, spacetime: np.ndarray, n_channels: int) -> dict[str, list[int]]:
    """Groups of channels by what drives them: most spatial, most temporal, both at once, and most in need of movement.

    Parameters
    ----------
    space, time, spacetime : array, (channel)
        Activations above grey, as from :func:`neurodyn.analysis.optimal_stimulus`.
    n_channels : int
        In each group.

    Returns
    -------
    dict
        ``space`` and ``time`` (largest and smallest (S - T) / (S + T)), ``both`` (largest product of the ranks of S and T),
        ``spacetime`` (largest gain of space-time over the better of the two, relative to it).

    Examples
    --------
    >>> selectivity_classes(np.array([1.0, 0, 1]), np.array([0, 1.0, 1]), np.array([1.0, 1, 3]), 1)
    {'space': [0], 'time': [1], 'both': [2], 'spacetime': [2]}
    """
    s, t, st = (np.maximum(np.asarray(v, float), 0) for v in (space, time, spacetime))
    if not 1 <= n_channels <= len(s):
        raise ConfigError("selectivity_classes", f"`n_channels` is {n_channels} of {len(s)} channels", expected=f"1 to {len(s)}")
    index = (s - t) / np.maximum(s + t, 1e-12)
    rank = (np.argsort(np.argsort(s)) + 1) * (np.argsort(np.argsort(t)) + 1)
    gain = (st - np.maximum(s, t)) / np.maximum(np.maximum(s, t), 1e-12)
    order = {"space": -index, "time": index, "both": -rank, "spacetime": -gain}
    return {name: [int(i) for i in np.argsort(v, kind="stable")[:n_channels]] for name, v in order.items()}


def _score(
    model: Any, stimuli: xr.DataArray | xr.Dataset, timeline: Timeline, label: np.ndarray, batch_size: int, layer: str | None = None
) -> tuple[np.ndarray, np.ndarray | None]:
    """Whether each image is named rightly at the last step with the stimulus on; and each channel's variance there."""
    on = np.nonzero(timeline.frame >= 0)[0]
    last = int(on[-1]) if len(on) else len(timeline) - 1
    short = Timeline(timeline.step[: last + 1], timeline.frame[: last + 1], timeline.dt_ms)
    hits, kept = np.zeros(len(label)), []
    for rows, k, state, _ in walk(model, stimuli, short, batch_size=batch_size, progress=False):
        if layer is not None and layer not in state:
            raise unknown_name(WHERE, "layer of the state", layer, state)
        if k == last:
            hits[rows] = model.readout(state).argmax(-1).cpu().numpy() == label[rows]
            if layer is not None:
                kept.append(state[layer].flatten(2).mean(-1).cpu().numpy() if state[layer].dim() > 2 else state[layer].cpu().numpy())
    return hits, np.concatenate(kept).var(0) if kept else None


def _check_group(name: str, channels: Sequence[int], n: int) -> np.ndarray:
    ids = np.unique(np.asarray(list(channels), int))
    if not len(ids) or ids[0] < 0 or ids[-1] >= n:
        raise ConfigError(WHERE, f"group `{name}` holds channels {ids.tolist()}", expected=f"some of 0..{n - 1}")
    if 2 * len(ids) > n:
        raise ConfigError(WHERE, f"group `{name}` holds {len(ids)} of {n} channels: too few others for controls", expected=f"at most {n // 2}")
    return ids


def _controls(name: str, ids: np.ndarray, variance: np.ndarray, n_controls: int, seed: int) -> list[np.ndarray]:
    """Random sets outside the group, each channel replaced by one of the nearest in log variance."""
    generator = numpy_generator(seed, WHERE, "controls", name)
    log = np.log(variance + 1e-12)
    others = np.setdiff1d(np.arange(len(variance)), ids)
    sets = []
    for _ in range(n_controls):
        free, taken = list(others), []
        for i in generator.permutation(ids):
            near = sorted(free, key=lambda c: abs(log[c] - log[i]))[: max(3, len(others) // 3)]
            pick = int(generator.choice(near))
            free.remove(pick)
            taken.append(pick)
        sets.append(np.sort(np.asarray(taken)))
    return sets


def _label(
    intact: np.ndarray,
    hit: np.ndarray,
    control: np.ndarray,
    groups: list[str],
    kinds: list[str],
    sizes: list[int],
    gap: list[float],
    bootstrap: tuple[int, float, int],
) -> xr.Dataset:
    n_resamples, level, seed = bootstrap
    generator = numpy_generator(seed, WHERE, "bootstrap")
    n, n_controls = len(intact), control.shape[2]
    lost, control_lost = intact - hit, intact - control
    draws = {k: np.empty((n_resamples, *hit.shape[:2])) for k in ("loss", "control_loss", "excess")}
    for b in range(n_resamples):
        rows, sets = generator.integers(0, n, n), generator.integers(0, n_controls, n_controls)
        draws["loss"][b] = lost[..., rows].mean(-1)
        draws["control_loss"][b] = control_lost[:, :, sets].mean(2)[..., rows].mean(-1)
        draws["excess"][b] = draws["loss"][b] - draws["control_loss"][b]
    estimates = {"loss": lost.mean(-1), "control_loss": control_lost.mean((-1, -2))}
    estimates["excess"] = estimates["loss"] - estimates["control_loss"]
    dims, one = ("group", "kind"), {"units": "1"}
    data: dict[str, Any] = {"accuracy_intact": ((), float(intact.mean()), one)}
    for name, values in estimates.items():
        low, high = np.quantile(draws[name], [(1 - level) / 2, (1 + level) / 2], axis=0)
        data[name], data[f"{name}_low"], data[f"{name}_high"] = (dims, values, one), (dims, low, one), (dims, high, one)
    data["control_draw_loss"] = ((*dims, "control"), control_lost.mean(-1), one)
    data["n_channels"] = ("group", np.asarray(sizes))
    data["log_variance_gap"] = ("group", np.asarray(gap), one)
    return xr.Dataset(data, coords={"group": ("group", groups), "kind": ("kind", kinds)}, attrs={"n_images": n, "level": level, "dim": PRESENTATION})
