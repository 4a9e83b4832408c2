"""How far pixel noise moves a model's output, and what it does to accuracy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from neurodyn.dynamics.simulate import check_ready, model_device, presentation_keys, timeline_of
from neurodyn.errors import ConfigError, SchemaError, unknown_name
from neurodyn.schema import PRESENTATION, check_stimuli
from neurodyn.seeding import numpy_generator

if TYPE_CHECKING:
    from torch import Tensor

    from neurodyn.dynamics.protocol import DynamicalModel
    from neurodyn.dynamics.schedule import Schedule

__all__ = ["noise_robustness"]

KINDS = ("frozen", "dynamic")


def noise_robustness(
    model: DynamicalModel,
    stimuli: xr.DataArray,
    labels: Sequence[int],
    *,
    noise_sd: Sequence[float] = (0.0, 0.1, 0.2, 0.4, 0.8),
    kinds: Sequence[str] = KINDS,
    schedule: Schedule | None = None,
    window_ms: float = 20.0,
    batch_size: int = 100,
    seed: int,
) -> xr.Dataset:
    """Accuracy and output error under Gaussian pixel noise, drawn once an image or anew at every step.

    A network that averages over time gains from noise that changes; so that a model without memory is compared fairly, the answer
    is read both from the last step and from the logits averaged over the last `window_ms`, which gives every model the same frames.

    Parameters
    ----------
    model : DynamicalModel
        In eval mode; its readout is class logits.
    stimuli : DataArray, (presentation, channel, row, column)
    labels : int sequence, (presentation)
    noise_sd : sequence of float
        Standard deviations in units of the pixels ([0, 1]); noisy images are not clipped, so that the noise stays Gaussian.
    kinds : sequence of {"frozen", "dynamic"}
        One draw an image, or one a step.
    schedule : Schedule, optional
        The model's own trial when absent; noise is on while the image is.
    window_ms : float
        Length of the average of the logits, ending with the image; counted in steps where the model's steps are not time.
    batch_size : int
    seed : int
        Equal for all models, so that they see the same noise.

    Returns
    -------
    Dataset
        =====================  ================================  =====  ================================================
        variable               dims                              units  meaning
        =====================  ================================  =====  ================================================
        correct                (kind, noise, presentation)       1      1 where the last step names the label
        correct_averaged       (kind, noise, presentation)       1      the same for the averaged logits
        accuracy               (kind, noise)                     1      mean of `correct`
        accuracy_averaged      (kind, noise)                     1      mean of `correct_averaged`
        error                  (kind, noise, presentation)       1      mean squared difference of the last area's rates from
                                                                        noiseless ones, over their variance across images
        =====================  ================================  =====  ================================================

    Raises
    ------
    ConfigError
        For an unknown kind, a negative standard deviation, or a window longer than the image.
    SchemaError
        If labels and stimuli differ in number.
    """
    import torch

    check_ready(model)
    stimuli = check_stimuli(stimuli, where="noise_robustness")
    label = np.asarray(labels)
    if len(label) != stimuli.sizes[PRESENTATION]:
        raise SchemaError("noise_robustness", f"{len(label)} labels for {stimuli.sizes[PRESENTATION]} stimuli", expected="one label a stimulus")
    for kind in kinds:
        if kind not in KINDS:
            raise unknown_name("noise_robustness", "kind", kind, KINDS)
    if min(noise_sd) < 0:
        raise ConfigError("noise_robustness", f"`noise_sd` holds {min(noise_sd)}", expected="0 or more")
    line = timeline_of(model, stimuli, schedule)
    n_window = max(1, round(window_ms / (model.dt_ms or 1.0)))
    n_before, n_shown = int((line.step < 0).sum()), int((line.frame >= 0).sum())
    if n_window > n_shown:
        raise ConfigError("noise_robustness", f"the window is {n_window} steps of an image of {n_shown}", expected="a window inside it")
    keys = presentation_keys(stimuli)
    shape = (len(kinds), len(noise_sd), len(label))
    found = {name: np.zeros(shape) for name in ("correct", "correct_averaged", "error")}
    with torch.no_grad():
        for start in range(0, len(label), batch_size):
            rows = slice(start, start + batch_size)
            frames = torch.from_numpy(np.ascontiguousarray(stimuli.values[rows])).to(model_device(model))
            clean = _trial(model, frames, None, "frozen", keys[rows], n_before, n_shown, n_window, seed)[2]
            for i, kind in enumerate(kinds):
                for j, sd in enumerate(noise_sd):
                    last, mean, rates = _trial(model, frames, float(sd), kind, keys[rows], n_before, n_shown, n_window, seed)
                    found["correct"][i, j, rows] = last.argmax(1).cpu().numpy() == label[rows]
                    found["correct_averaged"][i, j, rows] = mean.argmax(1).cpu().numpy() == label[rows]
                    found["error"][i, j, rows] = (rates - clean).flatten(1).pow(2).mean(1).double().cpu().numpy()
    found["error"] /= _signal(model, stimuli, n_before, n_shown)
    dims = ("kind", "noise", PRESENTATION)
    ds = xr.Dataset({k: (dims, v, {"units": "1"}) for k, v in found.items()})
    ds["accuracy"], ds["accuracy_averaged"] = ds.correct.mean(PRESENTATION), ds.correct_averaged.mean(PRESENTATION)
    ds = ds.assign_coords(kind=list(kinds), noise=("noise", np.asarray(noise_sd, float), {"units": "1", "long_name": "standard deviation of pixel noise"}))
    return ds.assign_coords(stimulus_id=(PRESENTATION, stimuli.stimulus_id.values), label=(PRESENTATION, label))


def _trial(
    model: DynamicalModel, frames: Tensor, sd: float | None, kind: str, keys: list[str], n_before: int, n_shown: int, n_window: int, seed: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Logits of the last step, logits averaged over the window, and the last area's rates."""
    import torch

    blank = model.encode(model.blank.unsqueeze(0).to(frames.device))
    state = model.initial_state(blank)
    for _ in range(n_before):
        state = model.step(state, blank)
    state = {k: v.expand(len(frames), *v.shape[1:]) for k, v in state.items()}
    drive, total = None, None
    for k in range(n_shown):
        if drive is None or (kind == "dynamic" and sd):
            drive = model.encode(frames if not sd else frames + sd * _noise(frames, keys, k if kind == "dynamic" else 0, seed))
        state = model.step(state, drive)
        if k >= n_shown - n_window:
            logits = model.readout(state)
            total = logits if total is None else total + logits
    assert total is not None
    assert drive is not None
    rates = model.rates(state, drive, (model.layers[-1],))[model.layers[-1]]
    return logits, total / n_window, torch.as_tensor(rates)


def _noise(frames: Tensor, keys: list[str], step: int, seed: int) -> Tensor:
    import torch

    rows = [numpy_generator(seed, "pixel noise", key, step).standard_normal(tuple(frames.shape[1:]), dtype=np.float32) for key in keys]
    return torch.from_numpy(np.stack(rows)).to(frames.device)


def _signal(model: DynamicalModel, stimuli: xr.DataArray, n_before: int, n_shown: int) -> float:
    """Variance of the noiseless rates across images, averaged over units: the scale of the error."""
    import torch

    frames = torch.from_numpy(np.ascontiguousarray(stimuli.values[:200])).to(model_device(model))
    with torch.no_grad():
        rates = _trial(model, frames, None, "frozen", [], n_before, n_shown, 1, 0)[2].flatten(1).double()
    return max(float(rates.var(dim=0, unbiased=False).mean()), 1e-30)
