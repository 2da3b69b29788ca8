"""Times given in milliseconds where seconds are meant are warned of, and slow ones that are meant are not."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from synfer.connectome import Connectome
from synfer.errors import MillisecondsWarning, SynferWarning
from synfer.network import (
    STDP,
    AlphaSynapse,
    ConductanceSynapse,
    ExponentialSynapse,
    Network,
    OrnsteinUhlenbeckDrive,
    RateCoupling,
    SharedDrive,
    ShortTermPlasticity,
    SineDrive,
    StepDrive,
)
from synfer.network.models import models
from synfer.simulate import DistanceDelay, UniformDelay, distance_dependent, erdos_renyi, run, run_views
from synfer.simulate.milliseconds import LONGEST

PAIR = Connectome.from_weights([[0.0, 1.0], [1.0, 0.0]])


def simulate(model: str = "lif", parameters: dict[str, Any] | None = None, seconds: float = 0.1, **given: Any) -> Any:
    return run(Network(model, parameters or {}, PAIR, **given), seconds, 1e-4)


MISTAKEN: dict[str, tuple[dict[str, Any], str]] = {
    "refractory": ({"parameters": {"refractory": [0.002, 0.5]}}, "'refractory' of model 'lif' = 0.5 s"),
    "membrane": ({"parameters": {"tau": 20.0}}, r"'tau' of model 'lif' = 20 s .* Take 0\.02 for 20 ms"),
    "adaptation": ({"model": "adex", "parameters": {"tau_w": 144.0}}, "'tau_w' of model 'adex' = 144 s"),
    "synapse": ({"synapse": ExponentialSynapse(5.0, 0.01)}, "tau_exc of ExponentialSynapse = 5 s"),
    "inhibition": ({"synapse": AlphaSynapse(5e-3, 10.0)}, r"tau_inh of AlphaSynapse = 10 s .* Take 0\.01 for 10 ms"),
    "conductance": ({"synapse": ConductanceSynapse(2.0, 0.01)}, "tau_exc of ConductanceSynapse = 2 s"),
    "STDP": ({"plasticity": STDP(0.1, 0.1, 2.0, tau_plus=20.0)}, "tau_plus of STDP = 20 s"),
    "STDP's other": ({"plasticity": STDP(0.1, 0.1, 2.0, tau_minus=20.0)}, "tau_minus of STDP = 20 s"),
    "recovery": ({"plasticity": ShortTermPlasticity(0.5, 800.0)}, "tau_recovery of ShortTermPlasticity = 800 s"),
    "facilitation": ({"plasticity": ShortTermPlasticity(0.5, 0.8, 50.0)}, "tau_facilitation of ShortTerm.* = 50 s"),
    "noise": ({"drive": OrnsteinUhlenbeckDrive(1.0, 1.0, [0.01, 5.0])}, "tau of OrnsteinUhlenbeckDrive = 5 s"),
    "shared": ({"drive": SharedDrive(1.0, tau=20.0)}, "tau of SharedDrive = 20 s"),
    "beginning": ({"drive": StepDrive(1.0, 50.0, 80.0)}, r"start of StepDrive = 50 s .* Take 0\.05 for 50 ms"),
    "kHz": ({"drive": SineDrive(1.0, 0.01)}, r"shortest period of SineDrive, 1 / frequency \(Hz\) = 100 s"),
}


@pytest.mark.parametrize("what", MISTAKEN)
def test_milliseconds_are_warned_of(what: str) -> None:
    given, words = MISTAKEN[what]
    with pytest.warns(MillisecondsWarning, match=words) as caught:
        simulate(**given)
    assert len(caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", MillisecondsWarning)
        simulate(**given)


@pytest.mark.parametrize(
    "given",
    [
        {"parameters": {"tau": 0.2, "refractory": 0.05}},
        {"model": "adex", "parameters": {"tau_w": 1.0}},
        {"model": "hodgkin_huxley_cortical", "parameters": {"tau_max": 4.0}},
        {"synapse": ConductanceSynapse(0.2, 0.2)},
        {"plasticity": [ShortTermPlasticity(0.5, 3.0, 2.0), STDP(0.1, 0.1, 2.0, 0.125, 0.1)]},
        {"drive": [OrnsteinUhlenbeckDrive(1.0, 1.0, 2.0), SharedDrive(1.0, tau=1.0)]},
        # of a run that is taken on piece by piece, and an infra-slow rhythm
        {"drive": [StepDrive(1.0, 4.0, 5.0), SineDrive(1.0, 0.2)]},
        {"drive": [StepDrive(1.0, 12.0, 13.0), SineDrive(1.0, 0.08)], "seconds": 0.5},
        {"drive": [StepDrive(1.0, np.inf), SineDrive(1.0, 0.0)]},
        {"model": "leaky_tanh", "parameters": {"tau": 20.0}, "synapse": RateCoupling()},
    ],
)
def test_slow_things_are_no_mistake(given: dict[str, Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", SynferWarning)
        simulate(**given)


DELAYS = {
    "one": (erdos_renyi(8, 2, 0.5, delay=1.5), r"longest delay = 1\.5 s .* Take 0\.0015 for 1\.5 ms"),
    "drawn": (erdos_renyi(8, 2, 0.5, delay=UniformDelay(1.0, 5.0, step=1e-3)), "longest delay = "),
    "by distance": (
        distance_dependent(8, 2, 1.0, 1.0, delay=DistanceDelay(0.3, step=1e-3), seed=1),
        "longest delay = ",
    ),
    "a list's": (erdos_renyi(8, 2, 0.5, delay=1.5, layout="edges"), r"longest delay = 1\.5 s"),
}


@pytest.mark.parametrize("what", DELAYS)
def test_delays_in_milliseconds_are_warned_of(what: str) -> None:
    wiring, words = DELAYS[what]
    with pytest.warns(MillisecondsWarning, match=words) as caught:
        run(Network("lif", {}, wiring), 0.01, 1e-3)
    assert [one.category for one in caught if issubclass(one.category, MillisecondsWarning)] == [MillisecondsWarning]


def test_slow_axons_and_wirings_without_edges_are_no_mistake() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", SynferWarning)
        run(Network("lif", {}, erdos_renyi(8, 2, 0.5, delay=0.2)), 0.01, 1e-3)
        run(Network("lif", {}, erdos_renyi(8, 2, 0.0, delay=1.5)), 0.01, 1e-3)


def test_the_caller_is_named_and_what_drives_this_run_is_looked_at() -> None:
    network = Network("lif", {}, PAIR, drive=OrnsteinUhlenbeckDrive(1.0, 1.0, 20.0))
    run(network, 0.01, 1e-4, drive=OrnsteinUhlenbeckDrive(1.0, 1.0, 0.02))
    with pytest.warns(MillisecondsWarning, match="tau of Ornstein") as caught:
        run_views(network, 0.01, 1e-4, views={"all": {}})
    assert caught[0].filename == __file__


def test_every_time_of_a_model_has_a_limit_that_its_default_keeps() -> None:
    for model in models().values():
        for name, scale in model.scales.items():
            assert scale == 1 or model.defaults[name] < LONGEST[name]
