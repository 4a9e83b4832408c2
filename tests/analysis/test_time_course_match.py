import numpy as np
import pytest

from neurodyn.analysis import dimensionality, time_course_match, trajectories
from neurodyn.errors import ConfigError, NeurodynWarning, SchemaError
from neurodyn.schema import make_recordings, make_responses

BINS = np.arange(0, 260, 10.0)


def course(latency, tau, last=100.0):
    t = BINS + 5
    rise = 1 - np.exp(-np.clip(t - latency, 0, last) / tau)
    return rise * np.exp(-np.clip(t - latency - last, 0, None) / tau)


def pair(latency=50.0, n=24, noise=0.05, seed=0):
    """A quick and a slow layer; regions that follow them later, and the recording's own noise."""
    rng = np.random.default_rng(seed)
    gain = rng.uniform(0.5, 2, size=(n, 5))
    layers = {"quick": course(0, 15), "slow": course(0, 60), "flat": np.ones(len(BINS))}
    X = np.concatenate([gain[:, :, None] * c for c in layers.values()], axis=1)
    Y = np.concatenate([gain[:, :3, None] * course(latency, tau) for tau in (15, 60)], axis=1)
    Y = np.repeat(Y, 2, axis=0) + noise * rng.normal(size=(2 * n, 6, len(BINS)))
    labels = {"neuroid_id": np.arange(15), "layer": np.repeat(list(layers), 5)}
    steps = {"step": np.arange(len(BINS)), "step_end": np.arange(len(BINS)) + 1, "dt_ms": 10.0}
    model = make_responses(X, stimulus_coords={"stimulus_id": np.arange(n).astype(str)}, neuroid_coords=labels, **steps)
    brain = make_recordings(
        Y,
        stimulus_id=np.repeat(np.arange(n), 2).astype(str),
        neuroid_id=np.arange(6),
        time_bins_ms=[(t, t + 10) for t in BINS],
        presentation={"repetition": np.tile([0, 1], n)},
        neuroid={"region": ["V4"] * 3 + ["IT"] * 3},
    )
    return model, brain


def match(*data, **options):
    with pytest.warns(NeurodynWarning, match="flat does not change"):
        return time_course_match(*data, **{"n_shuffles": 20, "seed": 0, **options})


@pytest.mark.parametrize("latency", [0.0, 30.0, 70.0])
def test_latency_and_matching_layer_are_recovered(latency):
    out = match(*pair(latency))
    best = out.median_similarity.sel(layer=["quick", "slow"])
    assert best.idxmax("layer").values.tolist() == ["quick", "slow"]  # of V4 and IT
    for layer, region in (("quick", "V4"), ("slow", "IT")):
        one = out.sel(layer=layer, region=region)
        assert abs(float(one.latency_ms) - latency) <= 10  # one bin
        assert float(one.median_similarity) > 0.95
        assert float(one.p_value) == pytest.approx(1 / 21)  # none of 20 surrogates matches as well
    assert np.isnan(out.similarity.sel(layer="flat")).all()


def test_unrelated_smooth_courses_are_rarely_called_a_match():
    """Every image shares one smooth course: a test over images would call most of these a match."""
    rng, small = np.random.default_rng(0), []
    bins = {"step": np.arange(24), "step_end": np.arange(24) + 1, "dt_ms": 10.0}
    for _ in range(20):
        model, brain = (np.cumsum(rng.standard_normal(24)) + 0.1 * rng.standard_normal((20, 1, 24)) for _ in range(2))
        seen = make_responses(model, stimulus_coords={"stimulus_id": np.arange(20)}, neuroid_coords={"neuroid_id": ["a"], "layer": ["V4"]}, **bins)
        recorded = make_recordings(brain, stimulus_id=np.arange(20), neuroid_id=["n"], time_bins_ms=[(10 * k, 10 * k + 10) for k in range(24)])
        small.append(time_course_match(seen, recorded, n_shuffles=99, seed=0).p_value.item() <= 0.05)
    assert sum(small) <= 4  # 1 in 20 expected: P(more than 4 of 20) is 0.3 %


def test_shuffled_bins_have_no_course():
    out = match(*pair(), n_shuffles=100)
    assert (abs(out.median_shuffled.sel(layer=["quick", "slow"])) < 0.1).all()
    one = out.sel(layer="slow", region="IT")
    np.testing.assert_allclose(one.brain_course.max(), 1)


def test_similarity_by_hand_without_delays():
    model, brain = pair(0.0)
    out = match(model, brain, latencies_ms=[0.0], n_shuffles=0)
    means = brain.values.reshape(24, 2, 6, -1).mean(axis=1)
    for k in range(3):
        want = np.corrcoef(model.values[k, :5].mean(axis=0), means[k, :3].mean(axis=0))[0, 1]
        assert float(out.similarity.sel(layer="quick", region="V4")[k]) == pytest.approx(want, abs=1e-6)
    assert np.isnan(out.shuffled).all()


def test_order_of_rows_and_scale_are_no_matter():
    model, brain = pair()
    order = np.random.default_rng(1).permutation(len(brain))
    a, b = match(model, brain), match(3 * model[::-1] + 7, brain)
    np.testing.assert_allclose(a.similarity, b.similarity, atol=1e-6)
    c = match(model, brain[order]).sel(layer="quick", region="V4")
    assert float(c.median_similarity) == pytest.approx(float(a.median_similarity.sel(layer="quick", region="V4")), abs=0.02)


@pytest.mark.parametrize(
    ("change", "options", "error", "text"),
    [
        (lambda m, b: (m.drop_vars(["time_bin_start", "time_bin_end"]), b), {}, SchemaError, "dt_ms"),
        (lambda m, b: (m[:-2], b), {}, SchemaError, "lacks 2 of 24"),
        (lambda m, b: (m, b[:, :, ::2].assign_coords(time_bin_end=("time_bin", BINS[::2] + 20))), {}, SchemaError, "fix: simulate"),
        (lambda m, b: (m, b), {"latencies_ms": [3.0]}, ConfigError, "multiples of the bin"),
        (lambda m, b: (m, b), {"folds": 99}, ConfigError, "2 to 24 folds"),
    ],
)
def test_bad_input(change, options, error, text):
    with pytest.raises(error, match=text):
        time_course_match(*change(*pair()), seed=0, **options)


def test_means_over_repeats_are_what_is_followed():
    _, brain = pair(noise=3.0)
    brain = brain.assign_coords(object=("presentation", np.repeat(np.arange(24) % 3, 2)))
    path = trajectories(brain, n_components=2, average_repeats=True)
    assert path.sizes["presentation"] == 24
    assert "repetition" not in path.coords
    assert path.object.values.tolist() == (np.arange(24) % 3).tolist()
    means = brain.isel(presentation=slice(None, None, 2)).copy(data=brain.values.reshape(24, 2, 6, -1).mean(axis=1)).drop_vars("repetition")
    np.testing.assert_allclose(path.score, trajectories(means, n_components=2).score, atol=1e-9)
    one, two = dimensionality(brain, average_repeats=True, seed=0), dimensionality(means, seed=0)
    np.testing.assert_allclose(one.participation_ratio, two.participation_ratio)
    assert float(one.participation_ratio.mean()) < float(dimensionality(brain, seed=0).participation_ratio.mean())
    with pytest.raises(ConfigError, match="both given"):
        dimensionality(brain, labels=np.zeros(48, int), average_repeats=True, seed=0)
