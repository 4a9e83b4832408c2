"""The same indices for model units and recorded neurons."""

import numpy as np
import pytest

import neurodyn as nd
from neurodyn.analysis.image_selectivity import image_selectivity
from neurodyn.errors import ConfigError, SchemaError
from neurodyn.schema import make_recordings, make_stimuli
from neurodyn.testing.toys import ConvNetwork


def recorded(means, repeats=4, noise=0.1, seed=0, **presentation):
    n, units = means.shape
    values = np.repeat(means, repeats, axis=0) + noise * np.random.default_rng(seed).standard_normal((n * repeats, units))
    return make_recordings(
        values,
        stimulus_id=np.repeat([f"s{i:02d}" for i in range(n)], repeats),
        neuroid_id=[f"n{i}" for i in range(units)],
        time_bins_ms=[(70, 170)],
        presentation={k: np.repeat(v, repeats) for k, v in presentation.items()},
    )


def test_closed_forms():
    means = np.zeros((10, 3))
    means[3, 0] = 1.0  # one stimulus
    means[:, 1] = 1.0  # all alike
    means[:5, 2] = 2.0  # half of them
    ds = image_selectivity(recorded(means, noise=0.0), seed=0)
    np.testing.assert_allclose(ds.lifetime_sparseness, [1.0, 0.0, 0.5 / 0.9], atol=1e-12)
    np.testing.assert_allclose(ds.selectivity_index, [1.0, 0.0, 5 / 9], atol=1e-12)
    np.testing.assert_allclose(ds.breadth, [0.1, 1.0, 0.5])
    assert ds.best_stimulus.values[0] == "s03"


def test_reliability_and_significance():
    rng = np.random.default_rng(0)
    means = np.concatenate([rng.random((20, 30)), np.ones((20, 100))], axis=1)
    ds = image_selectivity(recorded(means, noise=0.2), n_permutations=200, seed=0)
    assert (ds.reliability[:30] > 0.6).mean() > 0.9
    assert ds.tuned[:30].mean() > 0.95
    assert abs(float(ds.tuned[30:].mean()) - 0.05) < 0.07


def test_order_of_presentations_does_not_matter():
    r = recorded(np.random.default_rng(1).random((8, 5)), noise=0.0)
    shuffled = r.isel(presentation=np.random.default_rng(2).permutation(r.sizes["presentation"]))
    a, b = image_selectivity(r, seed=0), image_selectivity(shuffled, seed=0)
    np.testing.assert_allclose(a.lifetime_sparseness, b.lifetime_sparseness)
    np.testing.assert_allclose(a.reliability, b.reliability)


def test_angles():
    d = np.arange(0, 360, 30)
    means = np.exp(4 * (np.cos(np.deg2rad(d - 100)) - 1))[:, None]
    ds = image_selectivity(recorded(means, noise=0.01, direction_deg=d), property="direction_deg", seed=0)
    assert abs(ds.preferred_direction_deg.item() - 100) < 2
    assert ds.dsi.item() > 0.9


def test_model_units():
    images = make_stimuli(np.random.default_rng(0).random((6, 1, 8, 8)))
    r = nd.simulate(ConvNetwork(), images, nd.Schedule.steps(stimulus=5), nd.Record(layers="V2", space="center"))
    ds = image_selectivity(r, seed=0)
    assert ds.sizes["neuroid"] + ds.sizes["silent_neuroid"] == 4
    assert "p_value" not in ds  # no repeats


@pytest.mark.parametrize(
    ("make", "kind", "says"),
    [
        (lambda: image_selectivity(recorded(np.ones((1, 2))), seed=0), ConfigError, "at least two"),
        (lambda: image_selectivity(recorded(np.ones((3, 2))), property="size", seed=0), ConfigError, "one of"),
        (lambda: image_selectivity(recorded(np.full((3, 2), np.nan)), seed=0), SchemaError, "NaN"),
    ],
)
def test_bad_input(make, kind, says):
    with pytest.raises(kind, match=says):
        make()
