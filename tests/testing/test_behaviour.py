import numpy as np
import pytest

from neurodyn.errors import ConfigError
from neurodyn.testing.behaviour import behavioural_thresholds


def test_thresholds_have_their_level_and_follow_their_seed():
    ids = np.array([f"i{k}" for k in range(400)])
    out = behavioural_thresholds(ids, level=2.0, spread=0.4, seed=0)
    assert out.threshold.mean() == pytest.approx(2.0, abs=0.06)
    assert out.threshold.std() == pytest.approx(0.4, abs=0.05)
    assert out.identical(behavioural_thresholds(ids, level=2.0, spread=0.4, seed=0))
    assert (behavioural_thresholds(ids, level=0.0, spread=1.0, seed=0).threshold >= 0.1).all()
    with pytest.raises(ConfigError, match="0 or more"):
        behavioural_thresholds(ids, spread=-1.0, seed=0)
