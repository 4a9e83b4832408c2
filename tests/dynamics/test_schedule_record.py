"""Trials in ms and steps; what is kept of them."""

import numpy as np
import pytest

from neurodyn.dynamics.record import Record, neuroid_coords
from neurodyn.dynamics.schedule import Schedule
from neurodyn.errors import ConfigError


def test_blank_stimulus_blank():
    line = Schedule.ms(before=20, stimulus=40, after=10).timeline(dt_ms=10)
    assert line.step.tolist() == [-2, -1, 0, 1, 2, 3, 4]
    assert line.frame.tolist() == [-1, -1, 0, 0, 0, 0, -1]


def test_a_movie_shows_each_frame_from_its_start():
    line = Schedule.ms(before=2, stimulus=12).timeline(dt_ms=2, frame_start=np.array([0.0, 4.0, 8.0]))
    assert line.frame.tolist() == [-1, 0, 0, 1, 1, 2, 2]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Schedule.ms(stimulus=-1), "`stimulus` is -1"),
        (lambda: Schedule.steps(stimulus=0), "0 steps"),
        (lambda: Schedule.ms(stimulus=100).timeline(dt_ms=None), "dt_ms is None"),
        (lambda: Schedule.ms(stimulus=1).timeline(dt_ms=10.0), "would never be shown"),
        (lambda: Schedule.ms(before=50, stimulus=4).timeline(dt_ms=10.0), "would never be shown"),
        (lambda: Schedule.ms(stimulus=0, after=1).timeline(dt_ms=10.0), "shorter than one step"),
        (lambda: Schedule.ms(stimulus=float("nan")), "nan"),
    ],
)
def test_bad_schedules(make, message):
    with pytest.raises(ConfigError, match=message):
        make()


LINE = Schedule.ms(before=4, stimulus=8).timeline(dt_ms=2.0)


def test_bins_average_by_overlap():
    plan = Record(bins_ms=[(-4, 0), (1, 4)]).plan_time(LINE)
    np.testing.assert_allclose(plan.weights.sum(axis=0), 1)
    np.testing.assert_allclose(plan.weights[:, 1], [0, 0, 1 / 3, 2 / 3, 0, 0], atol=1e-7)
    assert plan.needed.tolist() == [True, True, True, True, False, False]


def test_the_last_step_shown_is_not_the_last_of_a_trial_that_ends_with_a_blank():
    line = Schedule.ms(before=4, stimulus=8, after=6).timeline(dt_ms=2.0)
    assert Record(steps="last_shown").plan_time(line).step.tolist() == [3]
    assert Record(steps="last").plan_time(line).step.tolist() == [6]
    with pytest.raises(ConfigError, match="no step of the trial shows a stimulus"):
        Record(steps="last_shown").plan_time(Schedule.steps(before=3, stimulus=0).timeline(dt_ms=None))


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (Record(bins_ms=[(0, 20)]), "not covered by the trial"),
        (Record(bins_ms=[(0, 2)], steps="last"), "both"),
        (Record(steps=[99]), r"steps \[99\] are not in the trial"),
        (Record(steps="final"), "unknown steps"),
    ],
)
def test_bad_times(record, message):
    with pytest.raises(ConfigError, match=message):
        record.plan_time(LINE)


SHAPES = {"V1": (2, 4, 5), "top": (3,), "readout": (10,)}


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (Record(layers=("V2",)), r"did you mean `V1`"),
        (Record(layers=("V1", "V1")), "twice"),
        (Record(neuroids=3), "seed"),
        (Record(neuroids={"V1": [40]}), "0..39"),
        (Record(neuroids={"V9": [0]}), "V9"),
        (Record(space="middle"), "unknown space"),
    ],
)
def test_bad_layers(record, message):
    with pytest.raises(ConfigError, match=message):
        record.plan_layers(("V1", "top"), SHAPES)


def test_ids_name_the_position():
    coords = neuroid_coords(Record(space="center").plan_layers(("V1", "top"), SHAPES))
    assert coords["neuroid_id"].tolist() == ["V1.0.2.2", "V1.1.2.2", "top.0.0.0", "top.1.0.0", "top.2.0.0"]
    coords = neuroid_coords(Record(layers="V1", neuroids={"V1": [39]}).plan_layers(("V1", "top"), SHAPES))
    assert coords["neuroid_id"].tolist() == ["V1.1.3.4"]


def test_a_random_subset_is_repeatable():
    pick = [Record(neuroids=5, seed=s).plan_layers(("V1", "top"), SHAPES)[0].index for s in (0, 0, 1)]
    assert (pick[0] == pick[1]).all()
    assert (pick[0] != pick[2]).any()
    assert len(set(pick[0])) == 5
