"""The notebook behind the V4 table: how candidates are chosen, and that the page of claims shows the table that is shipped."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from neurodyn import places

FOLDER = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def notebook():
    spec = importlib.util.spec_from_file_location("v4_predictivity", FOLDER / "analyses" / "notebooks" / "v4_predictivity.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def shipped():
    return xr.load_dataset(places.declarations("data", "*.nc")["v4_predictivity"])


def test_a_network_and_its_twin_choose_alike(notebook):
    inner = np.array([[2.0, 0.0, 2.0, 0.0, 2.0], [1.0, 1.0, 1.0, 1.0, 1.0]])
    one = xr.DataArray(np.zeros((2, 3, 1)), dims=("candidate", "presentation", "neuroid"), coords={"candidate": ["early", "late"]})
    one = one.assign_coords({f"inner_{k}": ("candidate", inner[:, k]) for k in range(5)})
    kinds = ("", "_untrained", "_seed1", "_shuffled")
    names = [f"{name}{kind}" for name in notebook.LEFT_OUT for kind in kinds] + ["convrnn-rgc", "convrnn-rgc_untrained"]
    stored = {(name, s): one for name in names for s in notebook.SESSIONS}
    medians = {(*key, c): {"early": 0.1, "late": 0.2}[c] for key in stored for c in ("early", "late")}
    for name in names:
        want = "late" if name.startswith("convrnn-rgc") else ("early", "late", "early", "late", "early")
        assert notebook.chosen_candidates(name, "190923", stored, medians) == want


def test_the_claims_show_the_shipped_table(notebook, shipped, tmp_path):
    notebook.claims(shipped, tmp_path / "claims.md")
    page = (FOLDER / "analyses" / "recordings" / "claims.md").read_text(encoding="utf-8")
    assert page.split("## The table\n\n")[1] == (tmp_path / "claims.md").read_text(encoding="utf-8")
    assert {f"{name}_seed1" for name in notebook.LEFT_OUT} <= set(shipped.predictor.values)  # the second seeds of the claims
