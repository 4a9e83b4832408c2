"""The table of trained networks that is kept with the project."""

import numpy as np
import pytest

from neurodyn.datasets import feedback_population
from neurodyn.errors import DataError
from neurodyn.plot.arms import ARMS


def test_every_seed_is_in_every_cell():
    table = feedback_population.load()
    arms = list(zip(table.cell.values, table.seed.values, strict=True))
    assert len(set(arms)) == len(arms)
    seeds = {cell: {s for c, s in arms if c == cell} for cell in ("self-plain", "self-dropout", "top-plain", "top-dropout")}
    assert len(set(map(frozenset, seeds.values()))) == 1 and len(seeds["top-dropout"]) >= 3
    design = [c in seeds for c in table.cell.values]
    assert {(f, d) for f, d in zip(table.feedback.values[design], table.dropout.values[design], strict=True)} == set(ARMS)


def test_what_was_measured_is_complete_and_plausible():
    table = feedback_population.load()
    scalars = [v for v in table.data_vars if table[v].dims == ("network",)]
    assert len(scalars) > 50 and all(np.isfinite(table[v]).all() for v in scalars)
    assert (table.accuracy_clean > 0.35).all()
    for name in ("pgd_linf", "fgsm_linf", "pgd_l2"):
        assert (np.diff(table[name].values, axis=1) <= 0.05).all()  # a larger budget cannot help, but for the luck of 80 images
    assert (table.attack_monotone == 1).all()  # the attacked loss never falls with the budget: no sign of masked gradients
    assert (table.attack_at_probe.sel(check="final") <= table.search_accuracy + 0.05).all()  # nor does a search without gradients do better


def test_bad_files_are_refused(tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        feedback_population.load(tmp_path)
    with pytest.raises(DataError, match="another content"):
        feedback_population.load(sha256="0" * 64)
    (tmp_path / "feedback_population.nc").write_bytes(b"not a table")
    with pytest.raises(DataError, match="cannot be read"):
        feedback_population.load(tmp_path)
    import xarray as xr

    xr.Dataset({"a": ("network", [1.0])}).to_netcdf(tmp_path / "other.nc")
    with pytest.raises(DataError, match="lacks the coords feedback"):
        feedback_population.load(tmp_path / "other.nc")
