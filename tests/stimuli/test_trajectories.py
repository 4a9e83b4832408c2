"""Trajectories against the published statistics of each style, and what they promise as pure functions."""

import numpy as np
import pytest
from scipy.special import i0e, i1e

from neurodyn.errors import ConfigError
from neurodyn.numerics.paths import measure
from neurodyn.stimuli.trajectories import STYLES, positions, trajectories, von_mises_quantile

# style, points, parameters, then the published means over 5,000 trajectories: step, distinct points, distinct phases,
# eccentricity of the points after the first, end to end, absolute turn
PUBLISHED = [
    ("spiral_2dir2", 5, {}, 2.75, 4.97, 4.43, 2.12, 2.00, 1.85),
    ("spiral_2dir2", 10, {}, 2.58, 8.69, 7.37, 1.89, 1.51, 1.68),
    ("degenerate_fix2", 5, {}, 1.49, 4.99, 4.64, 4.13, 5.47, 0.66),
    ("von_mises", 5, {"kappa": -5}, 2.25, 4.40, 4.34, 1.93, 1.74, 2.73),
    ("von_mises", 5, {"kappa": -2}, 2.25, 4.59, 4.48, 2.22, 2.33, 2.45),
    ("von_mises", 5, {"kappa": -1}, 2.26, 4.70, 4.53, 2.57, 2.99, 2.13),
    ("von_mises", 5, {"kappa": 0}, 2.26, 4.85, 4.55, 3.25, 4.12, 1.59),
    ("von_mises", 5, {"kappa": 2}, 2.27, 4.99, 4.56, 4.80, 7.14, 0.74),
    ("von_mises", 5, {"kappa": 5}, 2.26, 5.00, 4.57, 5.30, 8.27, 0.47),
    ("von_mises", 5, {"kappa": 20}, 2.26, 5.00, 4.55, 5.52, 8.74, 0.34),
    ("intoy_rucci", 5, {}, 6.48, 4.96, 4.43, 9.90, 12.9, 1.58),
]


@pytest.mark.parametrize(("style", "n_steps", "parameters", "step", "points", "phases", "eccentricity", "end", "turn"), PUBLISHED)
def test_published_statistics(style, n_steps, parameters, step, points, phases, eccentricity, end, turn):
    n = 5000
    ds = trajectories(style, n, n_steps, seed=0, **parameters)
    found = ds.assign(eccentricity_px=ds.eccentricity_px * n_steps / (n_steps - 1))  # the first point is the centre
    expected = {"mean_step_px": step, "n_points": points, "n_phases": phases, "eccentricity_px": eccentricity, "end_to_end_px": end, "turn_rad": turn}
    for name, value in expected.items():
        error = float(found[name].std()) * np.sqrt(2 / n)  # both means carry sampling error; four of them, and the last printed digit
        assert abs(float(found[name].mean()) - value) < 4 * error + 0.01, name


def published_points(style, n, n_steps, rng):
    """The published rules as plain loops: radius and heading drawn step by step, truncated around the start; whole steps for `old`."""
    out = np.zeros((n, n_steps, 2))
    for row in out:
        if style == "old":
            row[1:] = np.cumsum(rng.integers(-2, 3, size=(n_steps - 1, 2)), axis=0)
            continue
        radius, sense = 3.0, rng.choice([-1, 1])
        heading = rng.uniform(0, 2 * np.pi) if style == "spiral_2dir2" else float(rng.integers(6))
        mean_growth = 0.4 if style.startswith("spiral") or style in ("big_steps", "brownian") else 0.8
        for t in range(1, n_steps):
            radius += mean_growth + rng.normal(-0.5, 0.16)
            if style.startswith("spiral") or style == "big_steps":
                sense = 1 if style == "spiral" else rng.choice([-1, 1]) if style == "big_steps" else sense
                heading += sense * rng.normal(np.pi / 2, np.pi / 8)
            elif style == "brownian":
                heading = float(rng.integers(6))
            elif style == "const_p_noise":
                heading += rng.normal(0, 0.5)
            elif style == "zigzag":
                heading += np.pi / 8 * (-1) ** (t + 1) + rng.normal(0, 0.005)
            row[t] = np.trunc(radius * np.sin(heading)), np.trunc(radius * np.cos(heading))
    return out


RULES = ["spiral_2dir2", "spiral_2dir", "spiral", "big_steps", "brownian", "const_p_noise", "zigzag", "degenerate", "old"]


@pytest.mark.parametrize("style", RULES)
def test_the_published_rules_written_out_as_loops_give_the_same_statistics(style):
    n = 1500
    ours, loops = positions(style, n, 6, seed=2), published_points(style, n, 6, np.random.default_rng(3))
    for name, measured in measure(ours).items():
        other = measure(loops)[name]
        error = np.sqrt((np.nanvar(measured) + np.nanvar(other)) / n)  # NaN: a path that never moves twice in a row has no turn
        assert abs(np.nanmean(measured) - np.nanmean(other)) < 4.5 * error + 1e-9, name
        assert abs(np.isnan(measured).mean() - np.isnan(other).mean()) < 0.06, name
    assert np.allclose(np.abs(ours).mean(axis=0), np.abs(loops).mean(axis=0), atol=0.25)


@pytest.mark.parametrize("kappa", [0.0, 1.0, 2.0, 5.0, 20.0, 200.0])
def test_von_mises_turning_has_the_closed_form_persistence(kappa):
    u = (np.arange(20000) + 0.5) / 20000
    assert np.cos(von_mises_quantile(u, kappa)).mean() == pytest.approx(i1e(kappa) / i0e(kappa), abs=1e-4)  # grid of the quantile function


@pytest.mark.parametrize("diffusion", ["snellen", "fixation", 20.0])
def test_drift_is_brownian_with_the_published_diffusion_constant(diffusion):
    constant = {"snellen": 10.998, "fixation": 30.155}.get(diffusion, diffusion)
    walk = positions("intoy_rucci", 20000, 11, seed=0, diffusion=diffusion, whole=False) / 4.0  # arcmin
    squared = (walk**2).sum(axis=-1).mean(axis=0)
    time_s = np.linspace(0, 0.3, 11)
    assert np.allclose(squared, 4 * constant * time_s, rtol=0.04)  # standard error of a squared displacement over 20,000 walks: 0.7 %


@pytest.mark.parametrize("kappa", [-5.0, -1.0, 0.0, 2.0, 20.0])
def test_matched_families_differ_in_turning_alone(kappa):
    ds = trajectories("matched_von_mises", 400, 5, seed=1, kappa=kappa)
    assert float(ds.eccentricity_px.mean()) == pytest.approx(4.0, abs=0.02)
    assert float(ds.path_length_px.mean()) == pytest.approx(9.0, abs=0.1)
    assert float((ds.n_phases == 5).mean()) > 0.99
    assert float(ds.overlap.mean()) == pytest.approx(0.847, abs=0.005)
    straight = trajectories("matched_von_mises", 400, 5, seed=1, kappa=20.0)
    assert kappa == 20.0 or float(ds.turn_rad.mean()) > float(straight.turn_rad.mean()) + 0.2


@pytest.mark.parametrize("style", list(STYLES))
def test_every_style_is_a_pure_function_whose_rows_stand_alone(style):
    own = {"eccentricity_px": 5.0} if style == "matched_von_mises" else {}
    many, alone = positions(style, 12, 6, seed=3, **own), positions(style, 4, 6, seed=3, first=7, **own)
    assert many.shape == (12, 6, 2)
    assert (positions(style, 2, 6, seed=3, rows=[11, 4], **own) == many[[11, 4]]).all()
    assert (many[7:11] == alone).all()
    assert style == "not_moving" or (many != positions(style, 12, 6, seed=4, **own)).any()
    assert (many == np.trunc(many)).all()  # whole pixels, as published
    if style != "matched_von_mises":
        assert (many[:, 0] == 0).all()  # begins at the centre


def test_shuffling_keeps_the_radii_and_breaks_their_order():
    radius = np.hypot(*np.moveaxis(positions("spiral_2dir_shfl", 400, 10, seed=0), -1, 0))
    still = np.hypot(*np.moveaxis(positions("spiral_2dir2", 400, 10, seed=0), -1, 0))
    assert (radius[:, 0] == 0).all()
    assert radius[:, 1:].mean() == pytest.approx(still[:, 1:].mean(), abs=0.05)
    assert abs(radius[:, 1].mean() - radius[:, -1].mean()) < 0.1 < still[:, 1].mean() - still[:, -1].mean()


def test_the_straight_lines_are_straight_and_never_stay():
    line = positions("degenerate_fix", 200, 6, seed=0)
    assert (np.abs(np.diff(line, axis=1)).sum(axis=-1) > 0).all()
    heading = np.arctan2(line[:, -1, 1], line[:, -1, 0])
    across = np.abs(np.cos(heading)[:, None] * line[..., 1] - np.sin(heading)[:, None] * line[..., 0])
    assert across.max() < 1.5  # truncation to whole pixels


BAD = [
    (("spirl", 3, 5), {}, "use `spiral`"),
    (("von_mises", 3, 5), {"kapa": 1.0}, "use `kappa`"),
    (("von_mises", 0, 5), {}, "1 or more"),
    (("von_mises", 3, 0), {}, "1 or more"),
    (("intoy_rucci", 3, 5), {"diffusion": "snelen"}, "use `snellen`"),
    (("matched_von_mises", 3, 10), {}, "a smaller step_px"),
]


@pytest.mark.parametrize(("arguments", "parameters", "message"), BAD)
def test_bad_input(arguments, parameters, message):
    with pytest.raises(ConfigError, match=message):
        positions(*arguments, seed=0, **parameters)
