"""Eigenspectra, fixed points, trajectories and exponents of systems whose answers are known."""

import numpy as np
import pytest
import torch

from neurodyn.analysis import eigenspectrum, fixed_points, lyapunov_exponents, trajectories
from neurodyn.dynamics.schedule import Schedule
from neurodyn.dynamics.simulate import simulate
from neurodyn.errors import ConfigError, ModelError, NumericsError, SchemaError
from neurodyn.schema import make_recordings, make_stimuli
from neurodyn.testing import systems


def at_rest(model, n=1):
    drive = model.encode(torch.zeros(n, *model.blank.shape))
    return model.initial_state(drive), drive


# ------------------------------------------------------------------------------------------------------ eigenspectrum


def test_timescales_of_a_linear_network():
    model = systems.linear_network([0.9, 0.5 + 0.3j, 0.5 - 0.3j], dt_ms=2.0, seed=0)
    state, drive = at_rest(model)
    found = eigenspectrum(model, state, drive, n_modes=3, seed=0).isel(presentation=0)
    assert np.allclose(found.eigenvalue, [0.9, 0.5 + 0.3j, 0.5 - 0.3j], atol=1e-6)  # the weights are float32
    assert float(found.timescale_ms[0]) == pytest.approx(-2 / np.log(0.9), rel=1e-5)
    assert float(found.rotation_hz[1]) == pytest.approx(np.arctan2(0.3, 0.5) / (2 * np.pi * 0.002), rel=1e-5)
    assert float(found.field_timescale_ms[0]) == pytest.approx(20.0, rel=1e-5)
    assert bool(found.converged.all())
    assert found.timescale_ms.attrs["units"] == "ms"


def test_kernel_gated_and_jacobian_agree_for_a_linear_network():
    model = systems.linear_network([0.9, 0.2, -0.7], seed=1)
    state, drive = at_rest(model)
    spectra = [eigenspectrum(model, state, drive, n_modes=3, operator=kind, layer="x", seed=0).eigenvalue.values for kind in ("jacobian", "kernel", "gated")]
    assert np.allclose(spectra[0], spectra[1], atol=1e-12)
    assert np.allclose(spectra[0], spectra[2], atol=1e-12)


def test_states_are_rows_and_their_order_does_not_matter():
    model = systems.limit_cycle(10)
    state, drive = {"x": torch.tensor([[1.0, 0.0], [0.0, 0.0], [0.3, 0.3]])}, at_rest(model)[1]
    a = eigenspectrum(model, state, drive, n_modes=2, seed=0, stimulus_id=list("abc"))
    b = eigenspectrum(model, {"x": state["x"].flip(0)}, drive, n_modes=2, seed=0, stimulus_id=list("cba"))
    assert np.allclose(a.eigenvalue.values, b.eigenvalue.values[::-1])
    assert "timescale_step" in a
    assert np.allclose(np.sort_complex(a.eigenvalue.values[1]), np.sort_complex(model.truth["eigenvalues"]), atol=1e-6)


def test_eigenspectrum_bad_input():
    model = systems.lorenz()
    state, drive = at_rest(model)
    with pytest.raises(ConfigError, match="kernel"):
        eigenspectrum(model, state, drive, n_modes=1, operator="kernal", seed=0)
    with pytest.raises(NumericsError, match=r"eigenspectrum: `n_modes` is 1000 for 3 units\n.*\n  fix: n_modes=3"):
        eigenspectrum(model, state, drive, n_modes=1000, seed=0)
    with pytest.raises(ConfigError, match="layer="):
        eigenspectrum(model, state, drive, n_modes=1, operator="kernel", seed=0)
    with pytest.raises(ModelError, match="jacobian"):
        eigenspectrum(model, state, drive, n_modes=1, operator="kernel", layer="x", seed=0)
    with pytest.raises(SchemaError, match="state of this model"):
        eigenspectrum(model, {"y": torch.zeros(1, 3)}, drive, n_modes=1, seed=0)
    with pytest.raises(SchemaError, match="one a state"):
        eigenspectrum(model, state, drive, n_modes=1, seed=0, stimulus_id=["a", "b"])


# ------------------------------------------------------------------------------------------------------- fixed points


def test_a_lone_stable_point_takes_only_the_starts_that_come_to_it():
    class Rings(systems.VectorSystem):  # rest at 0, reached from within r = 1; a cycle at r = 2 beyond
        def advance(self, x, u):
            square = (x**2).sum(-1, keepdim=True)
            turn = torch.tensor([[0.8, 0.6], [-0.6, 0.8]], dtype=x.dtype)
            return (x + 0.05 * x * (square - 1) * (4 - square)) @ turn + u

    model = Rings(np.zeros(2), np.zeros(2), dt_ms=None, truth={})
    angle, radius = torch.linspace(0, 6, 20), torch.linspace(0.2, 2.1, 20)
    starts = {"x": radius[:, None] * torch.stack([torch.cos(angle), torch.sin(angle)], dim=1)}
    found = fixed_points(model, starts, model.encode(model.blank[None]), n_modes=2, basin_steps=400, seed=0)
    assert found.sizes["fixed_point"] == 1
    assert found.basin.item() == pytest.approx(float((radius < 1).float().mean()))


def test_flip_flop_points_and_basins():
    model = systems.flip_flop()
    drive = model.encode(model.blank[None])
    starts = {"x": 2 * torch.rand(300, 3, generator=torch.Generator().manual_seed(0)) - 1}
    found = fixed_points(model, starts, drive, n_modes=3, basin_steps=60, seed=0)
    assert found.sizes["fixed_point"] == 27
    assert int(found.stable.sum()) == 8
    assert float(found.basin.sum()) == pytest.approx(1.0)
    assert float(found.basin.where(found.stable).min()) > 0.05  # the eight basins are octants: 1/8 each
    assert sorted(found.n_unstable.values.tolist()) == [0] * 8 + [1] * 12 + [2] * 6 + [3]


def test_one_search_for_each_input():
    model = systems.linear_network([0.5, 0.25])
    drive = model.encode(torch.tensor([[1.0, 0.0], [0.0, 3.0]]).reshape(2, 2, 1, 1))
    found = fixed_points(model, {"x": torch.zeros(3, 2)}, drive, seed=0, stimulus_id=["a", "b"])
    assert np.allclose(found.state.values, [[2, 0], [0, 4]], atol=1e-6)
    assert found.stimulus_id.values.tolist() == ["a", "b"]
    assert bool(found.stable.all())


def test_saddle_is_unstable_and_line_is_marginal():
    state, drive = at_rest(systems.saddle())
    assert fixed_points(systems.saddle(), state, drive, seed=0).n_unstable.item() == 1
    line = systems.line_attractor()
    state, drive = at_rest(line)
    found = fixed_points(line, {"x": torch.randn(5, 4, generator=torch.Generator().manual_seed(0))}, drive, seed=0)
    assert bool(found.marginal.all())
    assert not bool(found.stable.any())


def test_fixed_points_bad_input():
    model = systems.saddle()
    state, drive = at_rest(model)
    with pytest.raises(ConfigError, match="n_modes"):
        fixed_points(model, state, drive, n_modes=0, seed=0)
    with pytest.raises(SchemaError, match="one an input"):
        fixed_points(model, state, drive, stimulus_id=["a", "b"], seed=0)


# ------------------------------------------------------------------------------------------------------- trajectories


def test_trajectory_of_a_rotation_is_a_circle():
    model = systems.rotation(0.3)
    shown = make_stimuli(np.zeros((1, 2, 1, 1)))
    found = trajectories(simulate(model, shown), n_components=2)
    radius = np.linalg.norm((found.score.values - (found.score.values.mean((0, 1)))), axis=2)
    assert float(found.explained_variance_ratio.sum()) == pytest.approx(1.0, abs=1e-6)
    assert np.allclose(found.speed.values[0, 1:], 2 * np.sin(0.15), atol=1e-4)
    assert radius.std() < 0.15


def test_distance_from_the_state_before_onset():
    model, shown = systems.linear_network([0.5, 0.5]), make_stimuli(np.ones((1, 2, 1, 1)))
    found = trajectories(simulate(model, shown, Schedule.steps(before=2, stimulus=30, after=30)), n_components=1)
    expected = np.array([0.0, 2.0, 2.0 * 0.5**30]) * 2**0.5  # rest, the fixed point 2 under the image, back
    assert np.allclose(found.distance.values[0, [1, 31, 61]], expected, atol=1e-6)
    assert "distance" not in trajectories(simulate(model, shown, Schedule.steps(stimulus=3)), n_components=1)


def test_shared_coordinates_and_reconstruction():
    rng = np.random.default_rng(0)
    data = make_recordings(
        rng.standard_normal((4, 30, 5)), stimulus_id="abcd", neuroid_id=[f"n{i}" for i in range(30)], time_bins_ms=[(i, i + 1) for i in range(5)]
    )
    full = trajectories(data, n_components=19)
    back = np.einsum("ptc,nc->pnt", full.score.values, full.loading.values) + full.center.values[:, None]
    assert np.allclose(back, data.values)
    again = trajectories(data[:2], basis=full)
    assert np.allclose(again.score, full.score[:2])
    shuffled = trajectories(data[[2, 0, 3, 1]], n_components=3)
    assert np.allclose(shuffled.score.values[[1, 3, 0, 2]], trajectories(data, n_components=3).score.values)
    with pytest.raises(SchemaError, match="same neuroids"):
        trajectories(data[:, ::-1], basis=full)
    with pytest.raises(ConfigError, match="n_components=19"):
        trajectories(data, n_components=40)


# ---------------------------------------------------------------------------------------------------------- exponents


def test_exponents_of_a_limit_cycle_in_time():
    model = systems.limit_cycle(20, dt_ms=5.0)
    state, drive = at_rest(model, 2)
    found = lyapunov_exponents(model, state, drive, n_exponents=2, n_steps=300, burn_in=200, seed=0)
    assert np.allclose(found.exponent.values, model.truth["lyapunov"] / 0.005, atol=1e-3)
    assert found.exponent.attrs["units"] == "1/s"
    assert found.running.sizes["record"] == 300


def test_one_search_for_the_first_input_where_all_are_the_same():
    model = systems.flip_flop(2)
    drive = {k: v.expand(3, *v.shape[1:]) for k, v in model.encode(model.blank[None]).items()}
    starts = {"x": torch.rand(64, 2, generator=torch.Generator().manual_seed(0)) * 2 - 1}
    found = fixed_points(model, starts, drive, n_inputs=1, seed=0)
    assert (found.sizes["fixed_point"], int(found.stable.sum())) == (9, 4)
    assert set(found.presentation.values.tolist()) == {0}
    with pytest.raises(ConfigError, match=r"1\.\.3"):
        fixed_points(model, starts, drive, n_inputs=4, seed=0)
