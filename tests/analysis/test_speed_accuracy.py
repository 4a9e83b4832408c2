"""Stop rules on logits whose answer is known."""

import numpy as np
import pytest

from neurodyn.analysis.speed_accuracy import speed_accuracy
from neurodyn.errors import ConfigError, SchemaError
from neurodyn.schema import make_responses


def logits(values):
    n, classes, steps = values.shape
    return make_responses(
        values,
        stimulus_coords={"stimulus_id": np.array([f"s{i}" for i in range(n)])},
        neuroid_coords={"neuroid_id": np.arange(classes)},
        step=np.arange(steps),
        dt_ms=None,
    )


def growing(n=6, steps=4):
    """Image i is right from step i on (never for i >= steps), and surer with every step."""
    values = np.zeros((n, 2, steps))
    for i in range(n):
        for t in range(steps):
            values[i, 0 if t >= i else 1, t] = 1.0 + t
    return logits(values), np.zeros(n, int)


def test_accuracy_area_and_time_to_share():
    found = speed_accuracy(*growing(), share=0.7)
    assert found.accuracy.values.tolist() == pytest.approx([1 / 6, 2 / 6, 3 / 6, 4 / 6])
    assert float(found.area) == pytest.approx(2.5 / 6) and int(found.steps_to_share) == 3


def test_higher_thresholds_stop_later_and_the_extremes_are_the_first_and_last_step():
    found = speed_accuracy(*growing(), thresholds=[0.5, 0.9, 0.999])
    assert found.stop_time.values.tolist() == pytest.approx([1, 3, 4])
    assert found.stop_accuracy.values.tolist() == pytest.approx([1 / 6, 3 / 6, 4 / 6])
    assert 1 / 6 < float(found.frontier_area) < 4 / 6
    assert found.stop_step.values.shape == (3, 6)


def test_the_entropy_rule_agrees_for_two_classes():
    """For two classes entropy falls with confidence, so equivalent thresholds stop alike."""
    data, labels = growing()
    confidence = 1 / (1 + np.exp(-2.5))
    level = 1 + (confidence * np.log(confidence) + (1 - confidence) * np.log(1 - confidence)) / np.log(2)
    a, b = speed_accuracy(data, labels, thresholds=[confidence]), speed_accuracy(data, labels, policy="entropy", thresholds=[level])
    assert a.stop_step.equals(b.stop_step.assign_coords(threshold=a.threshold))


def test_a_calibrated_reader_has_no_calibration_error():
    generator = np.random.default_rng(0)
    p = generator.uniform(0.5, 1, 20_000)
    labels = (generator.uniform(size=p.size) > p).astype(int)
    values = np.stack([np.log(p), np.log(1 - p)], 1)[:, :, None]
    found = speed_accuracy(logits(values), labels)
    assert float(found.calibration_error[0]) < 0.015  # 2,000 images a bin: 0.01 is one sd
    sure = speed_accuracy(logits(100 * values), labels)
    assert float(sure.calibration_error[0]) == pytest.approx(1 - float(sure.accuracy[0]), abs=0.01)


def test_order_of_presentations_does_not_matter():
    data, labels = growing()
    order = [3, 1, 5, 0, 2, 4]
    a, b = speed_accuracy(data, labels), speed_accuracy(data[order], labels[order])
    for name in ("accuracy", "stop_time", "frontier_area", "calibration_error"):
        np.testing.assert_allclose(a[name], b[name], rtol=1e-12)  # sums in another order


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"policy": "margin"}, ConfigError, "confidence, entropy"),
        ({"thresholds": [0.5, 0.4]}, ConfigError, "ascending"),
        ({"thresholds": [1.2]}, ConfigError, r"in \(0, 1\)"),
        ({"share": 0.0}, ConfigError, "share"),
        ({"labels": [0, 1]}, SchemaError, "for each of 6"),
        ({"labels": np.full(6, 2)}, SchemaError, "one neuroid a class"),
    ],
)
def test_bad_input_is_refused(arguments, error, message):
    data, labels = growing()
    arguments = {"labels": labels, **arguments}
    with pytest.raises(error, match=message):
        speed_accuracy(data, arguments.pop("labels"), **arguments)
