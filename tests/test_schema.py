"""Labelled data: what is refused, and how the refusal reads."""

import numpy as np
import pytest
import xarray as xr

from neurodyn import schema
from neurodyn.errors import SchemaError


def recordings(values=None, **changes):
    values = np.arange(24.0).reshape(4, 3, 2) if values is None else values
    given = {"stimulus_id": list("abcd"), "neuroid_id": ["n1", "n2", "n3"], "time_bins_ms": [(0, 10), (10, 20)], **changes}
    return schema.make_recordings(values, **given)


def test_good_recordings_pass_unchanged():
    data = recordings()
    assert schema.check_recordings(data, where="test") is data
    assert data.time_bin_start.attrs["units"] == "ms"


def nan_in_two():
    data = recordings()
    data[0, 1, 0] = np.nan
    data[1, 2, 1] = np.inf
    return data


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (lambda: recordings().values, "is a ndarray"),
        (lambda: recordings().isel(time_bin=0), "dims"),
        (lambda: recordings().transpose("neuroid", "presentation", "time_bin"), r"fix: recordings.transpose"),
        (lambda: recordings().drop_vars("stimulus_id"), "no coord `stimulus_id`"),
        (lambda: recordings(neuroid_id=["n1", "n1", "n2"]), "more than once"),
        (nan_in_two, r"2 of 3 neuroids \(first: n2, n3\)"),
        (lambda: recordings(time_bins_ms=[(0, 10), (5, 15)]), "overlapping bins"),
        (lambda: recordings(time_bins_ms=[(10, 20), (0, 10)]), "out of order"),
        (lambda: recordings(time_bins_ms=[(0, 0), (10, 20)]), "bin from 0 to 0"),
        (lambda: recordings().drop_vars("time_bin_start"), "no time_bin_start"),
        (lambda: recordings().isel(presentation=slice(0, 0)), "empty"),
    ],
)
def test_bad_recordings_are_refused(data, message):
    with pytest.raises(SchemaError, match=message):
        schema.check_recordings(data(), where="test")


def test_shape_and_ids_must_agree():
    with pytest.raises(SchemaError, match="4 stimulus ids, 2 neuroid ids"):
        recordings(neuroid_id=["n1", "n2"])


def test_one_bin_is_selected_with_brackets_as_the_error_says():
    two = recordings(time_bins_ms=[(0, 10), (10, 20)])
    with pytest.raises(SchemaError, match=r"isel\(time_bin=\[-1\]\)"):
        schema.check_recordings(two.isel(time_bin=-1), where="test")
    with pytest.raises(SchemaError, match=r"time_bin_start` has dims \(\)\n.*\n.*isel\(time_bin=\[-1\]\)"):
        schema.check_recordings(two.isel(time_bin=-1).expand_dims("time_bin", -1), where="test")
    assert schema.check_recordings(two.isel(time_bin=[-1]), where="test").sizes["time_bin"] == 1


def test_the_mend_for_nan_in_stimuli_works():
    stimuli = images(3).copy()
    stimuli[1, 0, 2, 2] = np.inf
    with pytest.raises(SchemaError, match="drop these presentations") as caught:
        schema.check_stimuli(stimuli)
    mended = eval(caught.value.fix.split(": ", 1)[1], {"np": np, "stimuli": stimuli})
    assert schema.check_stimuli(mended).stimulus_id.values.tolist() == ["0", "2"]


@pytest.mark.parametrize(("shape", "mended"), [((2, 64), (2, 64, 1, 1)), ((2, 8, 8), (2, 1, 8, 8))])
def test_the_mend_for_missing_axes_works(shape, mended):
    pixels = np.zeros(shape)
    with pytest.raises(SchemaError, match=r"\(presentation, channel, row, column\)") as caught:
        schema.make_stimuli(pixels)
    assert schema.make_stimuli(eval(caught.value.fix.split(" where ")[0], {"pixels": pixels})).shape == mended


def images(n=2, **changes):
    return xr.DataArray(
        np.full((n, 1, 4, 4), 0.5, np.float32), dims=schema.IMAGE_DIMS, coords={"stimulus_id": ("presentation", np.arange(n).astype(str))}, **changes
    )


@pytest.mark.parametrize(
    ("stimuli", "message"),
    [
        (lambda: images().values, "is a ndarray"),
        (lambda: images().astype(float), "dtype float64"),
        (lambda: (images() * 255).astype(np.float32), "ranges from 127.5"),
        (lambda: images() - np.float32(0.6), "neurodyn.stimuli.resize"),
        (lambda: images() * np.float32(255), "stimuli / 255"),
        (lambda: images().where(images().row > 0).astype(np.float32), "NaN"),
        (lambda: images().rename(row="y"), "dims"),
        (lambda: images().drop_vars("stimulus_id"), "stimulus_id"),
    ],
)
def test_bad_stimuli_are_refused(stimuli, message):
    with pytest.raises(SchemaError, match=message):
        schema.check_stimuli(stimuli())


def test_movies_and_images_pass():
    assert schema.make_stimuli(np.zeros((2, 3, 1, 4, 4)), frame_start=[0, 10, 20]).dims == schema.MOVIE_DIMS
    assert schema.check_stimuli(images()).dims == schema.IMAGE_DIMS
