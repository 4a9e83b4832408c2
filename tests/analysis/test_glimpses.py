"""Where a glimpse model looks, what its weights mean, when it stops, and what it owes to its inputs."""

import warnings

import numpy as np
import pytest
import torch

import neurodyn as nd
from neurodyn.analysis import early_stopping, fixation_statistics, glimpse_controls, glimpse_weights
from neurodyn.analysis.glimpse_weights import auroc
from neurodyn.errors import ConfigError, ModelError, SchemaError
from neurodyn.experiment.cluttered_images import cluttered_images
from neurodyn.schema import make_responses
from neurodyn.testing.systems import linear_network

TINY = {"image_size": 32, "glimpse_size": 8, "n_scales": 2, "widths": (4, 4), "context_width": 4, "hidden": 8, "head": 8, "n_steps": 3, "in_channels": 1}


def responses(layers, **coords):
    """Responses from name -> (presentation, neuroid, time_bin)."""
    names = [name for name, v in layers.items() for _ in range(v.shape[1])]
    values = np.concatenate(list(layers.values()), axis=1).astype(np.float32)
    ids = {"stimulus_id": [f"s{k}" for k in range(len(values))], **coords}
    return make_responses(
        values,
        stimulus_coords=ids,
        neuroid_coords={"neuroid_id": [f"{n}.{k}" for k, n in enumerate(names)], "layer": names},
        step=np.arange(values.shape[2]),
        dt_ms=None,
    )


def boxes(n, row, column, size):
    return {"target_row": np.full(n, row), "target_column": np.full(n, column), "target_size": np.full(n, size), "label": np.arange(n) % 2}


class TestFixationStatistics:
    def test_a_model_that_looks_at_its_target(self):
        """Targets at two places; every gaze at the middle of its own: all hit, half by chance where the other target is elsewhere."""
        n = 40
        column = np.where(np.arange(n) % 2, 4.0, 24.0)
        gaze = np.stack([(column + 4) / 40 * 2 - 1, np.full(n, (10 + 4) / 40 * 2 - 1)], 1)
        r = responses({"fixation": np.repeat(gaze[:, :, None], 3, 2)}, **{**boxes(n, 10.0, 0.0, 8.0), "target_column": column})
        found = fixation_statistics(r, image_size=40, seed=0)
        np.testing.assert_allclose(found.hit_rate, 1)
        np.testing.assert_allclose(found.chance_rate, (n / 2 - 1) / (n - 1))
        np.testing.assert_allclose(found.distance, 0, atol=1e-4)
        np.testing.assert_allclose(found.amplitude, 0, atol=1e-5)
        assert np.isnan(found.turning_deg).all()
        assert float(found.return_share) == 1
        assert float(found.within_class) == pytest.approx(0, abs=1e-4)
        assert float(found.between_class) == pytest.approx(20, abs=1e-4)

    def test_a_square_walk_turns_by_right_angles(self):
        corners = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]])
        r = responses({"fixation": np.repeat(corners.T[None], 4, 0)}, **boxes(4, 0.0, 0.0, 4.0))
        found = fixation_statistics(r, image_size=40, seed=0)
        np.testing.assert_allclose(found.amplitude, 20, rtol=1e-5)
        np.testing.assert_allclose(found.turning_deg, 90, rtol=1e-4)
        assert float(found.return_share) == 0
        assert float(found.density.sum()) == pytest.approx(1)

    def test_random_gazes_do_not_beat_chance(self):
        rng = np.random.default_rng(0)
        r = responses({"fixation": rng.uniform(-1, 1, (200, 2, 4))}, **{**boxes(200, 0.0, 0.0, 20.0), "target_row": rng.uniform(0, 20, 200)})
        found = fixation_statistics(r, image_size=40, margin=0.0, seed=0)
        assert (found.gain_low < 0.02).all() and (found.gain_high > -0.02).all()
        np.testing.assert_allclose(found.chance_rate, 0.25, atol=0.05)

    @pytest.mark.parametrize(
        ("gaze", "kwargs", "error", "message"),
        [
            (np.zeros((4, 3, 2)), {}, SchemaError, "3 neuroids"),
            (np.full((4, 2, 2), 1.5), {}, SchemaError, "inside the image"),
            (np.zeros((4, 2, 2)), {"margin": 0.5}, ConfigError, "no target"),
        ],
    )
    def test_bad_input(self, gaze, kwargs, error, message):
        with pytest.raises(error, match=message):
            fixation_statistics(responses({"fixation": gaze}, **boxes(4, 0.0, 0.0, 4.0)), image_size=40, seed=0, **kwargs)

    def test_targets_are_required(self):
        with pytest.raises(SchemaError, match="target_row"):
            fixation_statistics(responses({"fixation": np.zeros((2, 2, 2))}), image_size=40, seed=0)


def answers(n=300, n_steps=3, seed=0):
    """Weights that know which glimpses are right, with logits to match; the uniform mean is wrong where a bad glimpse is loud."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, n)
    good = rng.random((n, n_steps)) < 0.7
    said = np.where(good, labels[:, None], 1 - labels[:, None])
    logits = np.stack([np.where(said == c, 2.0, 0.0) for c in (0, 1)], 1) + 0.1 * rng.standard_normal((n, 2, n_steps))
    weight = np.where(good, 0.9, 0.1) + 0.01 * rng.standard_normal((n, n_steps))
    weight[:, 0] = 1
    readout = (weight[:, None] * logits).cumsum(2) / weight[:, None].cumsum(2)
    return responses({"weight": weight[:, None], "logits": logits, "readout": readout}), labels, weight, good


class TestGlimpseWeights:
    def test_weights_that_know_are_found_out(self):
        r, labels, _, good = answers()
        found = glimpse_weights(r, labels, n_resamples=50, seed=0)
        np.testing.assert_allclose(found.accuracy.sel(answer="single"), good.mean(0), atol=1e-6)
        assert (found.auroc.sel(score="weight")[1:] > 0.99).all()
        assert np.isnan(found.auroc.sel(score="weight")[0])  # the first weight is always one
        assert (found.weighting_gain_low[1:] > 0).all()
        assert (found.rho.sel(property="label")[1:] > 0.5).all()
        assert (found.low <= found.accuracy).all() and (found.accuracy <= found.high).all()

    def test_auroc_of_scikit_learn(self):
        from sklearn.metrics import roc_auc_score

        rng = np.random.default_rng(0)
        score, positive = rng.integers(0, 5, (60, 2)).astype(float), rng.integers(0, 2, (60, 2)).astype(float)
        np.testing.assert_allclose(auroc(score, positive), [roc_auc_score(positive[:, k], score[:, k]) for k in range(2)])

    def test_bad_input(self):
        r, labels, *_ = answers(n=8)
        with pytest.raises(SchemaError, match="no layer `sigma`"):
            glimpse_weights(r, labels, weight="sigma", seed=0)
        with pytest.raises(SchemaError, match="labels"):
            glimpse_weights(r, labels + 2, seed=0)


class TestEarlyStopping:
    def test_the_papers_rule_by_hand(self):
        """Weights below 0.5 at glimpses 2 and 3: the rule fires at the third."""
        weight = np.array([[1.0, 0.4, 0.3, 0.9], [1.0, 0.9, 0.4, 0.3], [1.0, 0.4, 0.9, 0.4]])
        logits = np.zeros((3, 2, 4))
        logits[:, 0] = 1
        found = early_stopping(responses({"weight": weight[:, None], "readout": logits}), [0, 0, 1], n_thresholds=3, seed=0)
        assert float(found.glimpses.sel(rule="weight", threshold=0.5)) == pytest.approx((3 + 4 + 4) / 3)
        assert float(found.stopped.sel(rule="weight", threshold=0.5)) == pytest.approx(1 / 3)
        assert found.glimpses.sel(rule="fixed").values.tolist() == [1, 2, 4]
        assert float(found.full_accuracy) == pytest.approx(2 / 3)

    def test_threshold_zero_never_stops(self):
        r, labels, *_ = answers()
        found = early_stopping(r, labels, seed=0)
        assert float(found.stopped.sel(rule="weight", threshold=0)) == 0
        assert float(found.accuracy.sel(rule="weight", threshold=0)) == float(found.full_accuracy)

    def test_certain_answers_leave_a_threshold_that_never_fires(self):
        """A saturated softmax is certain, and wrong, at the first glimpse."""
        logits = np.zeros((4, 2, 3))
        logits[:, 0, 0], logits[:, 1, 1:] = 1000.0, 1000.0
        found = early_stopping(responses({"weight": np.ones((4, 1, 3)), "readout": logits}), [1] * 4, seed=0)
        assert float(found.chosen.sel(rule="confidence")) == 1.0
        assert float(found.chosen_accuracy.sel(rule="confidence")) == float(found.full_accuracy) == 1.0

    def test_confidence_agrees_with_speed_accuracy(self):
        from neurodyn.analysis import speed_accuracy

        r, labels, *_ = answers()
        found = early_stopping(r, labels, n_thresholds=11, seed=0)
        other = speed_accuracy(r.isel(neuroid=r.layer.values == "readout"), labels, thresholds=[0.6, 0.8])
        np.testing.assert_allclose(found.glimpses.sel(rule="confidence").values[[6, 8]], other.stop_time)
        np.testing.assert_allclose(found.accuracy.sel(rule="confidence").values[[6, 8]], other.stop_accuracy)

    def test_calibration_keeps_the_tolerance_and_carries_over(self):
        r, labels, *_ = answers()
        first = early_stopping(r, labels, tolerance=0.02, macs_before=10, macs_glimpse=5, seed=0)
        assert (first.chosen_loss <= 0.02 + 1e-9).all()
        np.testing.assert_allclose(first.chosen_macs, 10 + 5 * first.chosen_glimpses)
        r2, labels2, *_ = answers(seed=1)
        second = early_stopping(r2, labels2, calibration=first.chosen, seed=0)
        np.testing.assert_allclose(second.chosen, first.chosen)

    @pytest.mark.parametrize(("weights", "message"), [([1.0, 1.0, 1.0], "never fires"), ([1.0, 0.1, 0.1, 0.1], "fires on every image")])
    def test_a_rule_that_never_or_always_fires_is_reported(self, weights, message):
        n, steps = 6, len(weights)
        logits = np.zeros((n, 2, steps))
        logits[:, 0] = 1
        r = responses({"weight": np.tile(weights, (n, 1))[:, None], "readout": logits})
        with pytest.warns(UserWarning, match=message):
            found = early_stopping(r, [0] * n, seed=0)
        assert float(found.chosen_stopped.sel(rule="weight")) == (0 if "never" in message else 1)

    def test_bad_input(self):
        r, labels, *_ = answers(n=8)
        with pytest.raises(ConfigError, match="tolerance"):
            early_stopping(r, labels, tolerance=1.5, seed=0)
        with pytest.raises(SchemaError, match="`weights` has 0"):
            early_stopping(r, labels, weight="weights", seed=0)


@pytest.fixture(scope="module")
def canvases():
    return cluttered_images("digits", n=12, canvas=16, image_size=32, distractor_size=3)


class TestGlimpseControls:
    def test_own_scanpaths_are_those_of_a_simulation(self, canvases):
        model = nd.build("gdram", seed=0, **TINY)
        found = glimpse_controls(model, canvases, conditions={"own": {}}, seed=0, batch_size=5)
        r = nd.simulate(model, canvases, record=nd.Record(layers=("fixation", "readout")))
        np.testing.assert_allclose(found.fixation[0].values.transpose(0, 2, 1), r.values[:, r.layer.values == "fixation"], atol=1e-5)
        said = r.values[:, r.layer.values == "readout"].argmax(1)
        np.testing.assert_array_equal(found.correct[0], said == canvases.label.values[:, None])

    def test_other_scanpaths(self, canvases):
        paths = {"own": {}, "shuffled": {"fixations": "shuffled"}, "centre": {"fixations": "centre"}, "random": {"fixations": "random"}}
        found = glimpse_controls(nd.build("gdram", seed=0, **TINY), canvases, conditions=paths, extent=0.75, seed=0)
        own, shuffled = found.fixation.sel(path="own").values, found.fixation.sel(path="shuffled").values
        assert sorted(map(tuple, own.reshape(12, -1))) == sorted(map(tuple, shuffled.reshape(12, -1)))  # the same scanpaths
        assert all((a != b).any() for a, b in zip(own, shuffled, strict=True))  # but none of its own
        assert (found.fixation.sel(path="centre") == 0).all()
        assert float(np.abs(found.fixation.sel(path="random")).max()) <= 0.75

    def test_silenced_held_and_swapped_inputs(self, canvases):
        """With every scale silent the first answer is the same for every image; holding both cores makes every answer so."""
        model = nd.build("gdram", seed=0, **TINY)
        everything = {"silence": ["scale.0", "scale.1"], "fixations": "centre"}
        found = glimpse_controls(model, canvases, conditions={"blind": everything, "swapped": {"swap": ["context"]}, "own": {}}, seed=0)
        hits = found.correct.sel(path="blind").values.mean()
        assert hits in {float((canvases.label.values == c).mean()) for c in range(10)}
        assert (found.fixation.sel(path="swapped").values[:, 0] != found.fixation.sel(path="own").values[:, 0]).any()

    @pytest.mark.parametrize(
        ("condition", "message"),
        [
            ({"fixation": "own"}, "did you mean `fixations`"),
            ({"fixations": "center"}, "did you mean `centre`"),
            ({"silence": ["scale.7"]}, "scale.7"),
            ({"hold": ["locations"]}, "did you mean `location`"),
        ],
    )
    def test_bad_conditions(self, canvases, condition, message):
        with pytest.raises(ConfigError, match=message):
            glimpse_controls(nd.build("gdram", seed=0, **TINY), canvases, conditions={"x": condition}, seed=0)

    def test_random_fixations_stay_inside_the_image(self, canvases):
        with pytest.raises(ConfigError, match="leave the image"):
            glimpse_controls(nd.build("gdram", seed=0, **TINY), canvases, conditions={"own": {}}, extent=1.5, seed=0)

    def test_a_model_without_a_gaze(self, canvases):
        with pytest.raises((ModelError, RuntimeError)):
            glimpse_controls(linear_network([0.5]), canvases[..., :1, :1], conditions={"own": {}}, seed=0)

    def test_one_image_has_no_other(self, canvases):
        with pytest.raises(SchemaError, match="no other"):
            glimpse_controls(nd.build("gdram", seed=0, **TINY), canvases[:1], conditions={"s": {"fixations": "shuffled"}}, seed=0)


def test_calibrated_fast_model_stops_where_the_analysis_says(canvases):
    """`finished` with the threshold of the analysis freezes each image at the glimpse that the analysis counts."""
    full = nd.build("gdram", seed=0, **{**TINY, "n_steps": 5})
    with torch.no_grad():
        full.policy_spread.weight.mul_(200)
        full.policy_spread.bias.zero_()
    r = nd.simulate(full, canvases, record=nd.Record(layers=("weight", "readout")))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = early_stopping(r, canvases.label.values, seed=0)
    level = float(found.threshold[100])
    fast = nd.build("gdram", seed=0, **{**TINY, "n_steps": 5, "stop_threshold": level})
    fast.load_state_dict(full.state_dict())
    last = nd.simulate(fast, canvases, record=nd.Record(layers="readout")).values[..., -1].argmax(1)
    assert (last == canvases.label.values).mean() == pytest.approx(float(found.accuracy.sel(rule="weight", threshold=level)))
