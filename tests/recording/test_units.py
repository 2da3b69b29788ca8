"""What is known of units beside their labels goes where they go."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from synfer.errors import InputError, ShapeError
from synfer.recording import Recording

INFO = {"brain_area": ["CA1", "CA3", None], "depth": [1.0, None, 3.0], "good": [True, False, True], "shank": [1, 2, 2]}
X = np.arange(12.0).reshape(4, 3)


@pytest.fixture
def recording():
    return Recording({"v": X}, 1e-3, unit_ids=["a", "b", "c"], unit_info=INFO)


def test_missing_text_is_empty_and_a_missing_number_nan(recording):
    info = recording.unit_info
    assert info.index.tolist() == ["a", "b", "c"] and list(info) == list(INFO)
    assert info["brain_area"].tolist() == ["CA1", "CA3", ""] and info["good"].dtype == bool
    np.testing.assert_array_equal(info["depth"], [1.0, np.nan, 3.0])
    assert Recording({"v": X}, 1e-3, unit_info=pd.DataFrame(INFO)).unit_info["shank"].tolist() == [1, 2, 2]
    assert Recording({"v": X}, 1e-3).unit_info.shape == (3, 0)


def test_parts_files_and_labelled_arrays_keep_it(recording, tmp_path):
    assert recording.sel(unit=["c", "a"]).unit_info["brain_area"].tolist() == ["", "CA1"]
    recording.save(tmp_path / "r.nc")
    assert Recording.load(tmp_path / "r.nc").identical(recording)
    assert Recording.from_xarray(recording.to_xarray()).identical(recording)
    other = Recording({"v": X}, 1e-3, unit_ids=["a", "b", "c"], unit_info=INFO | {"shank": [1, 2, 3]})
    assert not other.identical(recording) and not Recording({"v": X}, 1e-3, unit_ids=["a", "b", "c"]).identical(
        recording
    )


@pytest.mark.parametrize(
    ("info", "error", "message"),
    [
        ([1, 2, 3], InputError, "unit_info must be a DataFrame or a dict"),
        ({"depth": [1.0]}, ShapeError, r"unit_info 'depth' must have shape \(3,\)"),
        ({"depth": [1.0, "a", 2]}, InputError, "unit_info 'depth' must hold numbers, text or truth values"),
        ({"depth": [1j, 1, 2]}, InputError, "unit_info 'depth' must hold numbers"),
        ({3: [1, 2, 3]}, InputError, "a column's name must be text"),
        ({"a/b": [1, 2, 3]}, InputError, "a column's name must be text without '/'"),
        ({"time": [1, 2, 3]}, InputError, "'time' has another meaning"),
        ({"v": [1, 2, 3]}, InputError, "'v' has another meaning"),
        ({"area": ["a\0", "", ""]}, InputError, "plain text"),
    ],
)
def test_what_cannot_be_known_of_units(info, error, message):
    with pytest.raises(error, match=message):
        Recording({"v": X}, 1e-3, unit_info=info)
