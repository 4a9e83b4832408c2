"""What a reconstruction comes to when its iteration goes on for longer than it was trained, and from wherever it starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from neurodyn.analysis.reconstruction_errors import check_frames
from neurodyn.dynamics.linearise import step_map
from neurodyn.dynamics.simulate import state_at
from neurodyn.dynamics.vectorise import phase_space
from neurodyn.errors import ConfigError, unknown_name
from neurodyn.numerics.fourier import rss
from neurodyn.numerics.image_quality import nmse
from neurodyn.seeding import torch_generator

if TYPE_CHECKING:
    from torch import Tensor

    from neurodyn.dynamics.protocol import DynamicalModel
    from neurodyn.dynamics.vectorise import PhaseSpace

__all__ = ["STARTS", "reconstruction_endpoints"]

STARTS = ("own", "zero", "noise", "other")


def reconstruction_endpoints(
    model: DynamicalModel,
    stimuli: xr.Dataset,
    *,
    modules: Mapping[str, int],
    begin_from: Sequence[str] = STARTS,
    layer: str = "x",
    n_steps: int = 60,
    n_trained: int | None = None,
    seed: int,
) -> xr.Dataset:
    """Hold everything but the phase space and iterate, from several starts under the same measurement.

    Parameters
    ----------
    model : DynamicalModel
    stimuli : Dataset
        ``kspace mask reference``; two presentations or more.
    modules : mapping of name to int
        A step of the trial: what lies outside the phase space after it is held.  It says which module has the next turn, so each name iterates one
        module; a step that ends a module leads to the next one.
    begin_from : sequence of {"own", "zero", "noise", "other"}
        The state of that step; zeros; noise of the state's own size; the state of the presentation before (a wrong image).
    layer : str
        A layer of coil images in the units of the measurement, and the key of the phase space it is read from.
    n_steps : int
    n_trained : int, optional
        Kept as an attribute for figures.
    seed : int
        Of the noise.

    Returns
    -------
    Dataset
        =========  =========================================  ======  ============================================================
        variable   dims                                       units   meaning
        =========  =========================================  ======  ============================================================
        nmse       (module, start, presentation, time_bin)    1       of the image's magnitude; infinite once it has run away
        speed      (module, start, presentation, time_bin)    1/step  |x(k + 1) - x(k)| / |x(k)| of the image
        distance   (module, start, presentation, time_bin)    1       of the image to the one started from ``"own"``, relative to it
        same_end   (module)                                   1       share of the presentations in which all starts end within 1e-3
                                                                      of each other and stand still to 1e-4
        settled    (module)                                   1       share in which the own start stands still to 1e-4
        =========  =========================================  ======  ============================================================

    Raises
    ------
    ConfigError
        Unknown starts, no module, or no steps.
    SchemaError
        Stimuli without reference.
    """
    import torch

    for name in begin_from:
        if name not in STARTS:
            raise unknown_name("reconstruction_endpoints", "start", name, STARTS)
    if not modules or n_steps < 1 or "own" not in begin_from or stimuli.sizes.get("presentation", 0) < 2:
        raise ConfigError(
            "reconstruction_endpoints",
            f"{len(modules)} modules, {n_steps} steps, starts {tuple(begin_from)}, {stimuli.sizes.get('presentation', 0)} presentations",
            expected='a module, a step, the start "own" and two presentations or more',
        )
    frames, reference = check_frames(model, stimuli, where="reconstruction_endpoints")
    target, n = rss(reference), len(reference)
    shape = (len(modules), len(begin_from), n, n_steps)
    error, speed, distance = (np.full(shape, np.nan) for _ in range(3))
    for m, step in enumerate(modules.values()):
        state, drive = state_at(model, frames, step=step)
        space = phase_space(model, state)
        forward = step_map(model, state, drive)
        own = space.flatten(state)
        now = {name: _start(name, own, space, seed) for name in begin_from}
        where = space.slices[layer]
        with torch.no_grad():
            for t in range(n_steps):
                after = {name: forward(v) for name, v in now.items()}
                end = after["own"][:, where]
                for s, name in enumerate(begin_from):
                    x, before = after[name][:, where], now[name][:, where]
                    speed[m, s, :, t] = _relative(x - before, x)
                    distance[m, s, :, t] = _relative(x - end, end)
                    image = model.rates(space.restore(after[name], state), drive, (layer,))[layer]
                    error[m, s, :, t] = _errors(target, rss(image.double().cpu().numpy()))
                now = after
    still = speed[..., -1] < 1e-4
    same = (still & (distance[..., -1] < 1e-3)).all(axis=1)
    dims = ("module", "start", "presentation", "time_bin")
    return xr.Dataset(
        {
            "nmse": (dims, error, {"units": "1"}),
            "speed": (dims, speed, {"units": "1/step"}),
            "distance": (dims, distance, {"units": "1"}),
            "same_end": ("module", same.mean(axis=1), {"units": "1"}),
            "settled": ("module", still[:, list(begin_from).index("own")].mean(axis=1), {"units": "1"}),
        },
        {
            "module": list(modules),
            "start": list(begin_from),
            "step": ("time_bin", np.arange(1, n_steps + 1), {"units": "step"}),
            "stimulus_id": ("presentation", stimuli.stimulus_id.values),
        },
        {} if n_trained is None else {"n_trained": n_trained},
    )


def _start(name: str, own: Tensor, space: PhaseSpace, seed: int) -> Tensor:
    import torch

    if name == "own":
        return own
    if name == "zero":
        return torch.zeros_like(own)
    if name == "other":
        return own.roll(1, dims=0)
    parts = []
    for key, size in zip(space.keys, space.sizes, strict=True):
        values = own[:, space.slices[key]]
        noise = torch.randn(len(own), size, generator=torch_generator(seed, "reconstruction_endpoints", key), dtype=own.dtype).to(own.device)
        parts.append(noise * values.pow(2).mean(dim=1, keepdim=True).sqrt())
    return torch.cat(parts, dim=1)


def _relative(difference: Tensor, of: Tensor) -> np.ndarray:
    size = of.double().norm(dim=1).clamp_min(1e-30)
    return (difference.double().norm(dim=1) / size).nan_to_num(np.inf, np.inf, np.inf).cpu().numpy()


def _errors(target: np.ndarray, image: np.ndarray) -> list[float]:
    return [nmse(t, i) if np.isfinite(i).all() and i.max() < 1e150 else np.inf for t, i in zip(target, image, strict=True)]
