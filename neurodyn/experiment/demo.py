"""What the shipped models show on embedded data: the experiments and figures of ``neurodyn demo``."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr

from neurodyn import places
from neurodyn.experiment.ask import scoring
from neurodyn.experiment.figures import draw_figure
from neurodyn.experiment.resolve import list_models
from neurodyn.experiment.run import open_result
from neurodyn.experiment.spec import Experiment, read_experiment
from neurodyn.experiment.sweep import sweep

__all__ = ["Measure", "demo"]


@dataclass(frozen=True)
class Measure:
    """A number of the summary and where it is expected.

    Attributes
    ----------
    text : str
    value, low, high : float
    """

    text: str
    value: float
    low: float
    high: float

    @property
    def good(self) -> bool:
        """Whether the value is finite and in its range."""
        return bool(np.isfinite(self.value) and self.low <= self.value <= self.high)

    def __str__(self) -> str:
        return f"  {'ok ' if self.good else 'OUT'} {self.text}: {self.value:.4g} (expected {self.low:.4g} to {self.high:.4g})"


FIGURES = {  # and how long they take at first, on two busy cores
    "cordsnet/fig4c_trajectories": "trajectories and fixed points (at first about 30 s)",
    "cordsnet/fig4b_eigenspectrum": "eigenvalues (at first about 30 s)",
    "overview/fig1_overview": "the overview, with the prediction of synthetic recordings (at first about 3 minutes)",
}


def demo(*, results: str | Path | None = None) -> Iterator[tuple[str, bool]]:
    """Run the demo and yield lines to print, each with whether it is as expected.

    Nothing is trained.  Results are kept: a second run reads them.

    Parameters
    ----------
    results : path, optional
        ``NEURODYN_RESULTS`` or ``results`` when absent.

    Yields
    ------
    line : str
    good : bool
    """
    begun = time.perf_counter()
    folder = Path(results) if results is not None else places.results_dir()
    roots = places.data_roots()
    yield f"neurodyn demo: shipped models, nothing is trained; {f'data from {roots[0]}' if roots else 'embedded data only (NEURODYN_DATA is not set)'}", True
    yield "a first run takes about 5 minutes on two busy cores, less on free ones; results are kept, and a second run only reads and draws", True
    yield "reading 359 held-out handwritten digits with the shipped CordsNet (at first about 30 s)", True
    yield from _lines(_accuracy(folder))
    for name, text in FIGURES.items():
        yield f"computing and drawing {text}", True
        files = draw_figure(name, results=folder)
        yield f"figure {files['png']} ({time.perf_counter() - begun:.0f} s after the start)", True
    for measure in (_spectrum, _attractors, _prediction):
        yield from _lines(measure(folder))
    if roots:
        yield from _real_data(folder)
    yield f"done in {time.perf_counter() - begun:.0f} s: results in {folder}, figures in {folder / 'figures'} (PDF, SVG, PNG, and the numbers as CSV)", True
    yield "next: neurodyn list, or neurodyn explain cordsnet/fig4b_jacobian", True


def _lines(measures: list[Measure]) -> Iterator[tuple[str, bool]]:
    for measure in measures:
        yield str(measure), measure.good


def _result(experiment: str | Experiment, folder: Path) -> xr.Dataset:
    found = experiment if isinstance(experiment, Experiment) else read_experiment(experiment)
    for outcome in sweep(found, results=folder):
        if outcome.error is not None:
            raise outcome.error
    return open_result(found, results=folder, check=False)


def _accuracy(folder: Path) -> list[Measure]:
    found = _result("overview/readout", folder)
    right = found.responses.values[..., 0].argmax(axis=-1) == found.label.values
    trained, untrained = right.mean(axis=-1)
    return [
        Measure(f"accuracy of the trained model, n = {right.shape[-1]} images", float(trained), 0.8, 1.0),
        Measure("accuracy of its untrained twin (chance is 0.1)", float(untrained), 0.0, 0.3),
    ]


def _spectrum(folder: Path) -> list[Measure]:
    found = open_result("cordsnet/fig4b_jacobian", results=folder, check=False)
    trained = found.isel(untrained=0)
    converged = np.asarray(trained.converged.values, float)
    return [
        Measure("largest modulus of an eigenvalue of one step, trained (1 is the border of stability)", float(np.nanmax(np.abs(trained.eigenvalue))), 0.8, 1.0),
        Measure("eigenpairs whose residual is within tolerance", float(np.nanmean(converged)), 0.95, 1.0),
    ]


def _attractors(folder: Path) -> list[Measure]:
    found = open_result("cordsnet/fig4c_fixed_points", results=folder, check=False)
    fixed = np.asarray(found.converged.values, bool)
    per_image = [int(((found.presentation.values == k) & fixed & np.asarray(found.stable.values, bool)).sum()) for k in range(3)]
    return [Measure("stable fixed points for each image, fewest", min(per_image), 1, 5), Measure("and most", max(per_image), 1, 5)]


def _prediction(folder: Path) -> list[Measure]:
    found = open_result("overview/predictivity", results=folder, check=False)
    middle = found.normalised.median([d for d in found.normalised.dims if d != "untrained"])
    values = dict(zip(("trained", "untrained"), map(float, middle.values), strict=True))
    return [
        Measure("noise-corrected prediction of synthetic recordings by the model they were made from, median", values["trained"], 0.8, 1.05),
        Measure("the same by its untrained twin, minus the model's own", values["untrained"] - values["trained"], -1.0, 0.0),
    ]


def _real_data(folder: Path) -> Iterator[tuple[str, bool]]:
    models = list_models()
    jobs: list[tuple[str, str, str]] = [("mnist", "cordsnet-mnist", "handwritten digits"), ("cifar10", "convrnn-rgc", "natural images")]
    for dataset, model, what in jobs:
        if places.find_data(dataset) is None or model not in models:
            yield f"skipped: {what} need {dataset} under NEURODYN_DATA and the model {model}", True
            continue
        yield from _lines(_real_accuracy(dataset, model, folder))
    if places.find_data("recordings/cowley2023_v4", "cowley2023_v4") is None:
        yield "skipped: no recordings/cowley2023_v4 under NEURODYN_DATA", True
        return
    yield from _lines(_v4("convrnn-rgc", folder))


def _real_accuracy(dataset: str, model: str, folder: Path) -> list[Measure]:
    from neurodyn.experiment.ask import simulation

    found = _result(simulation(model, dataset, n=200, layers=["readout"], overrides=["inputs.record.steps=last_shown"]), folder)
    accuracy = float((found.responses.values[..., 0].argmax(axis=1) == found.label.values).mean())
    return [Measure(f"accuracy of {model} on {found.sizes['presentation']} test images of {dataset}", accuracy, 0.3, 1.0)]


def _v4(model: str, folder: Path) -> list[Measure]:
    overrides = ["inputs.recordings.parameters.session='210325'", "inputs.record.space=mean"]
    found = _result(scoring(model, "cowley2023", overrides=overrides), folder)
    values = found.raw.values[np.isfinite(found.raw.values)]
    return [
        Measure(f"median correlation of {model} with {values.size} V4 neurons (macaque PE, 640 images, cross-validated)", float(np.median(values)), 0.0, 0.8)
    ]
