"""Keys are file names; misspelt ones are answered with the nearest."""

import pytest

from neurodyn import places, registry
from neurodyn.errors import ConfigError


def test_every_kind_lists():
    for kind in ("architectures", "cells", "stimuli", "datasets", "analysis", "recipes", "models", "data", "analyses", "figures"):
        assert registry.names(kind) == sorted(registry.names(kind))


def test_unknown_kind():
    with pytest.raises(ConfigError, match="unknown kind"):
        registry.names("things")


def test_objects_from_outside_need_no_registration():
    assert registry.load_object("analysis", "math:sqrt")(4) == 2
    with pytest.raises(ConfigError, match="cannot be imported"):
        registry.load_object("analysis", "nowhere_at_all:f")
    with pytest.raises(ConfigError, match=r"unknown object `sqrtt`; did you mean `sqrt`"):
        registry.load_object("analysis", "math:sqrtt")


def test_the_first_home_wins(tmp_path, monkeypatch):
    home = tmp_path / "home" / "models"
    home.mkdir(parents=True)
    (home / "mine.yaml").write_text("name: mine\n")
    monkeypatch.setenv("NEURODYN_HOME", str(tmp_path / "home"))
    assert registry.find("models", "mine") == home / "mine.yaml"
    with pytest.raises(ConfigError, match="did you mean `mine`"):
        registry.find("models", "mines")


def test_data_roots_are_searched_in_order(tmp_path, monkeypatch):
    for name in ("a", "b"):
        (tmp_path / name / "mnist").mkdir(parents=True)
    monkeypatch.setenv("NEURODYN_DATA", f"{tmp_path / 'a'}:{tmp_path / 'missing'}:{tmp_path / 'b'}")
    assert places.find_data("mnist") == tmp_path / "a" / "mnist"
    assert places.find_data("nothing") is None
