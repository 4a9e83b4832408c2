"""Cognitive tasks: what is shown, what is right, and when it counts."""

import numpy as np
import pytest

from neurodyn.errors import ConfigError
from neurodyn.schema import check_stimuli
from neurodyn.stimuli.cognitive import TASKS, cognitive, trials


@pytest.mark.parametrize("task", TASKS)
def test_every_task(task):
    found = trials(task, 7, seed=0, noise=0.1, random_durations=True)
    check_stimuli(found.input.rename("stimuli"))
    assert found.sizes["channel"] == len(TASKS[task].inputs)
    assert found.sizes["output"] == len(TASKS[task].outputs)
    respond = found.epoch.values == "response"
    assert (found.input.values[:, respond, 0] == 0).all() and (found.input.values[:, ~respond, 0] == 1).all()
    assert (found.target.values[:, ~respond, 1:] == 0).all()
    np.testing.assert_allclose(np.square(found.target.values[:, respond, 1:]).sum(-1), 1, atol=1e-6)  # one answer, of length 1
    begin = found.frame_start.values[respond][0]
    quiet = found.frame_start.values[(found["mask"].values[0] == 0)]
    assert quiet.min() == begin and quiet.max() < begin + 100


def test_the_same_seed_gives_the_same_trials_and_conditions_come_once():
    a, b = (trials("context_decision", seed=3, noise=0.2) for _ in range(2))
    assert a.identical(b)
    assert a.sizes["presentation"] == 32 and len(set(a.condition.values.tolist())) == 32
    assert not np.array_equal(a.input, trials("context_decision", seed=4, noise=0.2).input)


def test_the_right_answer_follows_the_cue():
    found = trials("context_decision", seed=0)
    signal = np.where(found.context == "motion", found.motion, found.colour)
    assert (found.choice.values == (signal < 0)).all()
    channel = {name: k for k, name in enumerate(TASKS["context_decision"].inputs)}
    shown = found.input.values[..., 0, 0][:, found.epoch.values == "stimulus"].mean(1)
    np.testing.assert_allclose(shown[:, channel["motion_left"]] - shown[:, channel["motion_right"]], found.motion, atol=1e-6)
    assert (shown[:, channel["cue_motion"]] == (found.context == "motion")).all()


def test_angles_of_each_set():
    ring, line, points = (trials("memory_pro", 400, seed=0, stimulus_set=s, n_angles=4).angle.values for s in ("ring", "line", "points"))
    assert ring.max() > 6 and line.max() <= np.pi and len(np.unique(points)) == 4
    found = trials("memory_pro", seed=0, n_angles=8)
    shown = 2 * found.input.values[..., 0, 0][:, found.epoch.values == "stimulus", 1:] - 1
    np.testing.assert_allclose(np.cos(np.arctan2(shown[..., 1], shown[..., 0]) - found.angle.values[:, None]), 1, atol=1e-6)
    assert (found.input.values[:, found.epoch.values == "delay", 1:] == 0.5).all()


def test_noise_is_on_the_evidence_alone():
    clean, noisy = (trials("perceptual_decision", seed=0, noise=n).input.values for n in (0.0, 0.1))
    stimulus = slice(5, 45)
    assert np.std(noisy[:, stimulus, 1] - clean[:, stimulus, 1]) == pytest.approx(0.1, rel=0.1)
    assert np.array_equal(noisy[:, :5], clean[:, :5]) and np.array_equal(noisy[..., 0, :, :], clean[..., 0, :, :])


def test_noise_does_not_depend_on_the_level_shown():
    clean, noisy = (trials("memory_pro", seed=0, n_angles=4, noise=n).input.values[..., 0, 0] for n in (0.0, 0.1))
    stimulus = trials("memory_pro", seed=0, n_angles=4).epoch.values == "stimulus"
    middle = clean[:, stimulus, 1:] == 0.5  # the sine of 0, the cosine of 90 degrees
    assert middle.any() and (noisy[:, stimulus, 1:][middle] != 0.5).all()
    assert np.array_equal(noisy[:, ~stimulus], clean[:, ~stimulus])


def test_a_sense_that_is_not_used_has_no_noise():
    found = trials("multisensory_decision", seed=0, noise=0.1)
    alone = found.input.sel(presentation=found.modality == "visual").values[..., 0, 0]
    stimulus = found.epoch.values == "stimulus"
    assert (alone[:, :, 3:] == 0).all() and (np.diff(alone[:, stimulus, 1], axis=1) != 0).any()


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"task": "memory"}, "did you mean `memory_pro`"),
        ({"n": 0}, "`n` is 0"),
        ({"stimulus_set": "circle"}, "stimulus_set"),
        ({"durations_ms": {"stimulis": 100}}, "did you mean `stimulus`"),
        ({"durations_ms": {"stimulus": 5}}, "less than a frame"),
        ({"dt_ms": 0.0}, "`dt_ms` 0"),
    ],
)
def test_bad_input(options, match):
    with pytest.raises(ConfigError, match=match):
        cognitive(**{"task": "memory_pro", "seed": 0, **options})
