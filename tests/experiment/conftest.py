"""A home with toy experiments, and a module outside the library that they name."""

import textwrap

import pytest

TOYS = '''
import numpy as np
import torch
import xarray as xr
from neurodyn.schema import make_recordings, make_stimuli
from neurodyn.seeding import numpy_generator


def flashes(n=4, contrast=1.0, seed=0, size=2):
    values = contrast * numpy_generator(seed, "flashes").random((n, size, 1, 1))
    return make_stimuli(values, label=np.arange(n) % 2)


def gain(responses, *, factor=2.0, seed):
    noise = numpy_generator(seed, "gain").normal(size=responses.shape)
    return xr.Dataset({"value": (responses.dims, factor * responses.values + noise)}, coords={"stimulus_id": responses.stimulus_id})


def final(model, state, drive, *, power=1):
    return xr.Dataset({"value": (("presentation", "unit"), state["x"].detach().numpy() ** power)})


def spots(responses, *, n_noise=0, seed):
    values = responses.mean("time_bin").values + numpy_generator(seed, "spots").normal(size=(responses.sizes["presentation"], responses.sizes["neuroid"]))
    return make_recordings(values, stimulus_id=responses.stimulus_id.values, neuroid_id=[f"s{k}" for k in range(values.shape[1])], time_bins_ms=[(0, 100)])


def compare(responses, recordings, *, seed):
    return xr.Dataset({"value": float(responses.values.sum() - recordings.values.sum())})


def only_stimuli(stimuli, labels):
    return xr.Dataset({"value": ("presentation", stimuli.values.sum((1, 2, 3))), "label": ("presentation", labels)})


def count(seed, *, folder):
    """Leave a trace of each call."""
    import os, pathlib, time
    pathlib.Path(folder, f"call-{seed}-{os.getpid()}").touch()
    time.sleep(0.2)
    return xr.Dataset({"value": float(seed)})


def search(model, starts, drive, *, stimulus_id=None):
    return xr.Dataset({"value": (("start", "unit"), starts["x"].numpy())}, coords={"stimulus_id": ("presentation", stimulus_id)})


def refuses(seed):
    from neurodyn.errors import NumericsError
    raise NumericsError("refuses", f"`seed` is {seed}")


def not_labelled(seed):
    return 3
'''

READER = """
import numpy as np
from neurodyn.schema import make_recordings


def load(root=None, *, n):
    return make_recordings(np.ones((n, 2)), stimulus_id=list(range(n)), neuroid_id="ab", time_bins_ms=[(0, 100)])
"""

BASE = """
title: toy
analysis: nd_toys:gain
inputs:
  model: {factory: linear_network, parameters: {eigenvalues: [0.5, 0.25]}}
  stimuli: {generator: "nd_toys:flashes", n: 4, seed: 0, parameters: {contrast: 1.0}}
  schedule: {stimulus_steps: 5}
  record: {steps: all}
parameters: {factor: 2.0}
seed: 0
"""


@pytest.fixture
def home(tmp_path, monkeypatch):
    root = tmp_path / "home"
    (root / "analyses" / "toy").mkdir(parents=True)
    (root / "nd_toys.py").write_text(TOYS, encoding="utf-8")
    (root / "nd_toys_reader.py").write_text(READER, encoding="utf-8")
    monkeypatch.setenv("NEURODYN_HOME", str(root))
    monkeypatch.setenv("PYTHONPATH", f"{root}:{__import__('os').environ.get('PYTHONPATH', '')}")
    monkeypatch.syspath_prepend(root)
    __import__("sys").modules.pop("nd_toys", None)
    return root


@pytest.fixture
def write(home):
    def _write(text, name="toy/base"):
        path = home / "analyses" / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return path

    return _write


@pytest.fixture
def base():
    return BASE
