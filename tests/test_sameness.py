"""What tells one estimator from another: its parameters in full, its code; and nothing that it only remembers."""

from __future__ import annotations

import dataclasses
import functools
import importlib
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr
from scipy.sparse import csr_array

from synfer import Recording
from synfer.discover import ConditionalGranger, significance
from synfer.discover.significance import CircularShift
from synfer.sameness import OWN, code_of, code_of_function, told


@dataclasses.dataclass
class Held:
    array: np.ndarray
    unseen: int = dataclasses.field(default=0, repr=False)


def test_what_reads_in_full_is_told_as_repr_has_it():
    """Keys of results that were kept are made of these words."""
    plain = {
        "lag": 3,
        "ridge": 0.1,
        "likelihood": "gaussian",
        "alpha": None,
        "constants": (2.0, np.float64(0.3)),
        "options": {"a": [1, (2, b"x")], "b": True},
        "folder": Path("x") / "y",
        "kind": dict,
        "surrogate": significance.CircularShift(apart=True),
    }
    assert told(plain) == repr(sorted(plain.items()))


LONG = np.arange(5000.0)
OTHER = LONG + (LONG == 2000) * 1e-9
KINDS = {
    "array": lambda x: x,
    "tuple": lambda x: ("x", x),
    "mapping": lambda x: {"x": [x]},
    "tensor": torch.tensor,
    "DataArray": lambda x: xr.DataArray(x, dims="time", name="x"),
    "its coordinate": lambda x: xr.DataArray(LONG, dims="time", coords={"time": x}),
    "Dataset": lambda x: xr.Dataset({"x": ("time", x)}),
    "Series": lambda x: pd.Series(x, name="x"),
    "Index": pd.Index,
    "DataFrame": lambda x: pd.DataFrame({"a": x, "b": LONG}),
    "its index": lambda x: pd.DataFrame({"b": LONG}, index=x),
    "Recording": lambda x: Recording.from_array(x[:, None], 0.1),
    "estimator": lambda x: ConditionalGranger().set_params(lag=x),
    "dataclass": Held,
    "unseen": lambda x: Held(LONG, int(x is OTHER)),
    "sparse": lambda x: csr_array(x[:, None]),
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_abbreviated_is_told_in_full(kind):
    one, again, other = (told({"x": KINDS[kind](x)}) for x in (LONG, LONG.copy(), OTHER))
    assert one == again != other and len(one) < 100


@dataclasses.dataclass
class Shy:
    a: int

    def __repr__(self):
        return "Shy"


class More(CircularShift):
    pass


class Short(list):
    def __repr__(self):
        return "Short"


class Bound:
    def __init__(self, a):
        self.a = a

    def __repr__(self):
        return "Bound"

    def method(self):
        return self.a


def more(a):
    made = More()
    object.__setattr__(made, "a", a)
    return made


def local(a):
    class Local:
        x = a

    return Local


@pytest.mark.parametrize("made", [Shy, more, lambda a: Short([a]), lambda a: Bound(a).method, Bound])
def test_what_a_repr_hides_is_told(made):
    assert told({"x": made(1)}) == told({"x": made(1)}) != told({"x": made(2)})


def test_classes_of_two_calls_are_never_taken_for_one():
    assert told({"x": local(1)}) != told({"x": local(2)})


def test_an_array_s_order_in_memory_is_not_told():
    x = np.random.default_rng(0).normal(size=(6, 4))
    assert told({"x": x}) == told({"x": np.asfortranarray(x)}) == told({"x": np.repeat(x, 2, axis=1)[:, ::2]})
    masked = np.ma.masked_less(x, 0.0)
    assert told({"x": masked}) != told({"x": np.ma.masked_less(x, 0.5)})


def test_what_an_object_only_remembers_is_not_told():
    recording = Recording.from_array(np.random.default_rng(0).normal(size=(200, 3)), 0.1)
    frame, fitted = recording.to_xarray()["signal"], ConditionalGranger(lag=1)
    before = told({"a": recording, "b": frame, "c": fitted})
    fitted.fit(recording)
    assert frame.indexes["time"].is_monotonic_increasing and recording.duration and repr(frame)
    assert told({"a": recording, "b": frame, "c": fitted}) == before


def test_functions_and_what_cannot_be_pickled_are_never_taken_for_others():
    assert told({"f": lambda: 1}) != told({"f": lambda: 1})
    assert told({"f": (x for x in "a")}) != told({"f": (x for x in "b")})


def test_another_process_tells_the_same():
    lines = """
        import numpy as np, xarray as xr
        from synfer.discover import ConditionalGranger
        from synfer.sameness import told
        x = xr.DataArray(np.arange(2000.0), dims="time", attrs={"units": "s"})
        print(told({"x": x, "inner": ConditionalGranger(lag=2), "names": {"b", "a", "c"}}))
    """
    found = {
        subprocess.run(
            [sys.executable, "-c", textwrap.dedent(lines)], check=True, capture_output=True, text=True
        ).stdout
        for _ in range(2)
    }
    assert len(found) == 1


def test_code_of_classes_and_of_estimators_within_counts(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def code(beside):
        lines = (
            f"from synfer.discover import ConditionalGranger\nX = {beside}\n\n\nclass Mine(ConditionalGranger): ...\n"
        )
        (tmp_path / "of_sameness.py").write_text(lines)
        importlib.invalidate_caches()
        sys.modules.pop("of_sameness", None)
        mine = importlib.import_module("of_sameness").Mine
        return code_of(mine()), code_of(ConditionalGranger().set_params(lag=mine()))

    try:
        assert code(1) == code(1)
        assert not set(code(1)) & set(code(2))
    finally:
        sys.modules.pop("of_sameness", None)
    assert code_of(ConditionalGranger()) == OWN not in code(1)
    assert code_of(type("Nowhere", (ConditionalGranger,), {"__module__": "nowhere"})()) is None


def test_readers_are_told_apart_by_name_lines_and_what_they_were_given():
    def made(x):
        return lambda path: (path, x)

    def read(x, path):
        return x, path

    def other(x, path):
        return x, path

    told_apart = [
        Recording.load,
        Recording.from_file,
        made(1),
        made(2),
        functools.partial(read, 1),
        functools.partial(read, 2),
        functools.partial(other, 1),
        functools.partial(Recording.from_array, np.zeros(3)),
        functools.partial(Recording.from_array, np.ones(3)),
    ]
    codes = [code_of_function(one) for one in told_apart]
    assert None not in codes and len(set(codes)) == len(codes)
    assert codes[2] == code_of_function(made(1)) and codes[4] == code_of_function(functools.partial(read, 1))
    space = {"__name__": "nowhere"}
    exec("def read(path): ...", space)
    assert code_of_function(space["read"]) is None
