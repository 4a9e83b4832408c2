import numpy as np
import pytest

from neurodyn.analysis import control_responses
from neurodyn.errors import ConfigError, NumericsError, SchemaError
from neurodyn.numerics.gabor_energy import gabor_energy
from neurodyn.schema import make_stimuli


def grating(wavelength, angle, phase=0.0, size=64):
    y, x = np.mgrid[:size, :size]
    return np.cos(2 * np.pi * (np.cos(angle) * x + np.sin(angle) * y) / wavelength + phase)[None]


@pytest.mark.parametrize(("wavelength", "k"), [(4, 0), (8, 2), (16, 4), (8, 7)])
def test_the_right_filter_answers_most_and_phase_is_no_matter(wavelength, k):
    energy = gabor_energy(grating(wavelength, np.pi * k / 8))[0].mean(axis=(2, 3))
    best = np.unravel_index(energy.argmax(), energy.shape)
    assert (4, 8, 16, 32)[best[0]] == wavelength
    assert best[1] == k
    shifted = gabor_energy(grating(wavelength, np.pi * k / 8, phase=1.3))[0].mean(axis=(2, 3))
    np.testing.assert_allclose(shifted[best], energy[best], rtol=0.05)  # a grating that does not fit the frame wraps around its border


def test_a_preferred_grating_has_its_amplitude():
    assert abs(gabor_energy(grating(8, 0.0))[0, 1, 0].mean() - 1) < 1e-3  # filters pass their own frequency with gain 1


def test_energy_is_pooled_where_it_is():
    image = np.zeros((1, 64, 64))
    image[:, :32] = grating(8, 0.0)[:, :32]
    energy = gabor_energy(image, n_pools=2)[0, 1, 0]
    assert energy[0].min() > 5 * energy[1].max()


def test_controls_as_responses():
    stimuli = make_stimuli(np.random.default_rng(0).random((3, 3, 56, 56)), label=[0, 1, 2])
    assert control_responses(stimuli, control="pixels", pixels=8).sizes["neuroid"] == 192
    energy = control_responses(stimuli)
    assert energy.sizes["neuroid"] == 1568
    assert energy.label.values.tolist() == [0, 1, 2]
    with pytest.raises(ConfigError, match="did you mean `pixels`"):
        control_responses(stimuli, control="pixel")
    with pytest.raises(SchemaError, match="ndarray"):
        control_responses(stimuli.values)
    with pytest.raises(NumericsError, match="7 pools"):
        gabor_energy(np.zeros((1, 4, 4)))
    with pytest.raises(NumericsError, match="image, row, column"):
        gabor_energy(np.zeros((4, 4)))
