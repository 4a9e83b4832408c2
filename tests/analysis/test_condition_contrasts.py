"""Contrasts between conditions trained several times: known differences, missing runs, false alarms."""

import numpy as np
import pytest
import xarray as xr

from neurodyn.analysis import condition_contrasts
from neurodyn.errors import NeurodynError
from neurodyn.seeding import numpy_generator


def table(chances=(0.5, 0.7), n_seeds=6, n_items=400, n_steps=2, seed=0):
    generator = numpy_generator(seed, "table")
    difficulty = generator.normal(0, 0.15, n_items)
    p = np.clip(np.array(chances)[:, None, None] + difficulty + generator.normal(0, 0.01, (len(chances), n_seeds, 1)), 0, 1)
    right = (generator.random((n_steps, *p.shape)) < p).astype(np.int8)
    names = [f"c{i}" for i in range(len(chances))]
    return xr.Dataset(
        {"correct": (("condition", "seed", "presentation", "step"), np.moveaxis(right, 0, -1)), "n_parameters": ("condition", [10.0] * len(names))},
        {"condition": names, "seed": np.arange(n_seeds), "step": np.arange(n_steps)},
    )


def test_a_known_difference():
    data = table()
    found = condition_contrasts(data, contrasts={"second": ["c1", "c0"]}, seed=0)
    by_hand = data.correct[1, :, :, -1].mean() - data.correct[0, :, :, -1].mean()
    assert float(found.difference[0]) == pytest.approx(float(by_hand))
    assert float(found.difference_low[0]) < 0.2 < float(found.difference_high[0]) and float(found.p_value[0]) < 0.01
    np.testing.assert_allclose(found.accuracy, data.correct.mean(("seed", "presentation")))
    assert bool((found.accuracy_low <= found.accuracy).all()) and found.n_seeds.values.tolist() == [6, 6]


def test_false_alarms_are_rare():
    alarms = [
        float(condition_contrasts(table((0.5, 0.5), seed=s, n_items=150, n_steps=1), contrasts={"x": ["c0", "c1"]}, n_resamples=400, seed=0).p_value[0])
        for s in range(40)
    ]
    assert np.mean(np.array(alarms) < 0.05) <= 0.15  # 40 draws at 5 %: more than 6 has a probability of 0.3 %


def test_missing_seeds_and_steps_do_not_count():
    data = table()
    data.correct.values[1, 3:] = -1
    data.correct.values[:, :, :, 0] = -1
    found = condition_contrasts(data, contrasts={}, seed=0)
    assert found.n_seeds.values.tolist() == [6, 3] and bool(np.isnan(found.accuracy[:, 0]).all())
    assert float(found.accuracy[1, 1]) == pytest.approx(float(data.correct[1, :3, :, 1].mean()))


def test_the_order_of_the_items_does_not_matter_to_the_estimates():
    data = table()
    shuffled = data.isel(presentation=numpy_generator(0, "order").permutation(400))
    one, two = (condition_contrasts(d, contrasts={"x": ["c0", "c1"]}, seed=0) for d in (data, shuffled))
    np.testing.assert_allclose(one.difference, two.difference)


@pytest.mark.parametrize(
    ("change", "contrasts", "match"),
    [
        (lambda d: d.drop_vars("correct"), {}, "expected: `correct`"),
        (lambda d: d.assign(correct=d.correct * 3), {}, "right, wrong, or missing"),
        (lambda d: d, {"x": ["c0", "c9"]}, "did you mean"),
        (lambda d: d, {"x": ["c0"]}, "expected: two"),
    ],
)
def test_bad_input(change, contrasts, match):
    with pytest.raises(NeurodynError, match=match):
        condition_contrasts(change(table(n_items=20)), contrasts=contrasts, seed=0)
