"""Anything at the doors beside `run`: several views of a run, states and files of them, the slow twin."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synfer import simulate
from synfer.connectome import Connectome
from synfer.errors import DelayWarning, FileError, InputError, StepWarning, SynferError
from synfer.network import (
    STDP,
    ExponentialSynapse,
    GaussianDrive,
    JumpSynapse,
    Network,
    OrnsteinUhlenbeckDrive,
    ShortTermPlasticity,
)
from synfer.simulate import State, memory
from synfer.storage import read_datasets, write_datasets

sys.path.insert(0, str(Path(__file__).parent))
from junk import JUNK, NETWORK, W, arrays

WIRED = Connectome.from_weights(np.abs(np.stack([W, W])), delay=3e-3)
BATCH = Network(
    "lif", {"tau": 0.01}, WIRED, synapse=ExponentialSynapse(5e-3, 0.01),
    plasticity=[ShortTermPlasticity(0.5, 0.1), STDP(0.1, 0.1, w_max=9.0)],
    drive=[GaussianDrive(1.0, [1.0, 2.0, 3.0]), OrnsteinUhlenbeckDrive(20.0, 1.0, 0.01, name="slow")],
)  # fmt: skip
STATE = simulate.run(BATCH, 0.02).final_state
assert sorted(STATE.arrays) == ["drive1", "pending", "releases", "state", "strengths", "synapse_state", "traces"]


def two_views(**view: Any) -> Any:
    return simulate.run_views(NETWORK, 0.02, views={"one": view, "other": {"record": "v", "units": [0, 2]}})


def jumping(weight: Any, delay: Any, **more: Any) -> Any:
    parts = {"model": "lif", "parameters": {}, "drive": None, "plasticity": None, "ids": None} | more
    layout = parts.pop("layout", None)
    connectome = Connectome.from_weights(weight, delay=delay)
    return simulate.run(Network(connectome=connectome, synapse=JumpSynapse(), **parts), 0.02, layout=layout)


def gone_on(**fields: Any) -> Any:
    state = State(**fields)
    try:
        state.isel(network=[1, 0])
    except SynferError as error:
        assert str(error)
    return simulate.run(BATCH, 0.005, initial_state=state)


FIELDS = {field.name: getattr(STATE, field.name) for field in dataclasses.fields(State)}
DOORS: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "run_views": (
        simulate.run_views,
        {
            "network": NETWORK, "duration": 0.01, "dt": 1e-3, "views": {"a": {"record": ("v", "spikes")}, "b": {}},
            "drive": None, "warmup": 0.0, "initial_state": None, "seed": 0, "dtype": "float32", "n_threads": 1,
            "device": "cpu", "layout": None,
        },
    ),
    "a view": (
        two_views,
        {"record": ("v", "spikes", "drive"), "every": 2, "spikes": "events", "units": [1, 3], "out": None},
    ),
    "a view into memory": (
        lambda v, u: two_views(record=("v", "u"), out={"v": v, "u": u}),
        {"v": np.zeros((2, 20, 4), np.float32), "u": np.zeros((2, 20, 4), np.float32)},
    ),
    "run_reference": (
        simulate.run_reference,
        {"network": BATCH.isel(1), "duration": 0.01, "dt": 1e-3, "drive": None, "initial_state": None, "seed": 0},
    ),
    "run_reference of rates": (
        simulate.run_reference,
        {"network": simulate.rate_network(0.1 * W, noise=0.1), "duration": 0.01, "drive": None, "initial_state": None},
    ),
    "state_dependent_system": (
        simulate.state_dependent_system,
        {
            "n_units": 3, "activation": "linear", "state_dependent": True, "n_trials": 2, "n_samples": 9, "step": 0.01,
            "noise": 0.1, "seed": 0,
        },
    ),
    "State": (gone_on, FIELDS),
    "an array of a state": (
        lambda **arrays: gone_on(**{**FIELDS, "arrays": {**STATE.arrays, **arrays}}), dict(STATE.arrays)
    ),
    "State.isel": (STATE.isel, {"network": [1, 0]}),
    "Network.isel": (BATCH.isel, {"network": [1, 0]}),
    "State.save": (lambda path: STATE.isel(0).save(path), {"path": "state.nc"}),
    "Network.save": (lambda path: BATCH.save(path), {"path": "network.nc"}),
    "State.load": (State.load, {"path": "there.nc"}),
    "Network.load": (Network.load, {"path": "there too.nc"}),
    "JumpSynapse": (
        jumping,
        {
            "weight": W, "delay": 2e-3, "model": "lif", "parameters": {"tau": 0.01}, "drive": GaussianDrive(30.0, 9.0),
            "plasticity": None, "ids": None, "layout": "sparse",
        },
    ),
}  # fmt: skip


@pytest.fixture(autouse=True, scope="module")
def little_memory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A machine on which 140 MB are left, and a folder in which two of our files lie."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory, "available_bytes", lambda: 140_000_000)
        patch.chdir(tmp_path_factory.mktemp("files"))
        STATE.save("there.nc")
        BATCH.save("there too.nc")
        yield


@pytest.mark.parametrize("name", DOORS)
def test_good_arguments_are_taken(name: str) -> None:
    door, good = DOORS[name]
    door(**good)


@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::UserWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize("name", DOORS)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_junk_is_answered_or_refused_by_a_typed_error(name: str, data: st.DataObject) -> None:
    door, good = DOORS[name]
    spoilt = data.draw(st.lists(st.sampled_from(sorted(good)), min_size=1, max_size=2, unique=True))
    junk = st.one_of(JUNK, st.dictionaries(st.sampled_from(["a", "record", "units", "v", "state"]), JUNK, max_size=2))
    arguments = {**good, **{argument: data.draw(junk, label=argument) for argument in spoilt}}
    try:
        door(**arguments)
    except SynferError as error:
        assert str(error)
    except (DelayWarning, StepWarning):
        pass  # an answer, of another step than the network's


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("kind", ["state", "network"])
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_file_that_holds_something_else_is_refused_or_simulated(kind: str, data: st.DataObject) -> None:
    """Whatever the file says, it is well-formed: what was written by others is looked at as what callers give."""
    path, groups = {"state": ("there.nc", ("/",)), "network": ("there too.nc", ("/", "connectome"))}[kind]
    parts = dict(zip(groups, read_datasets(path, kind, groups), strict=True))
    group = data.draw(st.sampled_from(groups))
    root = parts[group]
    name = data.draw(st.sampled_from(sorted([*map(str, root.variables), *map(str, root.attrs)])))
    if name in root.attrs:
        told = root.attrs[name]
        other = data.draw(st.sampled_from(["", "{}", "null", "[]", "{", "5", -1, "lif", str(told)[:-1]]))
        if isinstance(told, str) and told.startswith("{") and data.draw(st.booleans()):
            fields = json.loads(told)
            if fields:
                at = data.draw(st.sampled_from(sorted(fields)))
                fields[at] = data.draw(st.sampled_from([None, -1, 0, 1e300, "x", [], {}, True, 2**40, -(10**30), "7"]))
            other = json.dumps(fields)
        parts[group] = root.assign_attrs({name: other})
    else:
        array = data.draw(arrays())
        if array.dtype.kind not in "fiu" or array.dtype.itemsize > 8 or array.dtype == np.float16 or 0 in array.shape:
            array = np.zeros(2)
        other = xr.Variable([f"other_{k}" for k in range(array.ndim)], array.copy())
        parts[group] = root.drop_vars(name).drop_dims(name, errors="ignore").assign({name: other})
    try:
        write_datasets("other.nc", kind, parts)
    except (ValueError, TypeError):
        return  # xarray would not write it, so that no such file is
    try:
        if kind == "state":
            simulate.run(BATCH, 0.005, initial_state=State.load("other.nc"))
        else:
            simulate.run(Network.load("other.nc"), 0.005)
    except (SynferError, DelayWarning, StepWarning) as error:
        assert str(error)


@pytest.mark.parametrize(("load", "path"), [(State.load, "there.nc"), (Network.load, "there too.nc")])
def test_files_cut_short_are_refused(load: Callable[[str], Any], path: str) -> None:
    whole = Path(path).read_bytes()
    for length in np.linspace(0, len(whole) - 1, 40).astype(int):
        Path("short.nc").write_bytes(whole[:length])
        with pytest.raises(FileError, match="cannot read"):
            load("short.nc")


def test_what_would_not_fit_is_refused_with_both_numbers() -> None:
    sayings = r"would need [\d,.]+ GB of memory and 0\.1 GB are available"
    with pytest.raises(InputError, match=sayings):
        simulate.run_views(NETWORK, 1e4, views={str(k): {"record": ("v", "u")} for k in range(3)})
    with pytest.raises(InputError, match=sayings):
        simulate.state_dependent_system(100, n_trials=100, n_samples=100)
    with pytest.raises(InputError, match=sayings):
        simulate.run_reference(NETWORK.isel(0), 1e5)
