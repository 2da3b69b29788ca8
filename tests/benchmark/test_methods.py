"""Estimators of one's own in a benchmark's run: named in the table, kept, told apart by code, sent to workers."""

from __future__ import annotations

import importlib
import sys
import threading

import numpy as np
import pandas as pd
import pytest

from synfer import benchmark
from synfer.connectome import Connectome
from synfer.discover import ConditionalGranger
from synfer.discover.base import BaseDiscoverer
from synfer.errors import InputError, UnknownNameError

SET = "num_nodes_10_true_lag_3"
SOURCE = """
import numpy as np
from synfer.discover.base import BaseDiscoverer


def product(x, lag):
    return {sign} * np.abs(x[lag:].T @ x[:-lag]){shift}


class Mine(BaseDiscoverer):
    def __init__(self, lag=1, random_state=None, progress=True):
        self.lag, self.random_state, self.progress = lag, random_state, progress

    def _discover(self, samples):
        return self._connectome(samples, sum(product(x - x.mean(0), self.lag) for x in samples.segments))
"""


@pytest.fixture
def written(tmp_path, monkeypatch):
    """Write Mine into a module of its own, and give it as that has it now."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def write(sign="1", shift=""):
        (tmp_path / "of_mine.py").write_text(SOURCE.format(sign=sign, shift=shift))
        importlib.invalidate_caches()
        sys.modules.pop("of_mine", None)
        return importlib.import_module("of_mine").Mine

    yield write
    sys.modules.pop("of_mine", None)


def _run(out, methods, **changed):
    given = {"simulate": 1, "sets": [SET], "out": out, "progress": False, "seed": 3} | changed
    return benchmark.run("var", methods, **given)


def test_it_stands_in_the_table_beside_others_and_is_not_done_again(tmp_path, written, counted):
    mine = written()
    methods = {"mine": mine(lag=2), "mine, as it comes": mine, "theirs": "conditional_granger"}
    rows = _run(tmp_path, methods)
    assert rows["method"].tolist() == list(methods) and rows["auroc"].notna().all()
    assert rows["settings"].tolist() == ["{'lag': 2}", "{'lag': 1}", "{}"]
    kept = Connectome.load(tmp_path / "var" / "simulated" / "mine" / SET / "fresh_3_0.nc")
    assert (kept.method, kept.seed, kept.parameters["progress"]) == ("Mine", 3, False)
    pd.testing.assert_frame_equal(_run(tmp_path, methods), rows, check_dtype=False)
    assert len(counted) == 3
    assert set(benchmark.write_results(rows, tmp_path / "var")) and len(benchmark.summary(rows)) == 3


def test_settings_and_a_seed_that_was_chosen_count(tmp_path, written):
    mine = written()
    rows = _run(tmp_path, {"mine": mine(lag=2, random_state=8)}, settings={"mine": {"lag": 3}})
    assert rows["settings"].tolist() == ["{'lag': 3, 'random_state': 8}"]


@pytest.mark.parametrize(
    "change",
    [
        lambda written: {"mine": written()(lag=2)},
        lambda written: {"mine": written(sign="2")()},  # what stands beside the class, not in it
        lambda written: {"mine": ConditionalGranger(lag=1)},
        lambda written: {"mine": "conditional_granger"},
    ],
)
def test_other_parameters_code_or_classes_are_other_work(tmp_path, written, counted, change):
    _run(tmp_path, {"mine": written()})
    _run(tmp_path, change(written))
    assert len(counted) == 2


def test_arrays_that_read_alike_are_other_work(tmp_path, counted):
    one = np.zeros((10, 10, 20))
    other = one.copy()
    other[5, 4, 10] = 1e-9
    assert repr(one) == repr(other)
    for given in (one, other, one.copy()):
        _run(tmp_path, {"mine": Aside(given)})
        _run(tmp_path, {"mine": Aside(ConditionalGranger(lag=1), inner=[given])})
    assert len(counted) == 6
    _run(tmp_path, {"mine": Aside(ConditionalGranger(lag=1), inner=[one])})
    assert len(counted) == 6


def test_code_that_nobody_can_read_is_never_trusted(tmp_path, counted):
    space = {"__name__": "nowhere"}
    exec(SOURCE.format(sign="1", shift=""), space)
    for _ in range(2):
        assert _run(tmp_path, {"mine": space["Mine"]})["error"].isna().all()
    assert len(counted) == 2


def test_two_names_of_one_folder_are_told_apart_by_what_they_name(tmp_path, counted):
    _run(tmp_path, {"one": "conditional_granger"})
    _run(tmp_path, {"one": "mvgc"})
    assert len(counted) == 2


def test_workers_find_the_same(tmp_path):
    class Local(ConditionalGranger):  # no module could be imported for it
        pass

    rows = _run(tmp_path / "one", {"mine": Local(lag=2)}, simulate=2)
    together = _run(tmp_path / "two", {"mine": Local(lag=2)}, simulate=2, jobs=2)
    figures = ["method", "network", "auroc", "settings"]
    pd.testing.assert_frame_equal(together[figures], rows[figures])


class Aside(ConditionalGranger):
    """Takes what changes nothing."""

    def __init__(self, given=None, inner=None):
        super().__init__(lag=1)
        self.given, self.inner = given, inner


class Locked(BaseDiscoverer):
    def __init__(self, lock=None):
        self.lock = lock


class Needy(BaseDiscoverer):
    def __init__(self, lag):
        self.lag = lag


@pytest.mark.parametrize(
    ("methods", "error", "told"),
    [
        ({}, InputError, "methods must name at least one"),
        ([ConditionalGranger()], InputError, "got a ConditionalGranger without one: give {'mine'"),
        ([ConditionalGranger], InputError, "got a ConditionalGranger without one: give {'mine'"),
        ({"a/b": "mvgc"}, InputError, "under names that a folder can have, such as 'mine'; got 'a/b'"),
        ({"..": "mvgc"}, InputError, "under names that a folder can have"),
        ({3: "mvgc"}, InputError, "under names that a folder can have, such as 'mine'; got 3"),
        ({"mine": "mvcg"}, UnknownNameError, "did you mean 'mvgc'"),
        ({"mine": dict}, InputError, r"methods\['mine'\] must be a method's name, or a BaseDiscoverer .*; got a dict"),
        ({"mine": Needy}, InputError, r"methods\['mine'\] cannot be made without arguments .*: give an instance"),
        ({"mine": ConditionalGranger(lag=-1)}, InputError, "lag"),
        (
            {"mine": Locked(threading.Lock())},
            InputError,
            r"methods\['mine'\] must be such that it can be pickled .*jobs=1",
        ),
    ],
)
def test_what_is_wrong_is_said_before_the_work(tmp_path, methods, error, told):
    with pytest.raises(error, match=told):
        _run(tmp_path, methods, jobs=2)
    assert not list(tmp_path.iterdir())
