"""Movies from the moving sensor."""

import numpy as np
import pytest

from neurodyn.errors import ConfigError, NumericsError, SchemaError
from neurodyn.schema import make_stimuli
from neurodyn.stimuli.sensor_movie import sensor_movie

IMAGES = make_stimuli(np.random.default_rng(0).random((3, 3, 32, 32)), label=[0, 1, 2])
SPIRAL = {"style": "spiral_2dir2"}


def test_a_sensor_that_stands_still_gives_equal_frames():
    movie = sensor_movie(IMAGES, {"style": "not_moving"}, 4, seed=0)
    assert (movie.image == movie.image.isel(frame=0)).all()
    assert movie.label.values.tolist() == [0, 1, 2]
    assert movie.position.attrs["units"] == "px"


def test_positions_given_and_drawn_agree():
    drawn = sensor_movie(IMAGES, SPIRAL, 5, seed=3)
    given = sensor_movie(IMAGES, drawn.position.values, 5)
    assert drawn.identical(given)


BAD = [
    ((IMAGES, SPIRAL), {}, ConfigError, "seed=0"),
    ((IMAGES, np.zeros((3, 4, 2)), 5), {}, SchemaError, "n_frames=4"),
    ((IMAGES, np.zeros((2, 5, 2)), 5), {}, SchemaError, "one trajectory an image"),
    ((IMAGES, np.full((3, 5, 2), 130.0), 5), {}, NumericsError, "leaves the scene"),
    ((IMAGES, SPIRAL), {"seed": 0, "resolution": 9}, NumericsError, "uneven=True"),
    ((IMAGES.expand_dims(frame=1, axis=1), SPIRAL), {"seed": 0}, SchemaError, "still images"),
]


@pytest.mark.parametrize(("arguments", "options", "kind", "message"), BAD)
def test_bad_input(arguments, options, kind, message):
    with pytest.raises(kind, match=message):
        sensor_movie(*arguments, **options)
