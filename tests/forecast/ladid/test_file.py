"""Files of fitted LaDIDs, those of earlier versions among them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from synfer.errors import FileError, InputError
from synfer.forecast import LaDID, ladid_file

from .conftest import faint, small

# Written by synfer 0.1.0 (schema 1), never to be written anew: a small model (d_model=4, d_hidden=4, d_latent=2)
# fitted to `turning(12, 10, 0)`. Below is what it forecast then.
OLD = Path(__file__).parent / "schema_1.pt"
FORECAST_THEN = np.array(
    [
        [[0.10519, 0.01255, 1.06892], [0.09804, 0.00892, 1.07266]],
        [[-0.06118, 0.07632, 0.97031], [0.01042, 0.04714, 1.01425]],
    ]
)

# The same of schema 2, which knew counts but no pace: fitted to `faint(12, 0, 20)`; the first three units of forecasts.
OLD_COUNTS = Path(__file__).parent / "schema_2.pt"
COUNTS_THEN = np.array(
    [
        [[0.24825, 0.30812, 0.21885], [0.24650, 0.30288, 0.21858]],
        [[0.22851, 0.26735, 0.22653], [0.22638, 0.26316, 0.22730]],
    ]
)


def test_saved_and_loaded(points, fitted, tmp_path):
    fitted.save(tmp_path / "model.pt")
    loaded = LaDID.load(tmp_path / "model.pt")
    contexts = points.isel(time=slice(4))
    assert np.array_equal(loaded.predict(contexts, [1.5, 2.0]), fitted.predict(contexts, [1.5, 2.0]))
    assert loaded.get_params() == fitted.get_params() and loaded.score(points) == fitted.score(points)
    few = points[:4]
    with pytest.warns(match="had not come to rest"):
        assert loaded.transfer(few, max_epochs=1).n_query_ == 6
    loaded.save(tmp_path / "again.pt")
    assert np.array_equal(LaDID.load(tmp_path / "again.pt").predict(contexts, [2.0]), loaded.predict(contexts, [2.0]))


def test_a_generator_is_not_kept(points, tmp_path):
    with pytest.warns(match="had not come to rest"):
        model = small(random_state=np.random.RandomState(0), max_epochs=1, encoder="linear").fit(points)
    model.save(tmp_path / "model.pt")
    assert LaDID.load(tmp_path / "model.pt").random_state is None


def test_what_version_0_1_wrote_is_read(points):
    forecast = LaDID.load(OLD).predict(points[:2].isel(time=slice(4)), [1.5, 2.5])
    np.testing.assert_allclose(forecast, FORECAST_THEN, atol=1e-4)


def test_what_schema_2_wrote_is_read():
    model = LaDID.load(OLD_COUNTS)
    assert model.paced is False and model.anchored is False and model.head == "poisson"
    forecast = model.predict(faint(12, 0, 20)[:2].isel(time=slice(4)), [0.3, 0.45])
    np.testing.assert_allclose(forecast[:, :, :3], COUNTS_THEN, atol=1e-4)


def test_refused(points, fitted, tmp_path):
    path = tmp_path / "model.pt"
    with pytest.raises(FileError, match="there is no such file"):
        LaDID.load(path)
    path.write_bytes(b"no checkpoint")
    with pytest.raises(FileError, match="not a checkpoint of synfer, or damaged"):
        LaDID.load(path)
    fitted.save(path)
    content = torch.load(path, weights_only=True)
    for change, message in (
        ({"schema": 5}, r"a newer synfer wrote it \(schema 5, known here up to 4\)"),
        ({"arrays": {}}, "its contents are damaged"),
        ({"parameters": {"n_things": 1}}, "its contents are damaged"),
    ):
        torch.save({**content, "state": content["state"] | change}, path)
        with pytest.raises(FileError, match=message):
            LaDID.load(path)
    fitted.save(path)
    with pytest.raises(InputError, match="device must be one"):
        LaDID.load(path, device="nowhere")
    with pytest.raises(FileError, match="does not exist"):
        fitted.save(tmp_path / "nowhere" / "model.pt")
    assert ladid_file.SCHEMA == 4
