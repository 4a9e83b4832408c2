"""Settings every test shares: one thread, exact joins, no user folders."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("BS_INSTALL_DEPENDENCIES", "no")

import hypothesis
import pytest
import torch
import xarray as xr

torch.set_num_threads(1)
hypothesis.settings.register_profile("neurodyn", deadline=None, max_examples=25, derandomize=True)
hypothesis.settings.load_profile("neurodyn")


@pytest.fixture(autouse=True)
def _exact_joins():
    with xr.set_options(arithmetic_join="exact"):
        yield


@pytest.fixture(autouse=True)
def _results_in_a_temporary_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("NEURODYN_RESULTS", str(tmp_path / "results"))
