"""What is lost when units are silenced at random, and how unequally single units matter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from neurodyn.dynamics.schedule import Schedule
from neurodyn.dynamics.simulate import check_ready, model_device, timeline_of
from neurodyn.errors import ConfigError, ModelError, SchemaError, unknown_name
from neurodyn.schema import PRESENTATION, check_stimuli
from neurodyn.seeding import numpy_generator

if TYPE_CHECKING:
    from torch import Tensor

    from neurodyn.dynamics.protocol import DynamicalModel

__all__ = ["lesion_curve"]


def lesion_curve(
    model: DynamicalModel,
    stimuli: xr.DataArray,
    labels: Sequence[int],
    *,
    layers: Sequence[str] | None = None,
    fractions: Sequence[float] = (0.1, 0.25, 0.5, 0.75),
    n_draws: int = 10,
    n_single: int = 0,
    schedule: Schedule | None = None,
    seed: int,
) -> xr.Dataset:
    """Accuracy when a share of the units of some layers is silenced throughout the trial, and the effect of single units.

    Parameters
    ----------
    model : DynamicalModel
        Its ``lesionable`` names the layers for which a state entry ``<layer>.gain`` multiplies the activity.
    stimuli : DataArray, (presentation, channel, row, column)
    labels : int sequence, (presentation)
    layers : sequence of str, optional
        Layers silenced together; all lesionable ones when absent.
    fractions : sequence of float
        Shares silenced, in (0, 1), ascending; 0 is added in front.
    n_draws : int
        Random sets of units for every share; the sets of one draw are nested.
    n_single : int
        Units silenced alone, drawn at random from the first of `layers`.
    schedule : Schedule, optional
    seed : int

    Returns
    -------
    Dataset
        ================  ==================  =====  =======================================================================
        variable          dims                units  meaning
        ================  ==================  =====  =======================================================================
        accuracy          (fraction, draw)    1      share classified correctly at the last step
        area              ()                  1      mean over draws of the area under accuracy(fraction), divided by its width
        single_effect     (unit)              1      mean drop of the log probability of the true class
        gini              ()                  1      inequality of |single_effect|: 0 all alike, 1 one unit does it all
        ================  ==================  =====  =======================================================================

        `single_effect` and `gini` are missing without `n_single`.

    Raises
    ------
    ModelError
        If the model cannot be lesioned through its state.
    ConfigError
        If a share or a layer cannot be.

    Notes
    -----
    No rescaling: silenced units are simply gone, as in a lesion, not as in dropout.  Cost: shares x draws + single units trials of all images.
    """
    import torch

    target, names, shares = _check(model, stimuli, labels, layers, fractions, n_draws)
    x = torch.from_numpy(np.ascontiguousarray(stimuli.values)).to(model_device(model))
    wanted, steps = torch.as_tensor(target, device=x.device), len(timeline_of(model, stimuli, schedule))
    with torch.no_grad():
        drive = model.encode(x)
        blank_state = model.initial_state(drive)
        ranks = [
            {name: torch.from_numpy(numpy_generator(seed, "lesion", d, name).permutation(blank_state[name][0].numel())) for name in names}
            for d in range(n_draws)
        ]

        def run(gains: dict[str, Tensor]) -> Tensor:
            state = {**model.initial_state(drive), **{f"{k}.gain": g.to(x).expand(len(x), *g.shape) for k, g in gains.items()}}
            for _ in range(steps):
                state = model.step(state, drive)
            return model.readout(state).log_softmax(dim=1)

        intact = run({})
        accuracy = np.empty((len(shares), n_draws))
        for f, share in enumerate(shares):
            for d in range(n_draws):
                gains = {k: (r >= round(float(share) * r.numel())).reshape(blank_state[k].shape[1:]) for k, r in ranks[d].items()}
                accuracy[f, d] = float((run(gains).argmax(1) == wanted).float().mean()) if share > 0 else float((intact.argmax(1) == wanted).float().mean())
        found: dict[str, Any] = {
            "accuracy": (("fraction", "draw"), accuracy, {"units": "1"}),
            "area": (
                (),
                float((0.5 * (accuracy[1:] + accuracy[:-1]) * np.diff(shares)[:, None]).sum(axis=0).mean() / (shares[-1] - shares[0])),
                {"units": "1"},
            ),
        }
        if n_single:
            shape = blank_state[names[0]].shape[1:]
            units = numpy_generator(seed, "lesion", "single").permutation(int(np.prod(shape)))[:n_single]
            drops = []
            for unit in units:
                gain = torch.ones(int(np.prod(shape)))
                gain[int(unit)] = 0
                change = intact - run({names[0]: gain.reshape(shape)})
                drops.append(float(change.gather(1, wanted[:, None]).mean()))
            found["single_effect"] = ("unit", np.array(drops), {"units": "1"})
            found["gini"] = ((), _gini(np.abs(drops)), {"units": "1"})
    return xr.Dataset(found, coords={"fraction": ("fraction", shares, {"units": "1"})}, attrs={"layers": " ".join(names)})


def _gini(values: np.ndarray) -> float:
    v = np.sort(np.asarray(values, float))
    if v.sum() <= 0:
        return float("nan")
    return float(2 * (np.arange(1, len(v) + 1) * v).sum() / (len(v) * v.sum()) - (len(v) + 1) / len(v))


def _check(
    model: DynamicalModel, stimuli: xr.DataArray, labels: Sequence[int], layers: Sequence[str] | None, fractions: Sequence[float], n_draws: int
) -> tuple[np.ndarray, list[str], np.ndarray]:
    check_ready(model)
    check_stimuli(stimuli, where="lesion_curve")
    known = tuple(getattr(model, "lesionable", ()))
    if not known:
        raise ModelError("lesion_curve", f"{type(model).__name__} names no lesionable layers", expected="a model whose state takes `<layer>.gain`")
    names = list(known) if layers is None else list(layers)
    for name in names:
        if name not in known:
            raise unknown_name("lesion_curve", "layer", name, known)
    target = np.asarray(labels)
    if target.shape != (stimuli.sizes[PRESENTATION],) or target.dtype.kind not in "iu":
        raise SchemaError("lesion_curve", f"`labels` is {target.dtype} of shape {target.shape}", expected="one integer a presentation")
    shares = np.concatenate([[0.0], np.asarray(fractions, dtype=float)])
    if len(shares) < 2 or (np.diff(shares) <= 0).any() or shares[-1] >= 1 or not names:
        raise ConfigError("lesion_curve", f"`fractions` is {shares[1:].tolist()}", expected="shares in (0, 1), ascending", fix="fractions=(0.25, 0.5)")
    if n_draws < 1:
        raise ConfigError("lesion_curve", f"`n_draws` is {n_draws}", expected="1 or more")
    return target.astype(np.int64), names, shares
