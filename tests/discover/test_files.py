"""Many recordings, one method: what each gives alone; nothing twice; a refusal does not stop the others."""

from __future__ import annotations

import functools
import json

import numpy as np
import pytest

import synfer as sf
from synfer.discover import ConditionalGranger, CrossCorrelation, files, fit_files
from synfer.errors import FileError, InputError


@pytest.fixture
def paths(tmp_path):
    found = []
    for k in range(3):
        x = np.random.default_rng(k).standard_normal((300, 4))
        x[1:, k] += x[:-1, 3]
        found.append(tmp_path / f"day_{k}.nc")
        sf.Recording.from_array(x, dt=0.01).save(found[-1])
    return found


@pytest.fixture
def looked_at(monkeypatch):
    """The recordings that were read, in order."""
    seen: list[str] = []
    load = sf.Recording.load.__func__
    monkeypatch.setattr(
        sf.Recording,
        "load",
        classmethod(lambda cls, path, **more: (seen.append(path.stem), load(cls, path, **more))[1]),
    )
    return seen


@pytest.mark.parametrize("jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_each_is_what_it_is_alone(paths, tmp_path, jobs):
    estimator = CrossCorrelation(max_lag=3, random_state=7)
    rows = fit_files(estimator, paths, out=tmp_path / "found", jobs=jobs)
    assert rows["recording"].tolist() == [str(path) for path in paths]
    assert rows["error"].isna().all() and rows["units"].tolist() == [4, 4, 4]
    for path, kept in zip(paths, rows["connectome"], strict=True):
        alone = CrossCorrelation(max_lag=3, random_state=7).fit(sf.Recording.load(path)).connectome_
        assert sf.Connectome.load(kept).identical(alone)
    assert not list((tmp_path / "found").glob(".at-work-*"))


def test_nothing_is_done_twice_and_what_changed_is(paths, tmp_path, looked_at):
    estimator, out = ConditionalGranger(lag=1), tmp_path / "found"
    first = fit_files(estimator, paths, out=out)
    assert fit_files(estimator, paths, out=out).equals(first)
    assert looked_at == ["day_0", "day_1", "day_2"]
    sf.Recording.from_array(np.random.default_rng(9).standard_normal((300, 4)), dt=0.01).save(paths[1])
    (out / "day_2.nc").unlink()
    (out / "day_0.json").write_text(json.dumps({"key": {}, "row": {}}))
    fit_files(estimator, paths, out=out)
    assert looked_at[3:] == ["day_0", "day_1", "day_2"]
    fit_files(ConditionalGranger(lag=2), paths[:1], out=out)
    fit_files(ConditionalGranger(lag=2), paths[:1], out=out, read=functools.partial(files.read_file))
    assert looked_at[6:] == ["day_0"]


def test_another_reader_class_or_code_is_other_work(paths, tmp_path, looked_at):
    class Local(ConditionalGranger):
        def __init__(self, given=None, lag=1):
            super().__init__(lag=lag)
            self.given = given

    class Nowhere(ConditionalGranger):
        __module__ = "nowhere"

    def halved(path):
        return sf.Recording.load(path)[:1.5]

    out, given = tmp_path / "found", paths[:1]
    fit_files(ConditionalGranger(lag=1), given, out=out)
    fit_files(Local(lag=1), given, out=out)
    for _ in range(2):
        fit_files(ConditionalGranger(lag=1), given, out=out, read=halved)
    assert len(looked_at) == 3
    fit_files(ConditionalGranger(lag=1), given, out=out, read=lambda path: halved(path))
    for _ in range(2):
        fit_files(Nowhere(lag=1), given, out=out)
    assert len(looked_at) == 6  # code that nobody can read may have changed
    arrays = [np.zeros(2000), np.eye(1, 2000, 1000)[0] * 1e-9]
    assert repr(arrays[0]) == repr(arrays[1])
    for array in (*arrays, arrays[1].copy()):
        fit_files(Local(array), given, out=out)
    assert len(looked_at) == 8


def test_what_was_found_otherwise_is_replaced_only_where_that_is_asked(paths, tmp_path, looked_at):
    out = tmp_path / "found"
    first = fit_files(ConditionalGranger(lag=1), paths[:2], out=out, replace=False)
    assert fit_files(ConditionalGranger(lag=1), paths[:2], out=out, replace=False).equals(first)  # goes on
    before = (out / "day_1.nc").read_bytes()
    with pytest.raises(InputError, match=r"out holds '.*day_0\.nc', which was found otherwise .*; give another folder"):
        fit_files(ConditionalGranger(lag=2), paths, out=out, replace=False)
    (out / "day_2.nc").write_bytes(b"a user's own")
    with pytest.raises(InputError, match=r"day_2\.nc"):
        fit_files(ConditionalGranger(lag=1), paths, out=out, replace=False)
    assert (out / "day_2.nc").read_bytes() == b"a user's own" and (out / "day_1.nc").read_bytes() == before
    assert looked_at == ["day_0", "day_1"]
    assert fit_files(ConditionalGranger(lag=2), paths, out=out)["error"].isna().all()


def test_one_that_ended_between_its_two_files_goes_on(paths, tmp_path, monkeypatch):
    save = sf.Connectome.save
    monkeypatch.setattr(sf.Connectome, "save", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    for _ in range(2):  # whatever the first left is no obstacle to the next
        with pytest.raises(KeyboardInterrupt):
            fit_files(ConditionalGranger(lag=1), paths[:1], out=tmp_path / "found", replace=False)
    monkeypatch.setattr(sf.Connectome, "save", save)
    rows = fit_files(ConditionalGranger(lag=1), paths[:1], out=tmp_path / "found", replace=False)
    assert sf.Connectome.load(rows["connectome"][0]).n_units == 4


def test_a_refusal_is_a_row_and_anything_else_is_not(paths, tmp_path):
    short = sf.Recording.load(paths[1])[0.0:0.05]
    short.save(paths[1])
    rows = fit_files(ConditionalGranger(lag=3), paths, out=tmp_path / "found")
    assert rows["error"].notna().tolist() == [False, True, False]
    assert rows["error"][1].startswith("InputError: X must") and rows["connectome"].isna()[1]
    assert sorted(path.name for path in (tmp_path / "found").iterdir()) == [
        f"day_{k}.{ending}" for k in (0, 2) for ending in ("json", "nc")
    ]

    def broken(path):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fit_files(ConditionalGranger(lag=1), paths, out=tmp_path / "found", read=broken)


def test_files_of_other_tools_and_a_signal_of_several(tmp_path):
    x = np.random.default_rng(0).standard_normal((200, 3))
    sf.Recording({"a": x, "b": x[::-1].copy()}, dt=0.1).save(tmp_path / "own.nc")
    rows = fit_files(ConditionalGranger(lag=1), [tmp_path / "own.nc"], out=tmp_path / "found", signal="b")
    expected = ConditionalGranger(lag=1).fit(x[::-1].copy()).connectome_
    np.testing.assert_array_equal(sf.Connectome.load(rows["connectome"][0]).score, expected.score)
    np.savez(tmp_path / "other.npz", v=x)
    rows = fit_files(ConditionalGranger(lag=1), [tmp_path / "other.npz"], out=tmp_path / "found")
    assert "dt must be given" in rows["error"][0]


@pytest.mark.parametrize(
    ("given", "error", "told"),
    [
        ({"estimator": ConditionalGranger}, InputError, "estimator must be one of synfer.discover"),
        ({"estimator": ConditionalGranger(lag=0)}, InputError, "lag"),
        ({"paths": []}, InputError, "paths must name at least one"),
        ({"paths": ["none.nc"]}, FileError, "there is no .*none.nc"),
        ({"jobs": 0}, InputError, "jobs must be a whole number of at least 1; got 0"),
        ({"out": "."}, InputError, "out must be another folder than that of the recordings"),
    ],
)
def test_what_is_refused(paths, tmp_path, monkeypatch, given, error, told):
    monkeypatch.chdir(tmp_path)
    given = {"estimator": ConditionalGranger(lag=1), "paths": paths, "out": "found"} | given
    with pytest.raises(error, match=told):
        fit_files(given.pop("estimator"), given.pop("paths"), **given)


def test_two_of_one_name_are_refused(paths, tmp_path):
    (tmp_path / "other").mkdir()
    twin = tmp_path / "other" / "day_0.nc"
    twin.write_bytes(paths[0].read_bytes())
    with pytest.raises(InputError, match="'day_0' is 2 of them"):
        fit_files(ConditionalGranger(lag=1), [*paths, twin], out=tmp_path / "found")
