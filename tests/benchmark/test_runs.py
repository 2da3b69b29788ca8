"""Runs of suites: what is kept is not done again, and what is not whole is not read."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from synfer import benchmark
from synfer.benchmark import runs
from synfer.connectome import Connectome
from synfer.errors import FileError, InputError, UnknownNameError

METHODS = ("conditional_granger", "cross_correlation")
SET = "num_nodes_10_true_lag_3"


def _run(out, **changed):
    given = {"simulate": 2, "sets": [SET], "out": out, "progress": False, "seed": 3} | changed
    return benchmark.run("var", given.pop("methods", METHODS), **given)


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    out = tmp_path_factory.mktemp("benchmark")
    return out, _run(out)


def test_a_row_for_each_fit(done):
    out, rows = done
    assert list(rows.columns) == list(runs.COLUMNS)
    assert rows[["method", "set", "network"]].values.tolist() == [
        [method, SET, f"fresh_3_{k}"] for method in METHODS for k in range(2)
    ]
    assert rows["error"].isna().all()
    assert (rows.loc[rows.method == "conditional_granger", "auroc"] > 0.9).all()
    assert (rows["seconds"] > 0).all()
    kept = Connectome.load(out / "var" / "simulated" / METHODS[0] / SET / "fresh_3_0.nc")
    assert kept.method == "ConditionalGranger"


def test_nothing_is_done_twice(done, counted):
    out, rows = done
    again = _run(out)
    assert counted == []
    pd.testing.assert_frame_equal(again, rows, check_dtype=False)


def test_what_was_broken_off_goes_on(tmp_path, counted, monkeypatch):
    fit, left = runs._fit, [2]

    def killed(work):
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        return fit(work)

    monkeypatch.setattr(runs, "_fit", killed)
    with pytest.raises(KeyboardInterrupt):
        _run(tmp_path)
    monkeypatch.setattr(runs, "_fit", fit)
    done_before = len(counted)
    assert done_before == 2
    rows = _run(tmp_path)
    assert len(counted) == 4
    assert rows["auroc"].notna().all()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_text(path.read_text()[:40]),
        lambda path: path.write_text("[]"),
        lambda path: path.write_bytes(b"\xff\xfe\x00"),
        lambda path: path.unlink(),
        lambda path: path.write_text(json.dumps({"key": {}, "row": {"auroc": 1.0}})),
    ],
)
def test_what_is_not_whole_is_done_again(tmp_path, counted, spoil):
    first = _run(tmp_path, methods=["cross_correlation"], simulate=1)
    spoil(tmp_path / "var" / "simulated" / "cross_correlation" / SET / "fresh_3_0.json")
    again = _run(tmp_path, methods=["cross_correlation"], simulate=1)
    assert len(counted) == 2
    assert again["auroc"].tolist() == first["auroc"].tolist()


@pytest.mark.parametrize("spoil", [lambda path: path.unlink(), lambda path: path.write_text("junk")])
def test_a_row_whose_connectome_is_gone_or_junk_is_done_again(tmp_path, counted, spoil):
    _run(tmp_path, methods=["cross_correlation"], simulate=1)
    kept = tmp_path / "var" / "simulated" / "cross_correlation" / SET / "fresh_3_0.nc"
    spoil(kept)
    _run(tmp_path, methods=["cross_correlation"], simulate=1)
    assert len(counted) == 2 and Connectome.load(kept).method == "CrossCorrelation"


def test_a_refusal_never_had_a_connectome_and_is_not_done_again(tmp_path, counted):
    for _ in range(2):
        rows = _run(tmp_path, methods=["mvgc"], settings={"mvgc": {"lag": 400}}, simulate=1)
        assert rows["error"].notna().all()
    assert len(counted) == 1


def test_a_connectome_that_is_replaced_leaves_no_row_of_another(tmp_path, monkeypatch):
    """Broken off between the two files, a run of other settings must not be taken for the first's."""
    _run(tmp_path, methods=["cross_correlation"], simulate=1)

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(runs, "compare", killed)
    with pytest.raises(KeyboardInterrupt):
        _run(tmp_path, methods=["cross_correlation"], simulate=1, settings={"cross_correlation": {"max_lag": 2}})
    assert not list(tmp_path.rglob("fresh_3_0.json"))


@pytest.mark.parametrize("changed", [{"settings": {"cross_correlation": {"max_lag": 2}}}, {"seed": 4}])
def test_other_settings_are_other_work(tmp_path, counted, changed):
    _run(tmp_path, methods=["cross_correlation"], simulate=1)
    _run(tmp_path, methods=["cross_correlation"], simulate=1, **changed)
    assert len(counted) == 2


def test_files_that_changed_are_other_work(tmp_path, counted):
    home = tmp_path / "data" / "num_nodes_3" / "true_lag_1" / "noise_scale_1" / "seed_0"
    home.mkdir(parents=True)
    np.save(home / "_gc.npy", np.eye(3)[:, [2, 0, 1], None] * 1.0)
    for seed in (0, 1):
        np.save(home / "_x.npy", np.random.default_rng(seed).standard_normal((3, 100 + seed)))
        rows = benchmark.run("var", ["cross_correlation"], data=tmp_path / "data", out=tmp_path / "out", progress=False)
        assert rows["network"].tolist() == ["seed_0"]
    assert len(counted) == 2


def test_workers_give_what_one_process_gives(done, tmp_path):
    _, rows = done
    again = _run(tmp_path, jobs=2)
    figures = [*runs.FIGURES, "method", "network", "settings"]
    pd.testing.assert_frame_equal(again[figures], rows[figures], check_dtype=False)


def test_a_refusal_is_a_row_and_anything_else_is_not(tmp_path, monkeypatch):
    rows = _run(tmp_path, methods=["conditional_granger"], settings={"conditional_granger": {"lag": 100}}, simulate=1)
    assert rows["auroc"].isna().all()
    assert rows["error"][0].startswith("InputError: X must")
    means = benchmark.summary(rows)
    assert (means["failed"][0], means["networks"][0]) == (1, 0)

    def broken(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(runs, "compare", broken)
    with pytest.raises(ZeroDivisionError):
        _run(tmp_path, methods=["cross_correlation"], simulate=1)
    assert not (tmp_path / "var" / "simulated" / "cross_correlation" / SET / "fresh_3_0.json").exists()


@pytest.mark.parametrize(
    ("changed", "error", "told"),
    [
        ({"methods": ["grangr"]}, UnknownNameError, "method"),
        ({"methods": []}, InputError, "methods must name at least one"),
        ({"settings": {"mvgc": {"lag": 1}}}, InputError, "settings must be of the methods .*; got some of mvgc"),
        (
            {"settings": {"cross_correlation": {"lags": 1}}},
            UnknownNameError,
            "CrossCorrelation: parameter 'lags' does not exist",
        ),
        ({"sets": ["num_nodes_7"]}, InputError, "sets must be among num_nodes_10_true_lag_3, .*; got 'num_nodes_7'"),
        ({"networks": ["fresh_3_7"]}, InputError, "networks must be among fresh_3_0, fresh_3_1; got 'fresh_3_7'"),
        ({"jobs": 0}, InputError, "jobs must be a whole number of at least 1; got 0"),
        ({"simulate": 0}, InputError, "simulate must be a whole number of networks, at least 1; got 0"),
        ({"simulate": None}, InputError, "give either data .* or simulate"),
        ({"data": "nowhere"}, InputError, "give either data .* or simulate"),
        ({"data": "nowhere", "simulate": None}, FileError, "data must be a folder; 'nowhere' is none"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, changed, error, told):
    with pytest.raises(error, match=told):
        _run(tmp_path, **changed)


def test_only_the_networks_that_were_named(done, counted):
    out, rows = done
    some = _run(out, networks=["fresh_3_1"])
    assert counted == [] and list(dict.fromkeys(some["network"])) == ["fresh_3_1"]
    assert len(some) == (rows["network"] == "fresh_3_1").sum() > 0


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(FileError, match="holds no files of suite 'var'"):
        benchmark.run("var", METHODS, data=tmp_path, out=tmp_path)
    with pytest.raises(UnknownNameError, match="izhikevich"):
        benchmark.run("izhikevic", METHODS, data=tmp_path, out=tmp_path)
    with pytest.raises(InputError, match="suite 'spycon' has published files only"):
        benchmark.run("spycon", METHODS, simulate=1, out=tmp_path)
