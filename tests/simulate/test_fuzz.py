"""Anything at every door of `simulate`: an answer or a typed error, never a crash, never more memory than there is."""

from __future__ import annotations

import inspect
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synfer import simulate
from synfer.connectome import Connectome
from synfer.errors import DelayWarning, InputError, StepWarning, SynferError
from synfer.network import (
    STDP,
    AlphaSynapse,
    ConductanceSynapse,
    ExponentialSynapse,
    GaussianDrive,
    Network,
    OrnsteinUhlenbeckDrive,
    PoissonDrive,
    RateCoupling,
    SharedDrive,
    ShortTermPlasticity,
    SineDrive,
    StepDrive,
    WhiteNoiseDrive,
    cell_parameters,
)
from synfer.recording import Recording
from synfer.simulate import LogNormal, UniformDelay, memory, observe
from synfer.simulate.wiring import assemble

sys.path.insert(0, str(Path(__file__).parent))
from junk import JUNK, NETWORK, RECORDING, W, arrays

PLASTIC = Network("lif", {}, Connectome.from_weights([[0.0, 1.0], [1.0, 0.0]]), plasticity=STDP(0.1, 0.1, w_max=2.0))
RATES = simulate.rate_network(np.zeros((2, 4, 4)), noise=0.1)
VOLTAGES = simulate.run(NETWORK, 0.05)
OF_ALL = {"weight": 5.0, "delay": None, "n_networks": 1, "seed": 0, "layout": None}
OF_DALE = {"n_exc": 6, "n_inh": 2, "weight_inh": None, **OF_ALL}

DOORS: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "run": (
        simulate.run,
        {
            "network": NETWORK, "duration": 0.01, "dt": 1e-3, "drive": None, "record": "v", "every": 1, "warmup": 0.0,
            "spikes": "raster", "initial_state": None, "seed": 0, "dtype": "float32", "n_threads": 1, "device": "cpu",
            "out": None, "layout": None,
        },
    ),
    "run of rates": (
        simulate.run, {"network": RATES, "duration": 0.01, "initial_state": None, "layout": "sparse", "record": "x"}
    ),
    "run_plastic": (
        simulate.run_plastic, {"network": PLASTIC, "duration": 0.01, "dt": 1e-3, "weights_every": 5e-3},
    ),
    "izhikevich_network": (
        simulate.izhikevich_network,
        {"n_exc": 6, "n_inh": 2, "p": 0.5, "weight": 5.0, "n_networks": 1, "seed": 0},
    ),
    "erdos_renyi": (simulate.erdos_renyi, {"p": 0.5, "self_connections": False, **OF_DALE}),
    "fixed_in_degree": (simulate.fixed_in_degree, {"in_degree": 3, "self_connections": False, **OF_DALE}),
    "small_world": (simulate.small_world, {"k": 4, "p": 0.5, **OF_DALE}),
    "scale_free": (simulate.scale_free, {"m": 2, **OF_DALE}),
    "distance_dependent": (
        simulate.distance_dependent,
        {
            "p_max": 0.5, "length": 0.5, "profile": "gaussian", "positions": None, "side": 1.0, "n_dims": 2,
            "periodic": False, "self_connections": False, **OF_DALE,
        },
    ),
    "clustered": (
        simulate.clustered,
        {
            "n_clusters": 2, "p_within": 0.8, "p_between": 0.2, "p_inh": None, "weight_ratio": 1.0,
            "self_connections": False, **OF_DALE,
        },
    ),
    "by_cell_type": (
        simulate.by_cell_type,
        {
            **OF_ALL, "n_units": {"a": 4, "b": 2}, "p": [[0.5, 0.5], [0.5, 0.5]], "weight": [[1, -1], [1, -1]],
            "weight_cv": 0.0, "dale": True, "self_connections": False,
        },
    ),
    "ring_attractor": (
        simulate.ring_attractor,
        {
            "n_units": 9, "r": 1.0, "sigma": (6.98, 7.0), "a": 1.0005, "self_connections": False, "delay": None,
            "layout": None,
        },
    ),
    "random_positions": (
        simulate.random_positions, {"n_units": 9, "side": 1.0, "n_dims": 2, "n_networks": 1, "seed": 0},
    ),
    "clusters_of": (simulate.clusters_of, {"n_exc": 9, "n_clusters": 2}),
    "ring_order": (simulate.ring_order, {"n_exc": 9, "n_inh": 2}),
    "from_matrix": (
        simulate.from_matrix, {"weights": W, "delay": None, "unit_ids": None, "seed": 0, "layout": None},
    ),
    "from_networkx": (
        simulate.from_networkx,
        {"graph": nx.path_graph(4), "weight": 1.0, "delay": None, "seed": 0, "layout": None},
    ),
    "rate_network": (simulate.rate_network, {"weights": W}),
    "map_network": (simulate.map_network, {"weights": W}),
    "var_network": (simulate.var_network, {"coefficients": 0.1 * W}),
    "var_coefficients": (simulate.var_coefficients, {"n_units": 5}),
    "lorenz96_network": (simulate.lorenz96_network, {"n_units": 8}),
    "hide_units": (observe.hide_units, {"recording": RECORDING, "units": None, "fraction": 0.5, "seed": 0}),
    "decimate": (observe.decimate, {"recording": VOLTAGES, "factor": 2, "offset": 0, "antialias": False}),
    "bin_spikes": (observe.bin_spikes, {"recording": RECORDING, "width": 2e-3, "rate": False}),
    "add_noise": (
        observe.add_noise, {"recording": RECORDING, "std": 1.0, "signal": "v", "relative": False, "seed": 0},
    ),
    "calcium": (
        observe.calcium,
        {
            "recording": RECORDING, "rise": 0.05, "decay": 0.5, "amplitude": 1.0, "saturation": None, "noise": 0.1,
            "frame_rate": 100.0, "seed": 0,
        },
    ),
    "clip_and_zscore": (observe.clip_and_zscore, {"recording": RECORDING, "ceiling": 30.0, "signal": "v"}),
    "truth_of": (observe.truth_of, {"recording": RECORDING, "truth": NETWORK.connectome}),
    "cell_parameters": (cell_parameters, {"model": "izhikevich", "kinds": ["chattering", "resonator"]}),
    "LogNormal": (LogNormal, {"mean": 1.0, "std": 1.0}),
    "UniformDelay": (UniformDelay, {"low": 1e-3, "high": 2e-3, "step": 1e-4}),
    "DistanceDelay": (simulate.DistanceDelay, {"velocity": 1.0, "offset": 0.0, "step": None}),
}  # fmt: skip


def simulated(dt: float = 1e-3, **given_there: Any) -> Any:
    """What a network of these things does."""
    more = {"parameters": {}, "connectome": Connectome.from_weights(W), **given_there}
    return simulate.run(Network(**more), 0.005, dt, layout="sparse", seed=1)


def driven(kind: type) -> Callable[..., Any]:
    """A door: a drive of these fields, made and felt by a network."""

    def door(**fields: Any) -> Any:
        return simulated(model="lif", drive=kind(**fields))

    return door


def joined(kind: type, argument: str) -> Callable[..., Any]:
    """A door: synapses or their plasticity, made and simulated."""

    def door(**fields: Any) -> Any:
        return simulated(model="lif", connectome=Connectome.from_weights(np.abs(W)), **{argument: kind(**fields)})

    return door


MADE: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "Network": (
        simulated,
        {
            "model": "lif", "parameters": {"tau": 0.01}, "connectome": Connectome.from_weights(W), "drive": None,
            "synapse": None, "plasticity": None, "ids": None,
        },
    ),
    "parameter of a cell": (
        lambda **parameters: simulated(model="izhikevich", parameters=parameters), {"a": 0.02, "d": 8.0}
    ),
    "parameter of an adaptive neuron": (
        lambda **parameters: simulated(2e-4, model="adex", parameters=parameters),
        {"c": 200.0, "delta_t": 2.0, "tau_w": 0.03},
    ),
    "GaussianDrive": (driven(GaussianDrive), {"mean": 1.0, "variance": 1.0, "name": "noise"}),
    "WhiteNoiseDrive": (driven(WhiteNoiseDrive), {"mean": 1.0, "intensity": 0.1, "name": None}),
    "OrnsteinUhlenbeckDrive": (driven(OrnsteinUhlenbeckDrive), {"mean": 1.0, "deviation": 1.0, "tau": 0.01}),
    "PoissonDrive": (driven(PoissonDrive), {"rate": 100.0, "weight": 1.0}),
    "StepDrive": (driven(StepDrive), {"amplitude": 1.0, "start": 0.0, "stop": 1.0}),
    "SineDrive": (driven(SineDrive), {"amplitude": 1.0, "frequency": 10.0, "phase": 0.0, "mean": 0.0}),
    "SharedDrive": (driven(SharedDrive), {"strength": 1.0, "tau": 0.01}),
    "ExponentialSynapse": (joined(ExponentialSynapse, "synapse"), {"tau_exc": 5e-3, "tau_inh": 5e-3}),
    "AlphaSynapse": (joined(AlphaSynapse, "synapse"), {"tau_exc": 5e-3, "tau_inh": 5e-3}),
    "ConductanceSynapse": (
        joined(ConductanceSynapse, "synapse"), {"tau_exc": 5e-3, "tau_inh": 5e-3, "e_exc": 0.0, "e_inh": -80.0}
    ),
    "ShortTermPlasticity": (
        joined(ShortTermPlasticity, "plasticity"), {"baseline": 0.5, "tau_recovery": 0.1, "tau_facilitation": 0.1}
    ),
    "STDP": (
        joined(STDP, "plasticity"),
        {"a_plus": 0.1, "a_minus": 0.1, "w_max": 9.0, "tau_plus": 0.02, "tau_minus": 0.02, "w_min": 0.0},
    ),
    "RateCoupling": (
        lambda lags: simulate.run(Network("var", {}, Connectome.from_weights(W), synapse=RateCoupling(lags)), 0.005),
        {"lags": W[None]},
    ),
    "a wiring": (
        lambda weight, delay: simulated(model="lif", connectome=Connectome.from_weights(weight, delay=delay)),
        {"weight": W, "delay": 2e-3},
    ),
}  # fmt: skip


@pytest.fixture(autouse=True)
def little_memory() -> Iterator[None]:
    """A machine on which 140 MB are left: whatever would take more is refused, or the test shows it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory, "available_bytes", lambda: 140_000_000)
        yield


def all_arguments(name: str) -> dict[str, Any]:
    """Good arguments of a door, those left out at their defaults."""
    door, good = DOORS[name]
    defaults = {key: p.default for key, p in inspect.signature(door).parameters.items() if p.default is not p.empty}
    return {**defaults, **good}


@pytest.mark.parametrize("name", DOORS)
def test_good_arguments_are_taken(name: str) -> None:
    parameters = inspect.signature(DOORS[name][0]).parameters.values()
    assert set(all_arguments(name)) == {p.name for p in parameters if p.kind != p.VAR_KEYWORD}
    DOORS[name][0](**all_arguments(name))


@pytest.mark.parametrize("name", MADE)
def test_good_parts_are_taken(name: str) -> None:
    MADE[name][0](**MADE[name][1])


@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::UserWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize("name", [*DOORS, *MADE])
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_junk_is_answered_or_refused_by_a_typed_error(name: str, data: st.DataObject) -> None:
    door, good = MADE[name] if name in MADE else (DOORS[name][0], all_arguments(name))
    spoilt = data.draw(st.lists(st.sampled_from(sorted(good)), min_size=1, max_size=2, unique=True))
    arguments = {**good, **{argument: data.draw(JUNK, label=argument) for argument in spoilt}}
    try:
        door(**arguments)
    except SynferError as error:
        assert str(error)
    except (DelayWarning, StepWarning):
        pass  # an answer, of another step than the network's


@pytest.mark.parametrize("name", ["run", "decimate", "bin_spikes", "add_noise", "calcium", "clip_and_zscore"])
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_signals_of_any_type_and_strides_are_observed_or_refused(name: str, data: st.DataObject) -> None:
    array = data.draw(arrays())
    try:
        recording = Recording({"v": array, "spikes": array}, 1e-3, leading="network" if array.ndim == 3 else None)
    except SynferError:
        return
    door, good = DOORS[name]
    given_there = {"drive": array, "network": NETWORK} if name == "run" else {"recording": recording}
    with np.errstate(all="ignore"):
        try:
            seen = door(**{**good, **given_there})
        except SynferError as error:
            assert str(error)
            return
    assert name == "run" or seen.unit_ids.tolist() == recording.unit_ids.tolist()


@pytest.mark.parametrize(
    ("name", "changed", "n_edges", "n_pairs"),
    [
        ("erdos_renyi", {"n_exc": 8_000, "p": 0.01}, 640_000, 0),
        ("erdos_renyi", {"n_exc": 998, "p": 0.5, "delay": 1e-3}, 500_000, 10**6),
        ("erdos_renyi", {"n_exc": 198, "p": 0.5, "delay": 1e-3, "n_networks": 20}, 20_000, 800_000),
        ("fixed_in_degree", {"n_exc": 7_998, "in_degree": 80, "delay": UniformDelay(1e-3, 2e-3)}, 640_000, 0),
        ("small_world", {"n_exc": 7_998, "k": 80}, 640_000, 0),
        ("scale_free", {"n_exc": 7_998, "m": 80}, 640_000, 0),
        ("clustered", {"n_exc": 7_998, "n_clusters": 40, "p_within": 0.3, "p_between": 0.01}, 1_080_000, 0),
        ("distance_dependent", {"n_exc": 7_998, "p_max": 0.3, "length": 0.1}, 1_000_000, 0),
        ("by_cell_type", {"n_units": {"a": 6_000, "b": 2_000}, "p": np.full((2, 2), 0.01)}, 640_000, 0),
    ],
)
def test_memory_is_foreseen(name: str, changed: dict, n_edges: int, n_pairs: int) -> None:
    door, good = DOORS[name]
    tracemalloc.start()
    try:
        connectome = door(**{**good, **changed})
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    foreseen = n_edges * assemble.BYTES_OF_EDGE + n_pairs * assemble.BYTES_OF_PAIR + 64 * connectome.n_units
    working = (
        40 * 2**22 if name in ("clustered", "distance_dependent", "by_cell_type") else 0
    )  # what is drawn in one go
    assert peak < 1.1 * foreseen + working
    assert peak > foreseen / 4


def test_what_would_not_fit_is_refused_with_both_numbers() -> None:
    sayings = r"would need [\d,.]+ GB of memory and 0\.1 GB are available"
    for door, given_there in (
        (simulate.run, {"network": NETWORK, "duration": 1e5}),
        (simulate.erdos_renyi, {"n_exc": 3000, "n_inh": 0, "p": 0.1}),
        (simulate.izhikevich_network, {"n_exc": 100, "n_inh": 0, "p": 0.1, "n_networks": 10_000}),
        (
            observe.calcium,
            {"recording": Recording({"spikes": np.zeros((2, 2 * 10**6), np.uint8)}, 100.0), "frame_rate": 1e-2},
        ),
        (observe.add_noise, {"recording": Recording({"v": np.zeros((10**6, 10))}, 1.0), "std": 1.0}),
        (
            observe.bin_spikes,
            {"recording": Recording({"spikes": np.zeros((10**4, 2000), np.uint8)}, 1.0), "width": 1.0},
        ),
    ):
        with pytest.raises(InputError, match=sayings):
            door(**given_there)
