"""Halting measured on models with known halting, and its statistics on tables with a known answer."""

import numpy as np
import pytest
import scipy.stats
import torch
import xarray as xr

from neurodyn.analysis import halting, halting_difficulty, tag_propagation
from neurodyn.architectures import adrnn
from neurodyn.dynamics.schedule import Schedule
from neurodyn.errors import ConfigError, ModelError, SchemaError
from neurodyn.numerics.resampling import wilson
from neurodyn.schema import make_stimuli
from neurodyn.stimuli.mazes import mazes


class Countdown:
    """Halts after as many steps as the image is bright (in tenths); right from the third step on."""

    dt_ms, layers, phase = None, ("halting", "output"), ("x",)
    blank = torch.zeros(1, 2, 2)
    trial = Schedule.steps(stimulus=8)

    def encode(self, frame):
        return {"goal": (frame.mean(dim=(1, 2, 3)) * 10).round()}

    def initial_state(self, drive, *, noise=None):
        return {"x": torch.zeros_like(drive["goal"])[:, None], "goal": drive["goal"]}

    def step(self, state, drive, *, noise=None):
        return {"x": state["x"] + 1, "goal": state["goal"]}

    def rates(self, state, drive, layers):
        known = {"halting": torch.full_like(state["x"], 0.1), "output": self.readout(state)}
        return {k: known[k] for k in layers}

    def readout(self, state):
        late = (state["x"][:, 0] >= 3).double()
        return torch.stack([1 - late, late], dim=1)

    def finished(self, state):
        return state["x"][:, 0] >= state["goal"]


def test_steps_answers_and_ponder_cost_of_a_countdown():
    brightness = np.array([0.2, 0.5, 1.0])
    stimuli = make_stimuli(np.broadcast_to(brightness[:, None, None, None], (3, 1, 2, 2)), label=[1, 1, 1])
    found = halting(Countdown(), stimuli, batch_size=2)
    assert found.n_steps.values.tolist() == [2, 5, 8] and found.halted.values.tolist() == [True, True, False]  # 10 steps are more than the trial has
    assert found.attrs["n_unfinished"] == 1
    assert found.correct.values.tolist() == [0, 1, 1]
    assert found.step_correct.values[0].tolist() == [0, 0, 1, 1, 1, 1, 1, 1]  # goes on after halting
    np.testing.assert_allclose(found.ponder.values, [2 + 0.9, 5 + 0.6, 8 + 0.3], atol=1e-6)
    assert halting(Countdown(), stimuli, n_steps=4).n_steps.values.tolist() == [2, 4, 4]


def test_batches_do_not_matter_and_solutions_are_judged_where_the_image_is_not_black():
    model, stimuli = adrnn.build(adrnn.SMALL, seed=0), mazes(5, n=5, seed=0)
    whole, parts = halting(model, stimuli), halting(model, stimuli, batch_size=2)
    xr.testing.assert_allclose(whole, parts, rtol=1e-4, atol=1e-5)
    assert ((whole.score >= 0) & (whole.score <= 1)).all() and (whole.correct <= whole.score).all()
    with torch.no_grad():  # everything white is called the way: the overlap is the share of white that is the way
        model.maps.weight.zero_()
        model.maps.bias.copy_(torch.tensor([-1.0, 1.0]))
    white = stimuli.values.max(axis=1) > 0
    expected = stimuli.solution.values.sum(axis=(1, 2)) / white.sum(axis=(1, 2))
    np.testing.assert_allclose(halting(model, stimuli).score.values, expected)


BAD = [
    (lambda m: halting(m, mazes(5, n=1, seed=0), n_steps=0), ConfigError, "1 or more"),
    (lambda m: halting(m, make_stimuli(np.ones((1, 3, 16, 16)))), SchemaError, "no coord `solution`"),
    (lambda m: halting(Countdown(), make_stimuli(np.ones((1, 1, 2, 2)))), SchemaError, "no coord `label`"),
    (lambda m: tag_propagation(m, make_stimuli(np.ones((1, 3, 16, 16)))), SchemaError, "no coord `solution`"),
    (lambda m: tag_propagation(m, mazes(5, n=1, seed=0), layer="halting"), ConfigError, "a map of"),
]


@pytest.mark.parametrize(("call", "error", "match"), BAD)
def test_bad_input(call, error, match):
    with pytest.raises(error, match=match):
        call(adrnn.build(adrnn.SMALL, seed=0))


def test_a_readout_of_another_kind_is_refused():
    class Vector(Countdown):
        def readout(self, state):
            return state["x"].unsqueeze(-1)

        def rates(self, state, drive, layers):
            return {k: state["x"] for k in layers}

    with pytest.raises(ModelError, match="a readout of 3 dims"):
        halting(Vector(), make_stimuli(np.ones((1, 1, 2, 2)), label=[0]))


def made_up(n_networks=3, n_images=40):
    """Steps are half the path length plus the level; an image is right if it was given that many steps."""
    random = np.random.default_rng(0)
    levels, length = [5, 7, 9], 20
    path = random.integers(2, 12, (3, n_images)) + 4 * np.arange(3)[:, None]
    steps = np.clip(path // 2 + np.arange(3)[:, None] + random.integers(0, 2, (n_networks, 3, n_images)), 1, length)
    needed = np.broadcast_to(path // 2 + np.arange(3)[:, None], steps.shape)
    stopped = (np.arange(1, length + 1) >= needed[..., None]).astype(float)
    stopped = np.where(np.arange(1, length + 1) > steps[..., None], (steps >= needed).astype(float)[..., None], stopped)
    dims = ("network", "level", "presentation")
    correct = (steps >= needed).astype(float)
    return xr.Dataset(
        {
            "n_steps": (dims, steps),
            "halted": (dims, steps < length),
            "correct": (dims, correct),
            "score": (dims, correct),
            "stopped_correct": ((*dims, "time_bin"), stopped),
            "stopped_score": ((*dims, "time_bin"), stopped),
            "path_length": (("level", "presentation"), path),
        },
        {"network": [f"n{k}" for k in range(n_networks)], "level": levels},
    )


def test_harder_levels_take_more_steps_and_clamping_costs():
    table = made_up()
    found = halting_difficulty(table, groups={"act": ["n0", "n1", "n2"]}, training_levels=[5], contrasts={"none": ["act", "act"]}, n_resamples=100, seed=0)
    one = found.sel(group="act")
    assert one.trained.values.tolist() == [True, False, False]
    assert (one.accuracy == 1).all() and (one.unfinished == 0).all()
    np.testing.assert_allclose(one.steps.values, table.n_steps.mean(("network", "presentation")).values)
    assert one.more_steps_low.values[-1] > 0 and abs(one.more_steps.values[0]) < 1e-9
    assert one.overlap_lost_low.values[-1] > 0.5 and one.accuracy_lost.values[-1] > one.accuracy_lost.values[0]
    assert (one.rank_correlation_low.values > 0.6).all()
    assert (found.difference.values == 0).all()


def test_the_mean_at_the_training_levels_is_not_taken_as_known():
    """Where every image of a harder level takes the same steps, what is uncertain is the training mean alone."""
    table = made_up(n_networks=1)
    table["n_steps"] = table.n_steps.where(table.level < 9, 15)
    one = halting_difficulty(table, groups={"act": ["n0"]}, training_levels=[5], n_resamples=400, seed=0).sel(group="act", level=9)
    error = float(table.n_steps.sel(level=5).std() / np.sqrt(table.sizes["presentation"]))
    assert abs(float(one.more_steps_high - one.more_steps_low) / (2 * 1.96 * error) - 1) < 0.2 and float(one.steps_high - one.steps_low) == 0


def test_steps_are_no_share_and_what_is_nought_may_go_either_way():
    """Networks that are right everywhere and lose nothing when stopped: one always takes 1 step, of which none can be cut; one takes 1 or 3."""
    table = made_up(n_networks=2)
    three = (table.network == "n1") & (table.presentation % 2 == 1)
    same = {"n_steps": (table.n_steps * 0 + 1).where(~three, 3), "stopped_correct": table.stopped_correct * 0 + 1, "stopped_score": table.stopped_score * 0 + 1}
    groups = {"one": ["n0"], "other": ["n1"]}
    found = halting_difficulty(table.assign(same), groups=groups, training_levels=[5], contrasts={"c": ["one", "other"]}, n_resamples=50, seed=0)
    doubt = wilson(0.0, 40)[1]
    one = found.sel(group="one")
    assert (one.steps_low == 1).all() and (one.steps_high == 1).all() and (one.more_steps_low == 0).all() and (one.accuracy_lost_high == 0).all()
    one = found.sel(group="other")
    for name, low, high in (("accuracy", 1 - doubt, 1), ("unfinished", 0, doubt), ("accuracy_lost", -doubt, doubt), ("overlap_lost", -doubt, doubt)):
        np.testing.assert_allclose(one[f"{name}_low"], low, atol=1e-9)
        np.testing.assert_allclose(one[f"{name}_high"], high, atol=1e-9)
    np.testing.assert_allclose(found.difference_low, -doubt)


def test_resamples_without_variation_have_no_rank_correlation():
    """Steps differ in one image of 10: about a third of the resamples miss it, and say nothing of the correlation rather than that it is 0."""
    table = made_up(n_networks=1, n_images=10)
    path = np.tile(np.arange(10.0), (3, 1))
    table = table.assign(path_length=(("level", "presentation"), path), n_steps=table.n_steps * 0 + 3 + (table.presentation == 9))
    one = halting_difficulty(table, groups={"act": ["n0"]}, training_levels=[5], n_resamples=2000, seed=0).isel(group=0, covariate=0)
    np.testing.assert_allclose(one.rank_correlation, scipy.stats.spearmanr(path[0], path[0] == 9)[0])
    assert (one.rank_correlation_low > 0.3).all()
    flat = halting_difficulty(table.assign(path_length=table.path_length * 0), groups={"act": ["n0"]}, training_levels=[5], n_resamples=20, seed=0)
    assert np.isnan(flat.rank_correlation.values).all()


def test_every_resample_counts_for_the_rank_correlation():
    found = [
        float(halting_difficulty(made_up(), groups={"act": ["n0", "n1"]}, training_levels=[5], n_resamples=n, seed=0).rank_correlation_low[0, 0, 0])
        for n in (500, 1500)
    ]
    assert found[0] != found[1]


BAD_TABLES = [
    ({"groups": {"act": ["n9"]}}, ConfigError, "unknown network"),
    ({"training_levels": [4]}, ConfigError, "some of"),
    ({"groups": {"a": ["n0"], "b": ["n0", "n1"]}, "contrasts": {"c": ["a", "b"]}}, ConfigError, "equally many"),
    ({"contrasts": {"c": ["act", "fixed"]}}, ConfigError, "unknown group"),
]


@pytest.mark.parametrize(("changes", "error", "match"), BAD_TABLES)
def test_bad_tables(changes, error, match):
    given = {"groups": {"act": ["n0"]}, "training_levels": [5], "n_resamples": 20, "seed": 0} | changes
    with pytest.raises(error, match=match):
        halting_difficulty(made_up(), **given)


def test_a_table_without_paths_is_refused():
    with pytest.raises(SchemaError, match="no `path_length`"):
        halting_difficulty(made_up().drop_vars("path_length"), groups={"act": ["n0"]}, training_levels=[5], seed=0)


@pytest.mark.parametrize("norm", ["channel", "map"])
def test_news_travels_no_faster_than_the_kernel_unless_the_norm_is_global(norm):
    model = adrnn.build(adrnn.Config(n_channels=6, kernel=3, kernel_inter=3, norm=norm, image_size=32, n_steps=6), seed=0)
    found = tag_propagation(model, mazes(13, n=4, seed=0))
    assert found.attrs["reach"] == 1.0
    ahead = found.front.values - found.limit.values
    if norm == "channel":
        assert (ahead <= 0).all() and found.front.values[:, -1].min() >= 4
    else:
        assert ahead[:, 0].max() > 3  # everywhere at once
    assert found.activity.shape == (1, 6, 15, 15)
    assert found.distance.values[0] == 0 and found.n_places.values[0] == 8  # both ends of four mazes
    assert ((found.informed.values >= 0) & (found.informed.values <= 1)).all()
