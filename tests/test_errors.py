"""Messages name what was given, what was expected, and the mend."""

import copy

import pytest

from neurodyn import errors


def test_message_has_where_what_expected_and_fix():
    error = errors.SchemaError("predictivity", "`x` holds NaN", expected="finite", fix="drop it")
    assert str(error) == "predictivity: `x` holds NaN\n  expected: finite\n  fix: drop it"
    assert isinstance(error, ValueError)


@pytest.mark.parametrize("kind", [errors.SchemaError, errors.ConfigError, errors.ArtefactError, errors.CapacityError, errors.ModelError])
def test_errors_cross_process_boundaries(kind):
    error = kind("here", "this", expected="that", fix="so")
    again = copy.copy(error)  # by the same protocol that carries errors between processes
    assert type(again) is kind
    assert str(again) == str(error)
    assert again.fix == "so"


@pytest.mark.parametrize(
    ("name", "known", "guess"),
    [
        ("n_mode", ["n_modes", "tol"], "n_modes"),
        ("v4", ["V1", "V4"], "V4"),
        ("zzz", ["alpha", "beta"], None),
        ("Nope2020", ["cowley2023"], None),
        ("drop", ["drop-neuroid"], "drop-neuroid"),
    ],
)
def test_nearest_name(name, known, guess):
    assert errors.nearest(name, known) == guess
    assert ("did you mean" in str(errors.unknown_name("f", "thing", name, known))) == (guess is not None)


def test_first_offenders_are_at_most_three():
    assert errors.first_of(range(9)) == "first: 0, 1, 2"


def test_of_many_names_the_nearest_five_are_shown():
    known = [f"model-{i:02d}" for i in range(40)] + ["cordsnet-digits"]
    error = errors.unknown_name("load", "model", "cordsnet", known, look="neurodyn list models")
    assert error.expected.startswith("one of 41, the nearest of them cordsnet-digits, ")
    assert error.expected.count(",") == 5
    assert error.expected.endswith("(neurodyn list models has all)")
    assert errors.unknown_name("load", "model", "zzzz", known, look="neurodyn list models").fix == "neurodyn list models"
