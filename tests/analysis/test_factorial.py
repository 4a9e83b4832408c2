"""The 2 x 2 over labelled networks: effects by name, and missing seeds by name."""

import numpy as np
import pytest
import xarray as xr

from neurodyn.analysis.factorial import factorial
from neurodyn.errors import ConfigError, SchemaError

FACTORS = {"feedback": ("self", "top"), "dropout": ("off", "on")}


def table(n=10, gain=0.1, noise=0.02, seed=0):
    """Feedback helps robustness by `gain`, only under dropout; clean accuracy is the same everywhere."""
    generator = np.random.default_rng(seed)
    rows = [(f, d, s) for s in range(n) for f in ("self", "top") for d in ("off", "on")]
    block = 0.05 * generator.normal(size=n)
    clean = [0.5 + block[s] + noise * generator.normal() for _, _, s in rows]
    robust = [0.3 + block[s] + (gain if (f, d) == ("top", "on") else 0) + noise * generator.normal() for f, d, s in rows]
    data = xr.Dataset({"robust": ("network", robust), "clean": ("network", clean), "curve": (("network", "level"), np.zeros((len(rows), 2)))})
    names = ("feedback", "dropout", "seed")
    return data.assign_coords({k: ("network", [r[i] for r in rows]) for i, k in enumerate(names)})


def run(data=None, **options):
    return factorial(table() if data is None else data, factors=FACTORS, n_resamples=100, **{"seed": 0, **options})


def test_an_interaction_is_found_with_its_simple_effects():
    found = run(outcomes=["robust", "clean"])
    robust = found.sel(outcome="robust")
    assert float(robust.estimate.sel(effect="feedback x dropout")) == pytest.approx(0.1, abs=0.03)
    assert float(robust.low.sel(effect="feedback | dropout=on")) > 0.05 and abs(float(robust.estimate.sel(effect="feedback | dropout=off"))) < 0.03
    assert (found.p_holm >= found.p_value).all() and found.attrs["n_blocks"] == 10
    assert found.cell.values.tolist() == ["feedback=self dropout=off", "feedback=self dropout=on", "feedback=top dropout=off", "feedback=top dropout=on"]


def test_only_network_numbers_are_taken_by_default_and_order_does_not_matter():
    found = run()
    assert found.outcome.values.tolist() == ["robust", "clean"]
    shuffled = table().isel(network=np.random.default_rng(0).permutation(40))
    xr.testing.assert_allclose(run(shuffled), found)


def test_other_arms_are_left_out():
    data = table()
    extra = data.isel(network=[0]).assign_coords(feedback=("network", ["deep"]))
    assert run(xr.concat([data, extra], "network")).equals(run(data))


def test_a_covariate_leaves_the_outcomes():
    found = run(covariate="clean")
    assert found.outcome.values.tolist() == ["robust"] and found.attrs["covariate"] == "clean"


def test_missing_seeds_are_named_with_their_cell():
    gone = table().isel(network=[k for k in range(40) if k not in (3, 15, 6)])
    with pytest.raises(SchemaError, match=r"feedback=top, dropout=off lacks seed 1; feedback=top, dropout=on lacks seed 0, 3") as error:
        run(gone)
    assert "[2, 4, 5, 6, 7, 8, 9]" in str(error.value)
    complete = gone.isel(network=gone.seed.isin([2, 4, 5, 6, 7, 8, 9]))
    assert run(complete).attrs["n_blocks"] == 7


def test_missing_numbers_are_named():
    data = table()
    data["robust"][5] = np.nan
    with pytest.raises(SchemaError, match=r"`robust` is missing for 1 networks \(first: 1 \(self/on\)\)"):
        run(data)


@pytest.mark.parametrize(
    ("change", "options", "error", "message"),
    [
        (lambda t: t, {"outcomes": ["robuts"]}, ConfigError, "did you mean `robust`"),
        (lambda t: t, {"outcomes": ["curve"]}, SchemaError, r"\('network', 'level'\)"),
        (lambda t: t.drop_vars("seed"), {}, SchemaError, "no coord `seed`"),
        (lambda t: xr.concat([t, t.isel(network=[0])], "network"), {}, SchemaError, "seed 0 is twice in the cell feedback=self, dropout=off"),
        (lambda t: t.rename(network="net"), {}, SchemaError, "one row a network"),
    ],
)
def test_bad_tables_are_refused(change, options, error, message):
    with pytest.raises(error, match=message):
        run(change(table()), **options)


def test_factors_need_two_levels():
    with pytest.raises(SchemaError, match="two factors of two levels"):
        factorial(table(), factors={"feedback": ("self", "top")}, seed=0)
