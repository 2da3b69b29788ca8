"""Many recordings on the command line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import synfer as sf


@pytest.fixture
def paths(tmp_path) -> list[Path]:
    found = [tmp_path / f"{name}.nc" for name in "abc"]
    for k, path in enumerate(found):
        x = np.random.default_rng(k).standard_normal((300, 3))
        sf.Recording({"v": x, "w": -x}, dt=0.01).save(path)
    return found


def test_a_folder_of_connectomes(synfer, paths, tmp_path):
    command = (
        "discover",
        *paths,
        "--method",
        "cross_correlation",
        "--signal",
        "v",
        "--seed",
        5,
        "--out",
        tmp_path / "f",
    )
    result = synfer(*command)
    assert result.exit_code == 0, result.output
    assert f"3 recordings, 0 refused; 3 connectomes are in {tmp_path / 'f'}" in result.stdout
    for path in paths:
        alone = sf.discover.CrossCorrelation(random_state=5).fit(sf.Recording.load(path), "v").connectome_
        assert sf.Connectome.load(tmp_path / "f" / path.name).score.equals(alone.score)


def test_a_folder_goes_on_and_what_is_found_otherwise_needs_force(synfer, paths, tmp_path):
    command = ("discover", *paths, "--method", "conditional_granger", "--signal", "v", "--out", tmp_path / "f")
    for _ in range(2):
        assert synfer(*command, "--set", "lag=1").exit_code == 0
    before = (tmp_path / "f" / "a.nc").read_bytes()
    result = synfer(*command, "--set", "lag=2")
    (line,) = result.stderr.strip().splitlines()
    assert result.exit_code == 2 and "a.nc', which was found otherwise" in line and "--force" in line
    assert (tmp_path / "f" / "a.nc").read_bytes() == before
    assert synfer(*command, "--set", "lag=2", "--force").exit_code == 0
    assert sf.Connectome.load(tmp_path / "f" / "a.nc").parameters["lag"] == 2


def test_those_that_are_refused_are_named_and_end_with_1(synfer, paths, tmp_path):
    paths[1].write_bytes(b"no recording")
    command = ("discover", *paths, "--method", "conditional_granger", "--signal", "v", "--out", tmp_path / "f")
    result = synfer(*command)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"synfer: error: {paths[1]}: cannot read")
    assert "3 recordings, 1 refused; 2 connectomes are in " in result.stdout
    assert sorted(path.stem for path in (tmp_path / "f").glob("*.nc")) == ["a", "c"]
    for path in paths:
        path.write_bytes(b"no recording")
    assert synfer(*command, "--force").stdout.endswith("3 recordings, 3 refused; none was found\n")


def test_what_is_for_several_is_refused_for_one(synfer, paths, tmp_path):
    common = ("discover", paths[0], "--method", "conditional_granger", "--signal", "v", "--out", tmp_path / "e.nc")
    for option in (("--jobs", 2), ("--scheduler", "tcp://127.0.0.1:1")):
        result = synfer(*common, *option)
        assert result.exit_code == 2 and "are for several recordings" in result.stderr
