"""A dynamical model as Brain-Score's BrainModel, with every time bin it is asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from neurodyn.brainscore.assemblies import to_assembly
from neurodyn.brainscore.installed import require
from neurodyn.dynamics.record import Record
from neurodyn.dynamics.schedule import Schedule
from neurodyn.dynamics.simulate import simulate
from neurodyn.errors import ConfigError, ModelError, unknown_name
from neurodyn.schema import make_stimuli
from neurodyn.stimuli.resize import resize

if TYPE_CHECKING:
    from neurodyn.dynamics.protocol import DynamicalModel

__all__ = ["BrainScoreModel", "as_brain_model"]


def as_brain_model(model: DynamicalModel, region_layers: Mapping[str, str | Sequence[str]], **settings: Any) -> BrainScoreModel:
    """Wrap a model so that Brain-Score's own benchmarks can score it.

    Parameters
    ----------
    model : DynamicalModel
    region_layers : mapping of region to layer or layers
        For example ``{"V4": "area6", "IT": ["area7", "area8"]}``.
    **settings
        Further arguments of :class:`BrainScoreModel`.

    Returns
    -------
    BrainScoreModel

    Raises
    ------
    ConfigError
        If Brain-Score is absent, or a layer is unknown.
    """
    return BrainScoreModel(model, region_layers, **settings)


class BrainScoreModel:
    """Implements identifier, visual_degrees, start_recording, look_at and start_task.

    Parameters
    ----------
    model : DynamicalModel
    region_layers : mapping of region to layer or layers
    visual_degrees : float
        Degrees that the model's frame stands for; Brain-Score pads or crops its images to it.
    latency_ms : float or mapping of region to float
        What lies between the eye and the model's clock: the bin 70-170 ms of a region with 40 ms is read from 30-130 ms of the model.
    dt_ms : float, optional
        Model time of one step, for models whose iterations are not time.
    schedule : Schedule, optional
        The trial; when absent the stimulus lasts as long as the bins that are asked for, after as long a blank as they need.
    neuroids : int, optional
        Record this many units of each layer, drawn once with `seed`; all when absent.
    identifier : str, optional
        When absent it is made of the model's type, its weights, its layers, time map and sampling, so that no cache can confuse two models.
    batch_size : int
    seed : int
    """

    def __init__(
        self,
        model: DynamicalModel,
        region_layers: Mapping[str, str | Sequence[str]],
        *,
        visual_degrees: float = 8.0,
        latency_ms: float | Mapping[str, float] = 0.0,
        dt_ms: float | None = None,
        schedule: Schedule | None = None,
        neuroids: int | None = None,
        identifier: str | None = None,
        batch_size: int = 16,
        seed: int = 0,
    ) -> None:
        require()
        if isinstance(model.blank, dict):
            raise ModelError("as_brain_model", f"the frame of {type(model).__name__} is a dict", expected="a model that looks at images")
        self._model: Any = model if dt_ms is None else _Timed(model, dt_ms)
        if self._model.dt_ms is None:
            raise ConfigError("as_brain_model", f"the iterations of {type(model).__name__} are not time", expected="how long a step lasts", fix="dt_ms=10.0")
        self._layers: dict[str, tuple[str, ...]] = {}
        for region, layers in region_layers.items():
            self._layers[region] = (layers,) if isinstance(layers, str) else tuple(layers)
            for name in self._layers[region]:
                if name not in model.layers:
                    raise unknown_name("as_brain_model", "layer", name, model.layers)
        self._latency = latency_ms
        self._degrees, self._schedule, self._neuroids = visual_degrees, schedule, neuroids
        self._batch_size, self._seed = batch_size, seed
        self._region: str | None = None
        self._bins: list[tuple[float, float]] = []
        self._identifier = identifier or f"{type(model).__name__}-{self._digest(model)}"

    @property
    def identifier(self) -> str:
        """Names the weights, layers and time map."""
        return self._identifier

    @property
    def region_layer_map(self) -> dict[str, tuple[str, ...]]:
        """Which layers stand for which region."""
        return dict(self._layers)

    def visual_degrees(self) -> float:
        """Degrees of visual angle that the model's frame stands for."""
        return self._degrees

    def start_task(self, task: Any, fitting_stimuli: Any = None) -> None:
        """Behavioural tasks are not part of this wrapper."""
        raise ConfigError("as_brain_model", f"task {task} is asked for", expected="neural benchmarks, which call start_recording")

    def start_recording(self, recording_target: Any, time_bins: Any) -> None:
        """Say what the next `look_at` records.

        Parameters
        ----------
        recording_target : str
            Region.
        time_bins : sequence of (start, end)
            In ms from stimulus onset, in any of the shapes that benchmarks use.
        """
        region = str(getattr(recording_target, "name", recording_target))
        if region not in self._layers:
            raise unknown_name("start_recording", "region", region, self._layers)
        listed = time_bins.tolist() if isinstance(time_bins, np.ndarray) else list(time_bins)
        listed = [b.item() if isinstance(b, np.ndarray) and b.ndim == 0 else b for b in listed]
        self._bins = [(float(a), float(b)) for a, b in ([listed] if listed and not hasattr(listed[0], "__len__") else listed)]
        self._region = region

    def look_at(self, stimuli: Any, number_of_trials: int = 1, **_: Any) -> Any:
        """Show images and return a NeuroidAssembly, (presentation, neuroid, time_bin), with exactly the bins asked for.

        Parameters
        ----------
        stimuli : StimulusSet or list of paths
        number_of_trials : int
            Ignored: the model is deterministic.
        """
        if self._region is None:
            raise ConfigError("look_at", "nothing is recorded", expected="a region and time bins first", fix='start_recording("IT", time_bins=[(70, 170)])')
        paths, ids = _paths(stimuli)
        frames = self._frames(paths, ids)
        shift = float(self._latency.get(self._region, 0.0)) if isinstance(self._latency, Mapping) else float(self._latency)
        model_bins = [(a - shift, b - shift) for a, b in self._bins]
        record = Record(layers=self._layers[self._region], bins_ms=model_bins, neuroids=self._neuroids, seed=self._seed)
        responses = simulate(self._model, frames, self._trial(model_bins), record, batch_size=self._batch_size, progress=False)
        edges = np.asarray(self._bins)
        responses = responses.assign_coords(
            time_bin_start=("time_bin", edges[:, 0].astype(int)),
            time_bin_end=("time_bin", edges[:, 1].astype(int)),
            model=("neuroid", [self.identifier] * responses.sizes["neuroid"]),
        )
        table = stimuli if hasattr(stimuli, "columns") else None
        return _with_duplicates(to_assembly(responses, stimulus_set=table, region=self._region), table)

    def _trial(self, bins: list[tuple[float, float]]) -> Schedule:
        if self._schedule is not None:
            return self._schedule
        dt = self._model.dt_ms
        before, after = max(0.0, -min(a for a, _ in bins)), max(b for _, b in bins)
        return Schedule.ms(before=float(np.ceil(before / dt) * dt), stimulus=float(np.ceil(max(after, dt) / dt) * dt))

    def _frames(self, paths: list[Path], ids: list[str]) -> xr.DataArray:
        from PIL import Image

        channels, rows, columns = self._model.blank.shape
        pixels = np.empty((len(paths), channels, rows, columns), np.float32)
        for k, path in enumerate(paths):
            with Image.open(path) as image:
                values = np.asarray(image.convert("L" if channels == 1 else "RGB"), dtype=np.float32) / np.float32(255)
            one = make_stimuli(values[None, None] if values.ndim == 2 else values.transpose(2, 0, 1)[None])
            pixels[k] = resize(one, (rows, columns)).values[0]
        return make_stimuli(pixels, ids)

    def _digest(self, model: Any) -> str:
        text = hashlib.sha256()
        text.update(repr((sorted(self._layers.items()), self._latency, self._model.dt_ms, self._schedule, self._neuroids, self._seed, self._degrees)).encode())
        state = model.state_dict() if hasattr(model, "state_dict") else {k: v for k, v in vars(model).items() if hasattr(v, "detach")}
        for name, tensor in sorted(state.items()):
            text.update(name.encode())
            text.update(tensor.detach().cpu().contiguous().numpy().tobytes())
        return text.hexdigest()[:12]


class _Timed:
    """A model with another clock; everything else is the model's own."""

    def __init__(self, model: Any, dt_ms: float) -> None:
        self._inner, self.dt_ms = model, float(dt_ms)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def _paths(stimuli: Any) -> tuple[list[Path], list[str]]:
    if hasattr(stimuli, "get_stimulus"):
        ids = [str(s) for s in dict.fromkeys(stimuli["stimulus_id"].values)]
        raw = {str(s): s for s in stimuli["stimulus_id"].values}
        return [Path(stimuli.get_stimulus(raw[s])) for s in ids], ids
    paths = [Path(p) for p in stimuli]
    return paths, [p.name for p in paths]


def _with_duplicates(assembly: Any, table: Any) -> Any:
    """One row for every row of the stimulus set, also where it lists a stimulus twice."""
    if table is None or len(table) == assembly.sizes["presentation"]:
        return assembly
    place = {str(s): k for k, s in enumerate(assembly["stimulus_id"].values)}
    return assembly.isel(presentation=[place[str(s)] for s in table["stimulus_id"].values])
