"""Results on disk: whole or not there, equal after a round trip, and refused when altered."""

import os
import resource
import subprocess
import sys

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from neurodyn.artefacts.keys import canonical, code_digest, content_key, data_digest, difference
from neurodyn.artefacts.lock import hold
from neurodyn.artefacts.store import clear_partial, load, matches, provenance, save
from neurodyn.errors import ArtefactError, ConfigError, SchemaError

PARTS = {"analysis": "x", "parameters": {"n_modes": 3}, "seed": 0}


def spectra():
    return xr.Dataset(
        {
            "eigenvalue": (("presentation", "mode"), np.array([[1 + 2j, 3 - 4j], [0j, np.nan + 1j]]), {"units": "1"}),
            "converged": (("presentation", "mode"), np.array([[True, False], [True, True]])),
            "timescale_ms": ("mode", np.array([1.5, np.inf], np.float32), {"units": "ms"}),
            "n_steps": ((), 3),
        },
        coords={"stimulus_id": ("presentation", np.array(["a", "bé"])), "step": ("mode", [0, 1], {"units": "step"})},
        attrs={"convention": "raw", "n": 2, "tol": 1e-8},
    )


def test_a_round_trip_keeps_everything(tmp_path):
    file = tmp_path / "deep" / "x.nc"
    key = save(spectra(), file, PARTS, notes={"versions": {"numpy": "1"}})
    again = load(file, key)
    xr.testing.assert_identical(again, spectra())
    assert again.eigenvalue.dtype == np.complex128
    assert again.timescale_ms.dtype == np.float32
    assert again.converged.dtype == bool
    assert provenance(file) == {"key": key, "parts": PARTS, "notes": {"versions": {"numpy": "1"}}}
    assert [p.name for p in file.parent.iterdir()] == ["x.nc"]


@given(
    values=hnp.arrays(
        st.sampled_from([np.float32, np.float64, np.int64, np.complex64, np.bool_]), hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=4)
    )
)
def test_any_array_comes_back(values, tmp_path_factory):
    dataset = xr.Dataset({"v": ([f"d{k}" for k in range(values.ndim)], values)})
    file = tmp_path_factory.mktemp("any") / "x.nc"
    save(dataset, file, PARTS)
    again = load(file)
    assert again.v.dtype == values.dtype
    np.testing.assert_array_equal(again.v.values, values)


def test_same_result_same_bytes(tmp_path):
    for name in ("a.nc", "b.nc"):
        save(spectra(), tmp_path / name, PARTS)
    assert (tmp_path / "a.nc").read_bytes() == (tmp_path / "b.nc").read_bytes()


@pytest.mark.parametrize("keep", [0, 10, 0.5, 0.99, -1])
def test_a_truncated_file_is_refused(tmp_path, keep):
    file = tmp_path / "x.nc"
    key = save(spectra(), file, PARTS)
    whole = file.read_bytes()
    file.write_bytes(whole[: int(len(whole) * keep) if isinstance(keep, float) else keep])
    assert not matches(file, key)
    with pytest.raises(ArtefactError, match=r"truncated|altered"):
        load(file)


def test_an_altered_value_is_seen(tmp_path):
    import netCDF4

    file = tmp_path / "x.nc"
    key = save(spectra(), file, PARTS)
    with netCDF4.Dataset(file, "a") as opened:
        opened["timescale_ms"][0] = 2.5
    with pytest.raises(ArtefactError, match="altered"):
        load(file)
    assert not matches(file, key)


def test_another_key_or_a_foreign_file_is_refused(tmp_path):
    file = tmp_path / "x.nc"
    save(spectra(), file, PARTS)
    with pytest.raises(ArtefactError, match="has key"):
        load(file, "0" * 64)
    xr.Dataset({"a": 1}).to_netcdf(tmp_path / "foreign.nc")
    with pytest.raises(ArtefactError, match="was not written by"):
        load(tmp_path / "foreign.nc")
    with pytest.raises(ArtefactError, match="is missing"):
        load(tmp_path / "none.nc")


@pytest.mark.parametrize("value", [None, True, {"a": 1}, [1, 2], 1j])
def test_attributes_that_netcdf_cannot_hold_are_refused_before_writing(tmp_path, value):
    with pytest.raises(SchemaError, match="attribute `bad`"):
        save(spectra().assign_attrs(bad=value), tmp_path / "x.nc", PARTS)
    assert not list(tmp_path.iterdir())


def test_a_read_only_folder_is_one_clear_error():
    with pytest.raises(ArtefactError, match=r"cannot be written.*\n.*expected.*\n.*NEURODYN_RESULTS"):
        save(spectra(), "/proc/results/x.nc", PARTS)
    with pytest.raises(ArtefactError, match="cannot be written"), hold_of("/proc/results/x.nc"):
        pass


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(ArtefactError, match="cannot be written"):
        save(spectra(), tmp_path / "x.nc", PARTS)


FULL = """
import resource, signal, sys
import numpy as np, xarray as xr
from neurodyn.artefacts.store import save
from neurodyn.errors import ArtefactError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
try:
    save(xr.Dataset({"a": ("n", np.random.default_rng(0).normal(size=100_000))}), sys.argv[1], {"a": 1})
except ArtefactError as error:
    print(error)
"""


def test_a_full_disk_leaves_nothing_behind(tmp_path):
    assert resource.RLIMIT_FSIZE is not None
    out = subprocess.run([sys.executable, "-c", FULL, str(tmp_path / "x.nc")], capture_output=True, text=True)
    assert "cannot be written" in out.stdout, out.stderr
    assert not list(tmp_path.iterdir())


def test_what_a_killed_writer_left_is_cleared(tmp_path):
    (tmp_path / ".x.nc.abc.partial").write_bytes(b"half")
    clear_partial(tmp_path / "x.nc")
    assert not list(tmp_path.iterdir())


def hold_of(path):
    from pathlib import Path

    return hold(Path(path))


def test_a_lock_is_held_by_one_and_leaves_no_file(tmp_path):
    import threading
    import time

    order = []

    def second():
        with hold(tmp_path / "x.nc"):
            order.append("second")

    with hold(tmp_path / "x.nc"):
        thread = threading.Thread(target=second)
        thread.start()
        time.sleep(0.1)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]
    assert not list(tmp_path.iterdir())


# -- keys


@given(
    st.dictionaries(
        st.text(max_size=3), st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3), lambda x: st.lists(x, max_size=3))
    )
)
def test_the_key_does_not_depend_on_the_order_of_keys(parts):
    assert content_key(parts) == content_key(dict(reversed(parts.items())))


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ((1, 2), [1, 2], True),
        (np.float64(0.5), 0.5, True),
        (np.arange(3), np.arange(3), True),
        (np.arange(3), np.arange(3.0), False),
        (1, True, False),
        ("1", 1, False),
        (float("nan"), float("nan"), True),
        (0.1, 0.1 + 1e-16, False),
    ],
)
def test_equal_parameters_are_written_equally(one, other, equal):
    assert (content_key({"a": one}) == content_key({"a": other})) is equal


def test_what_has_no_digest_is_refused():
    with pytest.raises(ConfigError, match="a function has no digest"):
        canonical({"f": canonical})
    with pytest.raises(ConfigError, match="no source file"):
        code_digest("sys")


def test_the_digest_of_data_sees_values_labels_units_and_order():
    base = spectra()
    changed = [
        base.assign_coords(stimulus_id=("presentation", ["a", "c"])),
        base.assign(timescale_ms=base.timescale_ms * 2),
        base.assign(timescale_ms=base.timescale_ms.astype("f8")),
        base.isel(presentation=[1, 0]),
        base.rename(n_steps="steps"),
        base.assign_attrs(n=3),
    ]
    digests = [data_digest(x) for x in (base, *changed)]
    assert len(set(digests)) == len(digests)
    assert data_digest(base.copy(deep=True)) == digests[0]


def test_code_counts_and_comments_do_not(tmp_path, monkeypatch):
    import importlib

    monkeypatch.syspath_prepend(tmp_path)
    module = tmp_path / "outside_module.py"

    def digest_of(source):
        module.write_text(source, encoding="utf-8")
        importlib.invalidate_caches()
        return code_digest("outside_module")

    base = digest_of("def f(x):\n    return x + 1\n")
    assert digest_of('"""Doc."""\n# comment\ndef f(x):\n    """Doc."""\n    return x + 1\n') == base
    assert digest_of("def f(x):\n    return x + 2\n") != base
    assert digest_of("from neurodyn.seeding import subseed\ndef f(x):\n    return x + 1\n") != base


def test_a_difference_names_what_changed():
    assert difference({"a": {"b": 1}, "c": "x" * 100}, {"a": {"b": 2}, "d": 0}) == ["a.b: 1 -> 2", f"c: {'x' * 57}... -> absent", "d: absent -> 0"]
