"""Dimension, information, streams, stability and co-adaptation on activity whose answer is known."""

import numpy as np
import pytest

from neurodyn.analysis import coadaptation, dimensionality, object_information, stream_partition, temporal_generalisation, temporal_stability
from neurodyn.errors import ConfigError, NumericsError, SchemaError
from neurodyn.schema import make_responses

LABELS = np.arange(120) % 3


def responses(values, ids=None):
    values = values[..., None] if values.ndim == 2 else values
    n, units, steps = values.shape
    return make_responses(
        values,
        stimulus_coords={"stimulus_id": np.array([f"s{i}" for i in range(n)]) if ids is None else ids},
        neuroid_coords={"neuroid_id": np.arange(units)},
        step=np.arange(steps),
        dt_ms=None,
    )


def noise(units=12, seed=0, n=120):
    return np.random.default_rng(seed).normal(size=(n, units))


def coded(gap=3.0, units=12, seed=0):
    """Classes on orthogonal axes, and noise."""
    x = noise(units, seed)
    x[np.arange(120), LABELS] += gap
    return x


# --- dimensionality ---


def test_dimension_of_noise_of_a_line_and_within_classes():
    line = np.outer(noise(1)[:, 0], np.ones(12))
    found = dimensionality(responses(np.stack([noise(), line], axis=2)), LABELS, seed=0)
    assert 10 < float(found.participation_ratio[0]) < 12 and float(found.participation_ratio[1]) == pytest.approx(1)
    assert float(found.participation_ratio_shuffled[1]) > 9  # shuffling a unit over images takes the line away
    separated = dimensionality(responses(coded(30.0)), LABELS, seed=0)
    assert float(separated.participation_ratio[0]) < 3 < 8 < float(separated.participation_ratio_within[0])
    assert float(separated.participation_ratio_between[0]) == pytest.approx(2, abs=0.05)  # three means span a plane
    assert found.eigenvalue.sum("component").values == pytest.approx([1, 1])


def test_matched_counts_are_drawn_and_silence_is_nan():
    x = noise()
    x[:, 4:] = 0
    found = dimensionality(responses(np.stack([x, 0 * x], axis=2)), n_units=6, n_images=50, seed=1)
    assert found.attrs == {"n_images": 50, "n_units": 6} and np.isnan(found.participation_ratio[1]) and float(found.share_silent[1]) == 1


@pytest.mark.parametrize(("options", "error", "message"), [({"n_units": 13}, ConfigError, "2 to 12"), ({"labels": [0]}, SchemaError, "one a presentation")])
def test_dimensionality_refuses(options, error, message):
    with pytest.raises(error, match=message):
        dimensionality(responses(noise()), seed=0, **options)


# --- object information ---


def test_information_grows_with_separation_and_is_bounded_by_the_classes():
    nothing, some, all_ = (object_information(responses(coded(g)), LABELS, n_components=[2, 8], seed=0) for g in (0.0, 2.0, 20.0))
    assert float(nothing.best_information[0]) < 0.1 < float(some.best_information[0]) < float(all_.best_information[0]) <= np.log2(3) + 1e-9
    assert float(all_.accuracy[0, 0]) == 1.0 and float(all_.best_information[0]) == pytest.approx(np.log2(3), abs=0.01)
    assert 0.15 < float(nothing.accuracy[0, 1]) < 0.5  # chance is 1 / 3, sd 0.04: no leakage
    assert float(all_.efficiency[0]) == pytest.approx(float(all_.best_information[0]) / 2.0, rel=0.1)  # the means span 2 dimensions


def test_a_decoder_does_not_read_a_code_that_was_permuted():
    clean = responses(coded(8.0))
    same, other = (object_information(clean, LABELS, other=responses(x), n_components=[4], seed=0) for x in (coded(8.0), coded(8.0)[:, ::-1].copy()))
    assert float(same.accuracy[0, 0]) > 0.95 and float(other.accuracy[0, 0]) < 0.7 and other.attrs["transfer"] == 1


def test_information_refuses_other_images_and_unordered_components():
    with pytest.raises(SchemaError, match="first: s0, s1"):
        object_information(responses(coded()), LABELS, other=responses(coded(), ids=np.array([f"t{i}" for i in range(120)])), seed=0)
    with pytest.raises(ConfigError, match="ascending"):
        object_information(responses(coded()), LABELS, n_components=[4, 2], seed=0)
    with pytest.raises(SchemaError, match="labels"):
        object_information(responses(coded()), LABELS[:3], seed=0)
    with pytest.raises(NumericsError, match="folds"):
        object_information(responses(coded()), np.arange(120), seed=0)


# --- temporal generalisation and stability ---


def test_a_code_that_stands_still_generalises_and_one_that_moves_does_not():
    still = responses(np.stack([coded(6.0, seed=s) for s in (0, 1)], axis=2))
    moved = responses(np.stack([coded(6.0), np.roll(coded(6.0, seed=1), 5, axis=1)], axis=2))
    a, b = (temporal_generalisation(r, LABELS, n_components=6, seed=0) for r in (still, moved))
    assert float(a.generalisation) > 0.9 and float(b.generalisation) < 0.5
    assert a.accuracy.dims == ("train_bin", "test_bin") and a.attrs["chance"] == pytest.approx(1 / 3)
    with pytest.raises(SchemaError, match="labels"):
        temporal_generalisation(still, LABELS[:2], seed=0)


def test_stability_of_scaling_rotation_and_renewal():
    x = noise(200)
    mixed = np.stack([x, 1.5 * x, noise(200, seed=9)], axis=2)
    found = temporal_stability(responses(mixed))
    assert found.step_change.values[0] == pytest.approx(0.5) and found.step_change.values[1] > 0.9
    assert found.pattern_correlation.values == pytest.approx([1, 0], abs=0.05)
    assert found.geometry_correlation.values == pytest.approx([1, 0], abs=0.1)
    silent = temporal_stability(responses(np.stack([0 * x, x], axis=2)))
    assert np.isnan(silent.pattern_correlation[0]) and np.isnan(silent.geometry_correlation[0])
    with pytest.raises(SchemaError, match="2 bins"):
        temporal_stability(responses(x))


# --- stream partition ---


def test_unique_shares_follow_what_was_mixed():
    u, d = noise(60, 1), noise(60, 2)
    only_u, both = (stream_partition(responses(t), responses(u), responses(d), seed=0) for t in (u, u + d))
    assert float(only_u.unique_bottom_up[0]) > 0.95 and float(only_u.unique_top_down[0]) < 0.001
    assert float(both.unique_top_down[0]) > 0.15 > 10 * float(both.unique_top_down_chance[0])
    assert float(both.unique_top_down[0]) == pytest.approx(float(both.unique_bottom_up[0]), abs=0.1)


def test_identical_streams_share_everything_and_silent_ones_explain_nothing():
    u = noise(60, 1)
    same = stream_partition(responses(u), responses(u), responses(u), seed=0)
    assert float(same.unique_top_down[0]) == pytest.approx(0, abs=1e-9) and float(same.common[0]) == pytest.approx(1)
    silent = stream_partition(responses(u), responses(u), responses(0 * u), LABELS, seed=0)
    assert float(silent.unique_top_down[0]) == 0 and float(silent.total[0]) == pytest.approx(1) and float(silent.unique_category[0]) < 0.01


def test_the_category_model_takes_its_share():
    found = stream_partition(responses(coded(8.0)), responses(noise(12, 3)), responses(noise(12, 4)), LABELS, seed=0)
    assert float(found.unique_category[0]) > 0.5


def test_streams_of_other_images_or_times_are_refused():
    u = responses(noise())
    with pytest.raises(SchemaError, match="other presentations"):
        stream_partition(u, u[::-1], u, seed=0)
    with pytest.raises(SchemaError, match="time bins"):
        stream_partition(u, u, responses(np.stack([noise()] * 2, axis=2)), seed=0)
    with pytest.raises(ConfigError, match="n_shuffles"):
        stream_partition(u, u, u, n_shuffles=0, seed=0)


# --- co-adaptation ---


def test_copies_are_predictable_and_independent_units_are_not():
    base = noise(3, n=400)
    copies = np.repeat(base, 4, axis=1) + 0.05 * noise(12, 5, 400)
    labels = np.arange(400) % 2
    alike, free = coadaptation(responses(copies), labels, seed=0), coadaptation(responses(noise(12, n=400)), labels, penalty=0.01, seed=0)
    assert float(alike.predictability[0]) > 0.9 and float(free.predictability[0]) < 0.05
    assert float(alike.correlation[0]) == pytest.approx(18 / 66, abs=0.05)  # 3 x 6 of 66 pairs are copies
    assert float(alike.histogram.sum()) == pytest.approx(1)


def test_correlations_due_to_class_alone_vanish_within_classes():
    x = noise(12)
    x[:] += 10 * LABELS[:, None]
    found = coadaptation(responses(x), LABELS, seed=0)
    assert float(found.correlation[0]) > 0.9 > 0.2 > float(found.correlation_within[0])


def test_ridge_of_each_unit_on_the_rest_is_what_one_inverse_says():
    from sklearn.linear_model import Ridge

    from neurodyn.analysis.coadaptation import _predicted

    x = noise(6, n=80) @ np.random.default_rng(3).normal(size=(6, 6))
    train, test = x[:40], x[40:]
    a, b = ((v - train.mean(0)) / train.std(0) for v in (train, test))
    expected = []
    for i in range(6):
        rest = np.arange(6) != i
        guess = Ridge(alpha=0.1 * 40, fit_intercept=False).fit(a[:, rest], a[:, i]).predict(b[:, rest])
        expected.append(1 - ((b[:, i] - guess) ** 2).sum() / ((b[:, i] - b[:, i].mean()) ** 2).sum())
    np.testing.assert_allclose(_predicted(train, test, 0.1), expected, rtol=1e-8)


def test_silent_layers_and_bad_settings():
    silent = coadaptation(responses(np.zeros((120, 4))), LABELS, seed=0)
    assert np.isnan(silent.correlation[0]) and float(silent.share_active[0]) == 0
    for options, message in (({"penalty": 0.0}, "positive"), ({"n_units": 1}, "2 to 12")):
        with pytest.raises(ConfigError, match=message):
            coadaptation(responses(noise()), LABELS, seed=0, **options)
    with pytest.raises(SchemaError, match="labels"):
        coadaptation(responses(noise()), LABELS[:4], seed=0)
