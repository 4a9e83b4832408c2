"""Shipped tables are found, checked and opened."""

import hashlib

import pytest
import xarray as xr

from neurodyn import places, registry
from neurodyn.errors import ConfigError, DataError
from neurodyn.experiment.spec import read_experiment
from neurodyn.experiment.tables import shipped_table


def test_a_table_of_the_users_home(tmp_path, monkeypatch):
    monkeypatch.setenv("NEURODYN_HOME", str(tmp_path))
    (tmp_path / "data").mkdir()
    table = xr.Dataset({"value": ("trial", [1.0, 2.0])})
    file = tmp_path / "data" / "mine.nc"
    table.to_netcdf(file)
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    assert shipped_table(table="mine", sha256=sha256).equals(table)
    with pytest.raises(DataError, match=f"sha256: {sha256}"):
        shipped_table(table="mine", sha256="0" * 64)
    with pytest.raises(ConfigError, match="did you mean `mine`"):
        shipped_table(table="mines", sha256=sha256)


def tabled():
    """Experiments that open a shipped table, with the table's name."""
    for name in registry.names("analyses"):
        spec = read_experiment(name).spec
        reader = spec.analysis.removeprefix("neurodyn.datasets.").removesuffix(":load")
        if spec.analysis == "neurodyn.experiment.tables:shipped_table":
            yield name, spec.parameters["table"], spec.parameters.get("sha256")
        elif reader in places.declarations("data", "*.nc"):
            yield name, reader, spec.parameters.get("sha256")


@pytest.mark.parametrize(("name", "table", "sha256"), list(tabled()))
def test_experiments_name_the_content_of_their_table(name, table, sha256):
    """Results are kept by the experiment's text: without the content in it, a new table would leave old results in place."""
    assert sha256 == hashlib.sha256(places.declarations("data", "*.nc")[table].read_bytes()).hexdigest()
