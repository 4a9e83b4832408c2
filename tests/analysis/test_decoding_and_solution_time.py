import numpy as np
import pytest
import xarray as xr

from neurodyn.analysis import decoding, object_solution_time
from neurodyn.analysis.object_solution_time import image_dprime, solve
from neurodyn.errors import ConfigError, NumericsError, SchemaError
from neurodyn.numerics.linear_decoder import DECODERS, decode
from neurodyn.numerics.softmax_decoder import softmax_probabilities
from neurodyn.schema import make_recordings


def population(n=20, neurons=25, bins=6, onset=3, invariant=True, seed=0, noise=1.0):
    """Objects x positions x repetitions; the label appears in bin `onset`."""
    rng = np.random.default_rng(seed)
    code, place = rng.normal(size=(3, neurons)), rng.normal(size=(2, neurons))
    mixed = rng.normal(size=(3, 2, neurons))
    rows = [(o, p, r) for o in range(3) for p in range(2) for r in range(n)]
    values = noise * rng.normal(size=(len(rows), neurons, bins))
    for k, (o, p, _) in enumerate(rows):
        values[k, :, onset:] += (code[o] + place[p] if invariant else mixed[o, p])[:, None]
    return make_recordings(
        values,
        stimulus_id=[f"{o}@{p}" for o, p, _ in rows],
        neuroid_id=np.arange(neurons),
        time_bins_ms=[(25 * k, 25 * k + 25) for k in range(bins)],
        presentation={"object": [f"object{o}" for o, _, _ in rows], "position": [p for _, p, _ in rows], "repetition": [r for _, _, r in rows]},
    )


@pytest.mark.parametrize("decoder", sorted(DECODERS))
def test_latency_and_accuracy(decoder):
    out = decoding(population(), label="object", decoder=decoder, folds=3, n_shuffles=2, seed=0)
    assert float(out.latency_ms) == 75
    assert (out.accuracy[3:] > 0.85).all()
    assert (abs(out.accuracy[:3] - 1 / 3) < 0.15).all()
    assert abs(float(out.chance.mean()) - 1 / 3) < 0.05
    assert (out.accuracy_low <= out.accuracy).all()


def test_position_generalisation_tells_invariant_from_mixed_codes():
    yes = decoding(population(), label="object", across="position", n_shuffles=0, seed=0)
    no = decoding(population(invariant=False), label="object", across="position", n_shuffles=0, seed=0)
    assert (yes.other[3:] > 0.75).all()
    assert (no.same[3:] > 0.75).all()
    assert (no.other[3:] < 0.7).all()
    assert yes.transfer.dims == ("train_at", "test_at", "time_bin")


def test_intervals_of_generalisation_hold_their_means():
    out = decoding(population(noise=3.0), label="object", across="position", n_shuffles=0, seed=0)
    same = np.eye(2, dtype=bool)
    np.testing.assert_allclose(out.same, out.transfer.values[same].mean(axis=0), atol=1e-12)  # as many presentations at each place
    np.testing.assert_allclose(out.other, out.transfer.values[~same].mean(axis=0), atol=1e-12)
    for name in ("same", "other"):
        assert (out[f"{name}_low"] < out[name]).all()
        assert (out[name] < out[f"{name}_high"]).all()
        width = float((out[f"{name}_high"] - out[f"{name}_low"])[0])
        assert width == pytest.approx(2 * 1.96 * np.sqrt(2 / 9 / 120), rel=0.2)  # chance before onset, 120 presentations


def test_activity_that_tells_nothing_is_at_chance_and_not_below():
    rng = np.random.default_rng(0)
    image = np.repeat(np.arange(42), 2)  # each image twice, at two places
    object_of = rng.permutation(np.arange(42) % 3)
    labels = {"object": [f"object{o}" for o in object_of[image]], "position": np.tile([0, 1], 42), "image": image}
    recorded = make_recordings(
        np.concatenate([np.ones((84, 10, 1)), rng.normal(size=(84, 10, 1))], axis=2),
        stimulus_id=np.arange(84),
        neuroid_id=np.arange(10),
        time_bins_ms=[(-10, 0), (0, 10)],
        presentation=labels,
    )
    out = decoding(recorded, label="object", across="position", groups="image", folds=4, n_shuffles=0, seed=0)
    assert float(out.same[0]) == float(out.other[0]) == pytest.approx(1 / 3)
    assert float(out.accuracy[0]) == pytest.approx(1 / 3)


def test_temporal_generalisation_of_a_steady_code():
    out = decoding(population(), label="object", over_time=True, n_shuffles=0, seed=0)
    assert (out.temporal[3:, 3:] > 0.75).all()
    np.testing.assert_allclose(np.diag(out.temporal), out.accuracy, atol=1e-12)
    assert float(out.temporal[4, 0]) < 0.6


def test_groups_keep_copies_of_a_stimulus_on_one_side():
    rng = np.random.default_rng(0)
    picture = np.repeat(np.arange(24), 6)  # 24 pictures shown six times; activity knows the picture, not its class
    values = (rng.normal(size=(24, 30))[picture] + 0.1 * rng.normal(size=(144, 30)))[:, :, None]
    labels = {"object": (picture % 3).astype(str), "repetition": np.tile(np.arange(6), 24)}
    recorded = make_recordings(values, stimulus_id=picture.astype(str), neuroid_id=np.arange(30), time_bins_ms=[(0, 25)], presentation=labels)
    leaky = decoding(recorded, label="object", folds=4, n_shuffles=2, seed=0)
    honest = decoding(recorded, label="object", folds=4, groups="stimulus_id", n_shuffles=2, seed=0)
    assert leaky.accuracy.item() > 0.9
    assert honest.accuracy.item() < 0.6
    assert (honest.accuracy_high - honest.accuracy_low).item() > 2 * (leaky.accuracy_high - leaky.accuracy_low).item()
    assert honest.attrs["groups"] == "stimulus_id"
    with pytest.raises(SchemaError, match="trains on none of"):
        decoding(recorded, label="object", folds=2, groups="object", n_shuffles=0, seed=0)


def test_perfect_decoding_keeps_an_interval():
    out = decoding(population(noise=0.01), label="object", folds=3, n_shuffles=0, seed=0)
    assert (out.accuracy[3:] == 1).all()
    assert (out.accuracy_low[3:] < 1).all()


def test_order_of_rows_is_no_matter_for_what_is_learnt():
    a = population(noise=0.01)
    b = a[np.random.default_rng(0).permutation(len(a))]
    assert (decoding(b, label="object", n_shuffles=0, seed=0).accuracy[3:] == 1).all()


def test_dprime_by_hand_and_solution_by_hand():
    p = np.array([[0.8, 0.1, 0.1], [0.3, 0.6, 0.1], [0.2, 0.2, 0.6]])
    from scipy.stats import norm

    miss = lambda i, d, g: p[i, d] / (p[i, d] + p[i, g])  # noqa: E731
    want = np.mean([norm.ppf(1 - miss(0, d, 0)) - norm.ppf(miss(d, 0, d)) for d in (1, 2)])
    assert image_dprime(p, np.array([0, 1, 2]))[0] == pytest.approx(want)
    assert image_dprime(np.eye(2), np.array([0, 1])).tolist() == [5, 5]
    # the earlier bin with the largest value below the threshold is not the bin before
    assert solve(np.array([[1.0, 0.0, 3.0]]), np.array([2.0]), np.array([70.0, 80.0, 90.0]))[0] == 80


def test_softmax_is_a_classifier():
    rng = np.random.default_rng(0)
    labels = np.arange(300) % 3
    X = rng.normal(size=(300, 10)) + 2 * np.eye(3, 10)[labels]
    p = softmax_probabilities(X[:200], labels[:200], X[200:], 3, learning_rate=1e-2, max_epochs=20, decay=1e-3, seed=0)
    np.testing.assert_allclose(p.sum(axis=1), 1, atol=1e-5)
    assert (p.argmax(1) == labels[200:]).mean() > 0.8


def test_solution_times_order_images_by_difficulty():
    rng = np.random.default_rng(0)
    n, neurons, bins = 120, 20, 6
    labels = np.arange(n) % 3
    delay = rng.integers(0, 4, size=n)
    code = 3 * rng.normal(size=(3, neurons))
    values = 0.3 * rng.normal(size=(n, neurons, bins))
    for t in range(bins):
        values[:, :, t] += code[labels] * np.clip((t - delay) / 2, 0, 1)[:, None]
    responses = make_recordings(
        values,
        stimulus_id=np.arange(n),
        neuroid_id=np.arange(neurons),
        time_bins_ms=[(70 + 10 * k, 80 + 10 * k) for k in range(bins)],
        presentation={"label": labels},
    )
    ids = {"coords": {"stimulus_id": ("presentation", np.arange(n))}, "dims": "presentation"}
    threshold = xr.DataArray(np.full(n, 1.0), **ids)
    brain = xr.DataArray(70.0 + 10 * delay + rng.normal(size=n), **ids)
    out = object_solution_time(responses, threshold, solved_ms=brain, n_splits=2, test_size=0.5, learning_rate=2e-2, max_epochs=25, seed=0)
    assert float(out.solved) > 0.5
    assert float(out.consistency.mean()) > 0.5
    with pytest.raises(ConfigError, match="static model"):
        object_solution_time(responses * 0 + 1, threshold, seed=0)
    with pytest.raises(SchemaError, match="lacks 5 of 120 images"):
        object_solution_time(responses, threshold[:-5], seed=0)
    with pytest.raises(SchemaError, match="fix: Record"):
        object_solution_time(responses.drop_vars(["time_bin_start", "time_bin_end"]).assign_coords(step=("time_bin", np.arange(bins))), threshold, seed=0)


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda p: decoding(p, label="objekt", seed=0), ConfigError, "did you mean `object`"),
        (lambda p: decoding(p, label="object", decoder="svn", seed=0), ConfigError, "did you mean `svm`"),
        (lambda p: decoding(p[:20], label="object", seed=0), SchemaError, "2 or more classes"),
        (lambda p: decoding(p, label="object", folds=90, seed=0), NumericsError, "expected"),
        (lambda p: decoding(p.where(p.neuroid_id != 3), label="object", seed=0), SchemaError, "first: 3"),
        (lambda p: decoding(p[:, :, 0], label="object", seed=0), SchemaError, "dims"),
        (lambda p: decode(np.zeros((3, 2)), np.zeros(3, int), np.zeros((1, 2))), NumericsError, "at least 2"),
    ],
)
def test_bad_input(call, error, match):
    with pytest.raises(error, match=match):
        call(population())


def test_splits_without_a_distractor_do_not_count():
    responses = population(n=1, noise=0.01)  # six images; each split holds out one, which has no distractor beside it
    responses = responses.assign_coords(stimulus_id=("presentation", [f"i{k}" for k in range(6)]))
    threshold = xr.DataArray(np.zeros(6), dims="presentation", coords={"stimulus_id": ("presentation", responses.stimulus_id.values)})
    out = object_solution_time(responses, threshold, label="object", n_splits=8, test_size=1 / 6, max_epochs=2, seed=0)
    assert np.isnan(out.dprime).all()  # not 0
    assert np.isnan(out.solved)
