"""The stimuli that drive a unit most: in space alone, in time alone, and in space and time."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from neurodyn.analysis._grating_stream import Units, image_shape, plan_units
from neurodyn.dynamics.image_view import image_view
from neurodyn.dynamics.schedule import Timeline
from neurodyn.dynamics.simulate import model_device, unroll
from neurodyn.errors import ConfigError, ModelError
from neurodyn.schema import NEUROID
from neurodyn.seeding import torch_generator

if TYPE_CHECKING:
    from torch import Tensor

    from neurodyn.dynamics.protocol import DynamicalModel

__all__ = ["FAMILIES", "optimal_stimulus"]

WHERE = "optimal_stimulus"
FAMILIES = ("space", "time", "spacetime")
_MEAN_AXES = {"space": (3, 4), "time": (1,), "spacetime": (1, 3, 4)}


def optimal_stimulus(
    model: DynamicalModel,
    layer: str | Sequence[str],
    *,
    units: str | Sequence[int] | np.ndarray = "center",
    n_frames: int = 10,
    steps_per_frame: int = 1,
    contrast_percent: float = 30.0,
    n_restarts: int = 3,
    n_iterations: int = 60,
    n_candidates: int = 8,
    learning_rate: float = 0.1,
    max_batch: int = 64,
    seed: int,
) -> xr.Dataset:
    """Climb the gradient of each unit's mean rate over three families of stimuli of equal contrast.

    ``space``: one image, still, without a mean over space; ``time``: flicker of the whole field, without a mean over time;
    ``spacetime``: any movie without a mean over both.  Mean luminance is grey and the root mean square contrast over space
    and time is the same in all three, channel by channel for the mean; the third family holds the other two and starts from
    their best, so it is never worse.

    Parameters
    ----------
    model : DynamicalModel
        In eval mode, differentiable in its frames.
    layer : str or sequence of str
    units : {"center", "all"} or sequence of int
        The central position of each channel, every unit, or flat indices.
    n_frames, steps_per_frame : int
        Frames of the movie, and model steps each is shown for; the rate is averaged over all steps.
    contrast_percent : float
        Root mean square contrast; no pixel deviates by more than 2.5 times that, nor leaves [0, 1].
    n_restarts, n_iterations, n_candidates : int
        Starts from random stimuli, updates each, and random stimuli of which the best starts.
    learning_rate : float
        Of Adam, on pixels of unit variance.
    max_batch : int
        Movies climbed together.
    seed : int

    Returns
    -------
    Dataset
        ==================  ===================================  =====  ==================================================
        variable            dims                                 units  meaning
        ==================  ===================================  =====  ==================================================
        activation          neuroid, family                      1      mean rate of the best restart less that to grey
        restart_activation  neuroid, family, restart             1      likewise, each restart from random stimuli
        restart_cv          neuroid, family                      1      standard deviation / mean over the restarts
        converged           neuroid, family                             the last tenth of the climb gained under 2 %
        st_index            neuroid                              1      (space - time) / (space + time)
        synergy             neuroid                              1      spacetime - max(space, time)
        grey                neuroid                              1      mean rate to uniform grey
        stimulus            neuroid, family, frame, channel_in,  1      the best stimulus, in [0, 1]
                            row_in, column_in
        ==================  ===================================  =====  ==================================================

        Activations below 0 count as 0 in `st_index` and `synergy`.

    Raises
    ------
    ConfigError
        Fewer than two frames (time has no contrast then), or a contrast outside 0..100.
    ModelError
        A model that does not see images, or whose rates do not depend on its frames.

    Notes
    -----
    The idea is the spatial and temporal selectivity of activation maximisation (the dynamical recurrent classifier); unlike
    there, a still uniform field belongs to no family, and what grey evokes is subtracted, so the two axes share nothing.

    Examples
    --------
    >>> from neurodyn.testing.toys import ConvNetwork
    >>> ds = optimal_stimulus(ConvNetwork(), "V1", n_frames=4, n_iterations=5, seed=0)
    >>> bool((ds.activation.sel(family="spacetime") >= ds.activation.max("family") - 1e-6).all())
    True
    """
    model = image_view(model)
    shape = image_shape(WHERE, model)
    if n_frames < 2 or steps_per_frame < 1 or min(n_restarts, n_iterations, n_candidates) < 1:
        raise ConfigError(WHERE, f"{n_frames} frames of {steps_per_frame} steps, {n_restarts} restarts", expected="at least 2 frames and 1 of the others")
    if not 0 < contrast_percent <= 100:
        raise ConfigError(WHERE, f"`contrast_percent` is {contrast_percent}", expected="above 0, up to 100")
    plan = plan_units(model, layer, units)
    climb = _Climb(model, plan, (n_frames, *shape), steps_per_frame, contrast_percent / 100, n_iterations, learning_rate, max_batch)
    n_units = plan.n_neuroids
    targets = np.repeat(np.arange(n_units), n_restarts)
    grey = climb.grey()
    best: dict[str, np.ndarray] = {}
    scores: dict[str, np.ndarray] = {}
    gains: dict[str, np.ndarray] = {}
    for family in FAMILIES:
        start = climb.starts(family, targets, n_candidates, seed)
        score, movie, gain = climb.run(family, targets, start)
        scores[family] = score.reshape(n_units, n_restarts)
        rows = np.arange(n_units) * n_restarts + scores[family].argmax(1)
        top, best[family], gains[family] = score[rows], movie[rows], gain[rows]
        if family == "spacetime":  # the other families' best stimuli start climbs of their own
            for other in ("space", "time"):
                score, movie, gain = climb.run(family, np.arange(n_units), (best[other] - 0.5).astype(np.float32), keep_scale=True)
                better = score > top
                top, gains[family] = np.where(better, score, top), np.where(better, gain, gains[family])
                best[family][better] = movie[better]
        scores[f"best {family}"] = top
    return _label(scores, best, gains, grey, plan, n_restarts)


class _Climb:
    """Gradient ascent on stimuli of one layer's units."""

    def __init__(
        self,
        model: DynamicalModel,
        plan: Units,
        shape: tuple[int, ...],
        steps_per_frame: int,
        contrast: float,
        n_iterations: int,
        learning_rate: float,
        max_batch: int,
    ) -> None:

        self.model, self.plan, self.shape = model, plan, shape
        self.contrast, self.n_iterations, self.learning_rate, self.max_batch = contrast, n_iterations, learning_rate, max_batch
        self.device = model_device(model)
        n_steps = shape[0] * steps_per_frame
        self.timeline = Timeline(np.arange(n_steps), np.arange(n_steps) // steps_per_frame, model.dt_ms)

    def rates(self, movie: Tensor) -> Tensor:
        """Mean rate over the movie, (batch, unit)."""
        total: Any = 0.0
        for _, state, drive in unroll(self.model, movie, self.timeline, movie=True):
            total = total + self.plan.read(self.model, state, drive)
        return total / len(self.timeline)

    def grey(self) -> np.ndarray:
        """Mean rate to uniform grey, (unit)."""
        import torch

        with torch.no_grad():
            return self.rates(torch.full((1, *self.shape), 0.5, device=self.device))[0].cpu().numpy()

    def free_shape(self, family: str) -> tuple[int, ...]:
        """Shape of one stimulus's free values."""
        frames, channels, rows, columns = self.shape
        return {"space": (1, channels, rows, columns), "time": (frames, channels, 1, 1), "spacetime": self.shape}[family]

    def draw(self, family: str, free: Tensor) -> Tensor:
        """The movie that free values stand for: no mean over the family's axes, the same contrast for all."""
        limit = min(2.5, 0.95 / self.contrast)  # no pixel may hold so much contrast that clipping would shift the mean
        z = free
        for _ in range(4):
            z = z - z.mean(dim=_MEAN_AXES[family], keepdim=True)
            z = z / z.square().mean(dim=(1, 2, 3, 4), keepdim=True).sqrt().clamp(min=1e-8)
            z = z.clamp(-limit, limit)
        z = z - z.mean(dim=_MEAN_AXES[family], keepdim=True)
        return (0.5 + 0.5 * self.contrast * z).clamp(0, 1).expand(-1, *self.shape)

    def starts(self, family: str, targets: np.ndarray, n_candidates: int, seed: int) -> np.ndarray:
        """For each row the best of some random stimuli."""
        import torch

        shape = self.free_shape(family)
        pool = torch.randn((n_candidates * (targets == 0).sum(), *shape), generator=torch_generator(seed, WHERE, family))
        with torch.no_grad():
            rates = [self.rates(self.draw(family, part.to(self.device))).cpu().numpy() for part in pool.split(self.max_batch)]
        by_restart = np.concatenate(rates).reshape(-1, n_candidates, self.plan.n_neuroids)
        pick = by_restart.argmax(1)  # (restart, unit)
        restart = np.arange(len(targets)) % len(by_restart)
        return pool.numpy()[restart * n_candidates + pick[restart, targets]]

    def run(self, family: str, targets: np.ndarray, start: np.ndarray, *, keep_scale: bool = False) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Best score, its movie, and the share gained in the last tenth, for every row."""
        parts = [self._run(family, targets[i : i + self.max_batch], start[i : i + self.max_batch], keep_scale) for i in range(0, len(targets), self.max_batch)]
        score, movie, gain = (np.concatenate(p) for p in zip(*parts, strict=True))
        return score, movie, gain

    def _run(self, family: str, targets: np.ndarray, start: np.ndarray, keep_scale: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        import torch

        free = torch.from_numpy(np.ascontiguousarray(start)).to(self.device)
        if keep_scale:
            free = free / free.square().mean(dim=(1, 2, 3, 4), keepdim=True).sqrt().clamp(min=1e-8)
        free = free.clone().requires_grad_(True)
        optimiser = torch.optim.Adam([free], lr=self.learning_rate)
        rows = torch.arange(len(targets), device=self.device)
        unit = torch.as_tensor(targets, device=self.device)
        best = torch.full((len(targets),), -torch.inf, device=self.device)
        movie_best = torch.empty(len(targets), *self.shape, device=self.device)
        history: deque[Tensor] = deque(maxlen=max(self.n_iterations // 10, 1) + 1)
        with torch.enable_grad():
            for _ in range(self.n_iterations + 1):
                movie = self.draw(family, free)
                score = self.rates(movie)[rows, unit]
                if not score.requires_grad:
                    raise ModelError(WHERE, f"layer `{self.plan.name}` does not depend on the frames differentiably", expected="gradients from rates to frames")
                better = score.detach() > best
                best = torch.where(better, score.detach(), best)
                movie_best[better] = movie.detach()[better]
                history.append(best)
                (free.grad,) = torch.autograd.grad(-score.sum(), free)
                optimiser.step()
        gain = (history[-1] - history[0]) / history[-1].abs().clamp(min=1e-12)
        return best.cpu().numpy(), movie_best.cpu().numpy(), gain.cpu().numpy()


def _label(
    scores: dict[str, np.ndarray], best: dict[str, np.ndarray], gains: dict[str, np.ndarray], grey: np.ndarray, plan: Units, n_restarts: int
) -> xr.Dataset:
    coords = plan.coords()
    ids = coords.pop("neuroid_id")
    top = np.stack([scores[f"best {f}"] - grey for f in FAMILIES], axis=1)
    restarts = np.stack([scores[f] - grey[:, None] for f in FAMILIES], axis=1)
    mean = restarts.mean(2)
    spread = np.where(np.abs(mean) > 1e-12, restarts.std(2) / np.where(np.abs(mean) > 1e-12, np.abs(mean), 1), 0.0)
    space, time, both = np.maximum(top, 0).T
    total = space + time
    movies = np.stack([best[f] for f in FAMILIES], axis=1)
    space_in = ("frame", "channel_in", "row_in", "column_in")
    return xr.Dataset(
        {
            "activation": ((NEUROID, "family"), top, {"units": "1"}),
            "restart_activation": ((NEUROID, "family", "restart"), restarts, {"units": "1"}),
            "restart_cv": ((NEUROID, "family"), spread, {"units": "1"}),
            "converged": ((NEUROID, "family"), np.stack([gains[f] for f in FAMILIES], axis=1) < 0.02),
            "st_index": (NEUROID, np.where(total > 0, (space - time) / np.where(total > 0, total, 1), 0.0), {"units": "1"}),
            "synergy": (NEUROID, both - np.maximum(space, time), {"units": "1"}),
            "grey": (NEUROID, grey, {"units": "1"}),
            "stimulus": ((NEUROID, "family", *space_in), movies.astype(np.float32), {"units": "1"}),
        },
        coords={"neuroid_id": (NEUROID, ids), **{k: (NEUROID, v) for k, v in coords.items()}, "family": ("family", list(FAMILIES))},
        attrs={"n_restarts": n_restarts},
    )
