"""`synfer report` of one connectome."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from synfer import Recording, discover


def test_a_report_reads_what_discover_reads(synfer, refused, tmp_path):
    """Trials of an NWB file, one variable of several: the page then says what the fit saw."""
    x = np.random.default_rng(0).normal(size=(3000, 4))
    np.savez(tmp_path / "x.npz", v=x, u=2 * x)
    given = ("--dt", 1e-3, "--variable", "v")
    fit = ("--method", "conditional_granger", "--out", tmp_path / "e.nc")
    assert synfer("discover", tmp_path / "x.npz", *given, *fit).exit_code == 0
    page = ("report", tmp_path / "e.nc", "--recording", tmp_path / "x.npz", "--out", tmp_path / "r.html")
    assert synfer(*page, *given).exit_code == 0
    pytest.importorskip("pynwb")
    path = nwb_of_trials(tmp_path)
    assert synfer("discover", path, "--trials", "trials", *fit, "--force").exit_code == 0
    page = ("report", tmp_path / "e.nc", "--recording", path, "--out", tmp_path / "t.html")
    refused(
        synfer(*page), "recording must be what the connectome was found from", "5 and 2500", "1 and 3000", "--trials"
    )
    assert synfer(*page, "--trials", "trials").exit_code == 0
    assert (
        "of 4 units, read from x.nwb, was given, cut into 5 trials of 0.5 s each, 2500 samples in all (2.5 s, at a step"
        in (tmp_path / "t.html").read_text()
    )


READING = [("dt", 1), ("series", "x"), ("variable", "x"), ("trials", "x"), ("time", "0:1"), ("duration", 3)]
READING += [("units-first", None), ("trial-duration", 1), ("t0", 1), ("drop", "x")]
MATCHING = [("units", "u.csv"), ("by-position", None)]


@pytest.mark.parametrize(("option", "value"), [("signal", "v"), *READING, *MATCHING])
def test_no_option_that_would_say_nothing_is_passed_over(synfer, refused, estimate_path, tmp_path, option, value):
    given = [f"--{option}"] + ([] if value is None else [value])
    into = ("--out", tmp_path / "r.html")
    other = "--truth" if (option, value) in MATCHING else "--recording"
    refused(synfer("report", estimate_path, *given, *into), f"--{option} says how", f"{other}", "give it")
    (tmp_path / "results.csv").write_text("method,set\n")
    refused(synfer("report", tmp_path, *given, *into), f"--{option} is for the page of one connectome", "is a folder")
    assert not (tmp_path / "r.html").exists()


def nwb_of_trials(folder: Path) -> Path:
    import pynwb

    recording = Recording({"v": np.random.default_rng(1).normal(size=(3000, 4))}, 1e-3)
    recording.to_nwb(folder / "x.nwb")
    with pynwb.NWBHDF5IO(folder / "x.nwb", "a") as io:
        file = io.read()
        for k in range(5):
            file.add_trial(start_time=0.6 * k, stop_time=0.6 * k + 0.5)
        io.write(file)
    return folder / "x.nwb"


def test_report_is_one_page_and_replaces_nothing_unasked(synfer, refused, recording_path, tmp_path):
    recording = Recording.load(recording_path, signals=["v"])
    discover.ConditionalGranger().fit(recording).connectome_.save(tmp_path / "e.nc")
    command = (
        "report",
        tmp_path / "e.nc",
        "--recording",
        recording_path,
        "--signal",
        "v",
        "--out",
        tmp_path / "r.html",
    )
    assert synfer(*command).exit_code == 0
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "What was recorded" in page
    refused(synfer(*command), "exists", "--force")
    assert synfer(*command, "--force").exit_code == 0
