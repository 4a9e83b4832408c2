"""Shipped tables are found, checked and opened."""

import hashlib

import pytest
import xarray as xr

from neurodyn.errors import ConfigError, DataError
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
