import numpy as np
import pytest
import torch

from neurodyn.errors import SchemaError
from neurodyn.training.losses import check_labels, log_weights, return_to_baseline, weighted_cross_entropy


def test_the_paper_s_weights():
    w = log_weights(30)
    assert w[0] == pytest.approx(1e-3)
    assert w[-1] == 1.0
    assert w.mean() == pytest.approx(0.15714, abs=5e-6)
    assert w[-10:].sum() / w.sum() == pytest.approx(0.908, abs=5e-4)


def test_cross_entropy_in_closed_form():
    flat = [torch.zeros(4, 10)] * 3
    value = weighted_cross_entropy(flat, torch.arange(4), [1.0, 0.5, 0.0])
    assert float(value) == pytest.approx(np.log(10) * 0.5, rel=1e-6)
    soft = torch.nn.functional.one_hot(torch.arange(4), 10).float()
    assert torch.equal(weighted_cross_entropy(flat, soft, [1.0, 0.5, 0.0]), value)


def test_baseline_is_a_constant():
    x = torch.ones(2, 3, requires_grad=True)
    penalty = return_to_baseline([{"a": 2 * x, "b": x}], {"a": x, "b": x}, ("a", "b"))
    assert float(penalty) == 0.5
    penalty.backward()
    assert torch.allclose(x.grad, torch.full((2, 3), 2 * 2 * 1 / 6 / 2))


@pytest.mark.parametrize(
    ("labels", "match"),
    [
        (np.eye(3), r"soft or one-hot"),
        (np.array([0.5, 1.0]), "dtype float64"),
        (np.array([0, 3]), r"1 classes outside the model's 3 \(first: 3\)"),
        (np.array([-1, 0]), "outside"),
        (np.array([0]), "1 labels for 2 stimuli"),
    ],
)
def test_bad_labels(labels, match):
    with pytest.raises(SchemaError, match=match):
        check_labels(labels, 3, n_rows=2)
