"""A first look at a model: every analysis that its card lists under ``probes:``, at a size that takes a second.

A probe says whether an analysis can look at a model at all.  It uses random frames in place of the model's own images, few modes and
few steps; for real inputs write an experiment.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from neurodyn import registry
from neurodyn.errors import ConfigError, unknown_name
from neurodyn.seeding import numpy_generator

if TYPE_CHECKING:
    from neurodyn.dynamics.protocol import DynamicalModel

__all__ = ["SMALL", "probe", "random_stimuli"]


def _gratings(model: Any) -> dict[str, Any]:
    time: dict[str, Any] = {"temporal_frequency_cpf": [0.125]} if model.dt_ms is None else {"temporal_frequency_hz": [1000 / model.dt_ms / 8]}
    return {
        "layer": model.layers[0],
        "spatial_frequency_cpp": [0.125, 0.25],
        "orientation_deg": [0.0, 90.0],
        "n_steps": 16,
        "n_skip": 8,
        "n_permutations": 50,
    } | time


def _solved(model: Any, n: int = 4) -> xr.DataArray:
    """Random frames with made-up answers: a class, a mask, and two markers."""
    stimuli = random_stimuli(model, n, seed=0)
    mask = numpy_generator(0, "probe", "solution").random((n, *stimuli.shape[-2:])) < 0.5
    corners = {f"{end}_{axis}": ("presentation", np.full(n, 1 + 2 * k)) for k, end in enumerate(("start", "goal")) for axis in ("row", "column")}
    return stimuli.assign_coords(label=("presentation", np.arange(n) % 2), solution=(("presentation", "row", "column"), mask), **corners)


# The arguments of a small run, for the analyses whose own defaults are not small or that have none.
SMALL: dict[str, Callable[[Any], dict[str, Any]]] = {
    "eigenspectrum": lambda model: {"layer": model.phase[-1], "n_modes": 2, "tol": 1e-4},
    "fixed_points": lambda model: {"layers": model.phase[-1], "n_modes": 1, "max_iterations": 20, "slow_speed": 10.0},
    "grating_tuning": _gratings,
    "halting": lambda model: {"stimuli": _solved(model), "n_steps": 3},
    "lesion_curve": lambda model: {"fractions": (0.5,), "n_draws": 2},
    "lyapunov_exponents": lambda model: {"layers": model.phase[-1], "n_exponents": 1, "n_steps": 5, "double": False},
    "object_information": lambda model: {"n_components": (1, 2), "n_folds": 2},
    "perturbation_growth": lambda model: {"n_steps": 5, "burn_in": 2},
    "predictivity": lambda model: {"mapping": "concatenate", "folds": 3, "n_resamples": 50},
    "representational_geometry": lambda model: {"dissimilarity": "euclidean"},
    "robustness": lambda model: {"budgets": (2 / 255,), "attack": "fgsm"},
    "settling": lambda model: {"n_steps": 60},
    "stream_replay": lambda model: {"stream": next(k for k in model.layers if k.endswith(".d")), "mode": "shuffled", "layer": model.layers[0]},
    "tag_propagation": lambda model: {"stimuli": _solved(model), "n_steps": 3},
    "trajectories": lambda model: {"n_components": 2},
}


def probe(model: DynamicalModel, name: str, *, seed: int, n_stimuli: int = 24) -> xr.Dataset | xr.DataArray:
    """Run one analysis on a model and random frames, with small parameters.

    Parameters
    ----------
    model : DynamicalModel
    name : str
        An analysis in ``neurodyn/analysis``; its own signature says what it is given.
    seed : int
        Of the frames and of the analysis.
    n_stimuli : int
        Presentations; their labels alternate between two classes.

    Returns
    -------
    Dataset or DataArray
        What the analysis returns.

    Raises
    ------
    ConfigError
        If the name is unknown (the nearest is offered), or the analysis takes something a first look cannot make.

    Examples
    --------
    >>> from neurodyn.testing.systems import linear_network
    >>> probe(linear_network([0.9, 0.5]), "eigenspectrum", seed=0).eigenvalue.real.values[0].round(6).tolist()
    [0.9, 0.5]
    """
    if name not in registry.names("analysis"):
        raise unknown_name("probe", "analysis", name, registry.names("analysis"))
    analysis: Any = registry.load_object("analysis", name)
    given = SMALL[name](model) if name in SMALL else {}
    inputs = _Inputs(model, n_stimuli, seed)
    for parameter in inspect.signature(analysis).parameters.values():
        if parameter.name in given:
            continue
        if hasattr(inputs, parameter.name) and (parameter.default is parameter.empty or parameter.name == "seed"):
            given[parameter.name] = getattr(inputs, parameter.name)
        elif parameter.default is parameter.empty:
            known = ", ".join(k for k in dir(inputs) if not k.startswith("_"))
            raise ConfigError("probe", f"`{name}` takes `{parameter.name}`, which a first look cannot make", expected=f"{known}, or an entry in SMALL")
    return analysis(**given)


def random_stimuli(model: DynamicalModel, n: int, *, seed: int) -> xr.DataArray | xr.Dataset:
    """Random frames of the model's own size in [0, 1], (presentation, ...): a Dataset where its frame is a dict."""
    from neurodyn.schema import make_stimuli

    random = numpy_generator(seed, "probe")
    blank = model.blank
    if not isinstance(blank, dict):
        return make_stimuli(random.random((n, *blank.shape)))
    variables: dict[str, Any] = {}
    for key, value in blank.items():
        dims = ("presentation", *(f"{key}_{k}" for k in range(value.dim())))
        variables[key] = (dims, random.random((n, *value.shape)).astype(np.float32))
    return xr.Dataset(variables, coords={"stimulus_id": ("presentation", [f"random-{k}" for k in range(n)])})


class _Inputs:
    """What analyses ask for by the names of their arguments, made when asked."""

    def __init__(self, model: DynamicalModel, n_stimuli: int, seed: int) -> None:
        self.model, self.seed = model, seed
        self.stimuli = random_stimuli(model, n_stimuli, seed=seed)
        self.labels = [k % 2 for k in range(n_stimuli)]

    def _simulate(self, layer: str) -> xr.DataArray:
        from neurodyn.dynamics.record import Record
        from neurodyn.dynamics.simulate import simulate

        return simulate(self.model, self.stimuli, record=Record(layers=layer, space="center"), progress=False)

    @property
    def responses(self) -> xr.DataArray:
        return self._simulate(self.model.layers[-1])

    @property
    def logits(self) -> xr.DataArray:
        return self._simulate("readout")

    @property
    def recordings(self) -> xr.DataArray:
        """Three noisy mixtures of the model's last activity, in the model's own bins."""
        from neurodyn.schema import make_recordings

        source = self.responses
        random = numpy_generator(self.seed, "recordings")
        values = np.einsum("pnt,nk->pkt", source.values, random.standard_normal((source.sizes["neuroid"], 3)))
        values = values / (values.std() or 1.0) + 0.1 * random.standard_normal(values.shape)
        end = (source.time_bin_end if "time_bin_end" in source.coords else source.step + 1).values
        start = (source.time_bin_start if "time_bin_start" in source.coords else source.step).values
        bins = np.stack([start, end], axis=1)
        return make_recordings(values, stimulus_id=source.stimulus_id.values, neuroid_id=["a", "b", "c"], time_bins_ms=bins, units="1")

    @property
    def state(self) -> dict[str, Any]:
        return self._settled()[0]

    @property
    def starts(self) -> dict[str, Any]:
        return self._settled()[0]

    @property
    def drive(self) -> dict[str, Any]:
        return self._settled()[1]

    def _settled(self) -> tuple[dict[str, Any], dict[str, Any]]:
        from neurodyn.dynamics.simulate import state_at

        return state_at(self.model, self.stimuli.isel(presentation=slice(0, 1)))
